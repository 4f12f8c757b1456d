"""Mining a folder of videos and image folders in one go, without the workflow.

Units are mined side by side and written one after the other, in the order of their names: the result is the same bytes
however many processes worked on it. A run that was stopped goes on behind the last unit that was written; what else was
mined by then, at most a few minutes of work, is mined again. A result that was damaged since is named and made again.
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

    Writes to ``out``: ``pairs.tar`` and ``pairs.parquet`` (the retained pairs), ``candidates.parquet`` (every measured
    candidate), ``views.tar`` and ``views.parquet`` (what was measured) and, last, ``receipt.json``.

    Args:
        jobs: processes.
        confined: work in processes with limits of memory and time even where one is enough; several always have them.

    Returns:
        Statistics as of :func:`mimic_core.pairs.shard.mine_shard`, summed over the units, and how many files of each
        suffix were ``passed_over``.

    Raises:
        MimicError: the folder is not there, holds nothing to read, or nothing that can be read; or another process
            works in ``out``, or nothing can be written there.
    """
    face_blur(settings.blur_faces)  # a detector that is missing is named before anything is written
    tasks = find_tasks(folder, out, settings)
    try:
        with FolderLock(out):
            statistics = mine_locked(tasks, out, settings, jobs, confined)
    except OSError as error:
        if str(out) in str(error.filename):  # what is written is meant; what cannot be read was counted
            raise cannot_write(error.filename, error) from error
        raise
    return {**statistics, "passed_over": passed_over(folder, [task.unit for task in tasks], out)}


def mine_locked(
    tasks: Sequence[UnitTask], out: Path, settings: FolderSettings, jobs: int, confined: bool
) -> dict[str, Any]:
    """What :func:`mine_folder` does once no other process works in ``out``."""
    stamps = {task.folder.name: task.stamp for task in tasks}
    receipt = Receipt("pairs", asdict(settings), [file for task in tasks for file in task.unit.files])
    final, paths = out / "receipt.json", shard_paths(out)
    remove_abandoned([final, *paths.all()])  # of a run that was killed while it put the tables together
    if (statistics := finished(final, stamps, paths)) is not None:
        log.info("nothing to do: %s is the result of these files and settings", out)
        shutil.rmtree(out / PARTS, ignore_errors=True)  # of a run that was killed after its last write
        return statistics
    with Archives(tasks, out / PARTS, paths) as archives:
        if archives.statistics:
            count = len(archives.statistics)
            log.info("going on: %d of %d videos and image folders are done", count, len(tasks))
        mine_tasks(archives, jobs, confined)
        receipt.statistics = {**sum_statistics(archives.statistics), "stamps": stamps}
        known = archives.finish()
    receipt.write(final, paths.all(), known)
    shutil.rmtree(out / PARTS)
    return receipt.statistics


def finished(final: Path, stamps: Mapping[str, Any], paths: ShardPaths) -> dict[str, Any] | None:
    """The statistics of a receipt of the same files and settings, whose outputs are still what it says.

    None where there is no such receipt; an output that was damaged since is named.
    """
    if not final.is_file():
        return None
    try:
        receipt = read_receipt(final)
        statistics, damaged = receipt.block("statistics"), changed_files(receipt, paths.all())
    except (MimicError, OSError):
        log.warning("damaged since it was written: %s; everything is mined again", final)
        return None
    if statistics.get("stamps") != stamps:
        return None
    if damaged:
        names = ", ".join(map(str, damaged))
        log.warning("damaged or gone since it was written: %s; everything is mined again", names)
        return None
    return statistics
