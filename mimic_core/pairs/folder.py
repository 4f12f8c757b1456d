"""Mining a folder of videos and image folders in one go, without the workflow.

Each video and each image folder is mined on its own, into a folder of parts, and is done when its receipt is there;
at the end the parts are put together in the order of their names. So work that was stopped goes on where it stood,
and the result is the same bytes however often it was stopped and however many processes worked on it. What is found
damaged afterwards is named and made again.
"""

from __future__ import annotations

import logging
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

from mimic_core.frames.faces import face_blur
from mimic_core.frames.reading import MEDIA
from mimic_core.frames.views import Reader
from mimic_core.kit.confined import ITEM, LOST, Handler, Pool, tell
from mimic_core.kit.errors import MimicError, UnreadableError, printable
from mimic_core.kit.files import cannot_write, read_json, remove_abandoned
from mimic_core.kit.progress import Progress
from mimic_core.kit.receipts import Receipt
from mimic_core.kit.verify import changed_files, read_receipt
from mimic_core.machine.folder_lock import FolderLock
from mimic_core.pairs.merging import merge_parts, merge_statistics
from mimic_core.pairs.shard import ShardPaths
from mimic_core.pairs.tasks import PARTS, FolderSettings, UnitTask, find_tasks, mine_unit, shard_paths
from mimic_core.sources.content import passed_over

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
    remove_abandoned([final, *paths.all()])  # of a run that was killed while it put the parts together
    if (statistics := finished(final, stamps, paths)) is not None:
        log.info("nothing to do: %s is the result of these files and settings", out)
        shutil.rmtree(out / PARTS, ignore_errors=True)  # of a run that was killed after its last write
        return statistics
    left = [task for task in tasks if task.statistics() is None]
    if len(left) < len(tasks):
        log.info("going on: %d of %d videos and image folders are done", len(tasks) - len(left), len(tasks))
    mine_tasks(left, jobs, confined)
    each = [read_json(task.receipt)["statistics"] for task in tasks]
    receipt.statistics = {**merge_statistics(each), "stamps": stamps}
    merge_parts(tasks, paths)
    receipt.write(final, paths.all())
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


def mine_tasks(tasks: Sequence[UnitTask], jobs: int, confined: bool) -> None:
    """Mine units, side by side in workers or one after the other in this process."""
    if len(tasks) and (confined or (jobs > 1 and len(tasks) > 1)):
        try:
            pool = Pool(min(jobs, len(tasks)), mining, (), MEDIA)
        except OSError as error:
            log.warning("no process can be started (%s): files are read without limits of memory and time", error)
        else:
            with pool:
                mine_in_pool(tasks, pool)
            return
    with Progress(sum(task.views() for task in tasks), "views") as progress:
        for task in tasks:
            mine_unit(task, step=partial(progress.step, note=printable(task.unit.name)))


LOOK, MINE = "look", "mine"  # questions to a worker


def mining() -> Handler:
    """In a worker: looks how many views a task has, or mines it and answers with the numbers of views read."""

    def answer(question: tuple[str, UnitTask]) -> Iterator[int]:
        what, task = question
        if what == LOOK:
            yield task.views()
        else:
            mine_unit(task, step=tell)

    return answer


def mine_in_pool(tasks: Sequence[UnitTask], pool: Pool) -> None:
    """Mine units side by side; one whose worker is lost each time is counted as unreadable, with the reason."""
    views = sum(value for _, kind, value in pool.answers([(LOOK, task) for task in tasks]) if kind == ITEM)
    left = len(tasks)
    with Progress(views, "views") as progress:
        for (_, task), kind, value in pool.answers([(MINE, task) for task in tasks]):
            if kind == ITEM:
                progress.step(value, note=f"{left} units left")
            else:
                left -= 1
            if kind == LOST:
                mine_unit(task, given_up(value))


def given_up(reason: str) -> Reader:
    """A reader that says why a unit cannot be read."""

    def read(unit: Any) -> Iterator[Any]:
        raise UnreadableError(f"it cannot be read: {reason}", where=unit.path, remedy="make it smaller, or remove it")
        yield

    return read
