"""Mine a folder of videos and image folders in one call, without the workflow.

Units are mined in parallel and written in order of their names, so the output bytes do not depend on the number of
processes. A stopped run resumes after the last unit written; units mined but not yet written, at most a few minutes of
work, are mined again. A damaged result is reported and mined again.
"""

from __future__ import annotations

import logging
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from mimic_core.frames import face_blur
from mimic_core.kit.errors import MimicError
from mimic_core.kit.files import cannot_write, remove_abandoned
from mimic_core.kit.read_receipts import read_receipt
from mimic_core.kit.receipts import Receipt
from mimic_core.kit.verify import changed_files
from mimic_core.machine import FolderLock
from mimic_core.pairs.archives import Archives, sum_statistics
from mimic_core.pairs.ordering import mine_tasks
from mimic_core.pairs.shard import ShardPaths
from mimic_core.pairs.tasks import PARTS, FolderSettings, UnitTask, find_tasks, shard_paths
from mimic_core.sources import passed_over

__all__ = ["PARTS", "FolderSettings", "UnitTask", "find_tasks", "mine_folder", "shard_paths"]

log = logging.getLogger("mimic")


def mine_folder(
    folder: Path, out: Path, settings: FolderSettings, jobs: int = 1, *, confined: bool = False
) -> dict[str, Any]:
    """Mine every video and image folder below ``folder``.

    Write to ``out``: ``pairs.tar`` and ``pairs.parquet`` (retained pairs), ``candidates.parquet`` (all measured
    candidates), ``views.tar`` and ``views.parquet`` (the views) and, last, ``receipt.json``.

    Args:
        jobs: number of processes.
        confined: mine in a process with memory and time limits even if ``jobs`` is 1; several always have limits.

    Returns:
        Statistics as in :func:`mimic_core.pairs.shard.mine_shard`, summed over the units, and the number of skipped
        files by suffix (``passed_over``).

    Raises:
        MimicError: the folder does not exist, has no videos or images, or none of them can be read; or another process
            is mining into ``out``, or ``out`` cannot be written.
    """
    face_blur(settings.blur_faces)  # report a missing detector before anything is written
    tasks = find_tasks(folder, out, settings)
    try:
        with FolderLock(out):
            statistics = mine_locked(tasks, out, settings, jobs, confined)
    except OSError as error:
        if str(out) in str(error.filename):  # a write failed; read errors are counted elsewhere
            raise cannot_write(error.filename, error) from error
        raise
    return {**statistics, "passed_over": passed_over(folder, [task.unit for task in tasks], out)}


def mine_locked(
    tasks: Sequence[UnitTask], out: Path, settings: FolderSettings, jobs: int, confined: bool
) -> dict[str, Any]:
    """Do the work of :func:`mine_folder` while holding the lock on ``out``."""
    stamps = {task.folder.name: task.stamp for task in tasks}
    receipt = Receipt("pairs", asdict(settings), [file for task in tasks for file in task.unit.files])
    final, paths = out / "receipt.json", shard_paths(out)
    remove_abandoned([final, *paths.all()])  # temporary files of a run killed while concatenating the tables
    if (statistics := finished_result(final, stamps, paths)) is not None:
        log.info("nothing to do: %s is up to date with these files and settings", out)
        shutil.rmtree(out / PARTS, ignore_errors=True)  # left by a run killed after its last write
        return statistics
    with Archives(tasks, out / PARTS, paths) as archives:
        if archives.statistics:
            count = len(archives.statistics)
            log.info("resuming: %d of %d videos and image folders are done", count, len(tasks))
        mine_tasks(archives, jobs, confined)
        receipt.statistics = {**sum_statistics(archives.statistics), "stamps": stamps}
        known = archives.finish()
    receipt.write(final, paths.all(), known)
    shutil.rmtree(out / PARTS)
    return receipt.statistics


def finished_result(final: Path, stamps: Mapping[str, Any], paths: ShardPaths) -> dict[str, Any] | None:
    """Return the statistics of a finished run with the same files and settings; None if there is none or it is damaged.

    Damaged outputs are logged.
    """
    if not final.is_file():
        return None
    try:
        receipt = read_receipt(final)
        statistics, damaged = receipt.block("statistics"), changed_files(receipt, paths.all())
    except (MimicError, OSError):
        log.warning("damaged since it was written: %s; mining everything again", final)
        return None
    if statistics.get("stamps") != stamps:
        return None
    if damaged:
        names = ", ".join(map(str, damaged))
        log.warning("damaged or missing since it was written: %s; mining everything again", names)
        return None
    return statistics
