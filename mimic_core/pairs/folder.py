"""Mining a folder of videos and image folders in one go, without the workflow.

Each video and each image folder is mined on its own, into a folder of parts, and is done when its receipt is there;
at the end the parts are put together in the order of their names. So work that was stopped goes on where it stood,
and the result is the same bytes however often it was stopped and however many processes worked on it.
"""

from __future__ import annotations

import logging
import multiprocessing
import shutil
import tarfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

from mimic_core.archive import TarWriter
from mimic_core.errors import MimicError, UnreadableError, printable
from mimic_core.files import atomic_path, file_hash, read_json, write_json
from mimic_core.frames import reader
from mimic_core.frames.faces import face_blur
from mimic_core.frames.shard import VIEWS, none_readable, write_frames
from mimic_core.frames.video import expected_views
from mimic_core.frames.views import Remark, View
from mimic_core.pairs.candidates import CandidateRule
from mimic_core.pairs.measurement import DEFAULT, VERDICTS
from mimic_core.pairs.rules import Groups, Neighbours
from mimic_core.pairs.settings import MiningSettings
from mimic_core.pairs.shard import ShardPaths, mine_shard
from mimic_core.pairs.tables import CANDIDATES, PAIRS
from mimic_core.progress import Progress
from mimic_core.receipts import Receipt, code_version
from mimic_core.sources import Unit, open_source
from mimic_core.tables import Row, RowWriter, read_rows

log = logging.getLogger("mimic")

SOURCE = "own"  # the name of the source in keys
LARGEST_GROUP = 24  # images; a larger folder is a sequence of frames rather than photos of one place
PARTS = ".parts"  # folder of what is done so far
COUNTED = ("seen", "kept", "rejected", "failed", "views", "features", "faces")  # statistics that are added up
WAITING = 0.2  # seconds between two looks at the progress of other processes


@dataclass(frozen=True)
class FolderSettings:
    """How a folder is mined.

    Attributes:
        interval: seconds between two views of a video; 0 takes every frame.
        blur_faces: file of the face detector, ``auto`` for the packaged one, or empty: faces stay as they are.
        mining: thresholds.
        seed: of every draw.
    """

    interval: float = 1.0
    blur_faces: str = ""
    mining: MiningSettings = DEFAULT
    seed: int = 0


@dataclass(frozen=True)
class Task:
    """One video or image folder, what is to be done with it, and where its parts go."""

    kind: str
    unit: Unit
    settings: FolderSettings
    folder: Path

    @property
    def rule(self) -> CandidateRule:
        """Neighbours in a video or a long sequence of images; all pairs of a few images."""
        return Groups("all") if self.kind == "group" and len(self.unit.images) <= LARGEST_GROUP else Neighbours()

    @property
    def stamp(self) -> dict[str, Any]:
        """What decides the result: parts with another stamp are made anew."""
        return {
            "settings": asdict(self.settings),
            "kind": self.kind,
            "files": {str(path): size_and_time(path) for path in self.unit.files},
            "code": code_version(),
        }

    @property
    def paths(self) -> ShardPaths:
        """The files of the parts."""
        return shard_paths(self.folder)

    @property
    def receipt(self) -> Path:
        """Written last."""
        return self.folder / "receipt.json"

    def done(self) -> bool:
        """Whether the parts are there, whole, and of these settings."""
        return self.receipt.is_file() and read_json(self.receipt)["stamp"] == self.stamp

    def views(self) -> int:
        """About how many views it has, for the progress."""
        return len(self.unit.images) or expected_views(self.unit.path, self.settings.interval)


def size_and_time(path: Path) -> list[int]:
    """Size and time of change of a file; nothing of one that cannot be looked at."""
    try:
        status = path.stat()
    except OSError:
        return []
    return [status.st_size, status.st_mtime_ns]


def shard_paths(folder: Path) -> ShardPaths:
    """The files that mining leaves in a folder."""
    return ShardPaths(
        frames_tar=folder / "views.tar",
        views=folder / "views.parquet",
        candidates=folder / "candidates.parquet",
        pairs=folder / "pairs.parquet",
        tar=folder / "pairs.tar",
    )


def find_tasks(folder: Path, out: Path, settings: FolderSettings) -> list[Task]:
    """Every video and image folder below ``folder``, by name; what lies in ``out`` is passed over.

    Raises:
        MimicError: the folder is not there, or holds neither.
    """
    found = [
        (kind, unit)
        for kind, adapter in (("video", "videos"), ("group", "images"))
        for unit in open_source(adapter).find(folder)
        if out.resolve() not in (unit.path.resolve(), *unit.path.resolve().parents)
        and not (kind == "group" and unit.fault)  # a folder that may not be listed is named once, among the videos
    ]
    if not folder.is_dir():
        raise MimicError("the folder is not there", where=folder, remedy="check the path")
    if not found:
        raise MimicError(
            "the folder holds nothing to read", where=folder, remedy="expected videos or folders of images"
        )
    found.sort(key=lambda item: (item[1].name, item[0]))
    return [Task(kind, unit, settings, out / PARTS / f"{kind}-{unit.key}") for kind, unit in found]


def mine_unit(task: Task, step: Callable[[int], None] = lambda count: None) -> dict[str, Any]:
    """Mine one video or image folder into its parts; returns its statistics. ``step`` hears of every view read."""
    settings = task.settings
    frames = {"interval": settings.interval, "blur_faces": settings.blur_faces}
    read = reader(task.kind, frames, settings.seed)

    def counted(unit: Unit) -> Iterator[View | Remark | UnreadableError]:
        for view in read(unit):
            step(1)
            yield view

    if task.folder.exists():
        shutil.rmtree(task.folder)
    faces = write_frames([task.unit], counted, task.paths.frames_tar, task.paths.views, total=2, shown=False)["faces"]
    statistics = mine_shard(
        task.paths, source=SOURCE, rule=task.rule, settings=settings.mining, seed=settings.seed, shown=False
    )
    statistics["faces"] = faces
    write_json(task.receipt, {"stamp": task.stamp, "statistics": statistics})
    return statistics


_QUEUE: Any = None  # in a worker process: where it tells its progress


def _start_worker(queue: Any) -> None:
    global _QUEUE
    _QUEUE = queue


def _mine_in_worker(task: Task) -> dict[str, Any]:
    return mine_unit(task, _QUEUE.put)


def mine_tasks(tasks: Sequence[Task], jobs: int, progress: Progress) -> None:
    """Mine units side by side in processes of their own; one job works in this process."""
    if jobs == 1 or len(tasks) <= 1:
        for task in tasks:
            mine_unit(task, partial(progress.step, note=printable(task.unit.name)))
        return
    context = multiprocessing.get_context("spawn")
    queue = context.Manager().Queue()
    with ProcessPoolExecutor(min(jobs, len(tasks)), context, _start_worker, (queue,)) as pool:
        waiting = {pool.submit(_mine_in_worker, task): task for task in tasks}
        try:
            while waiting:
                finished, _ = wait(waiting, WAITING, FIRST_COMPLETED)
                for future in finished:
                    future.result()
                    del waiting[future]
                progress.step(sum(queue.get() for _ in range(queue.qsize())), note=f"{len(waiting)} units left")
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def mine_folder(folder: Path, out: Path, settings: FolderSettings, jobs: int = 1) -> dict[str, Any]:
    """Mine every video and image folder below ``folder``.

    Writes to ``out``: ``pairs.tar`` and ``pairs.parquet`` (the retained pairs), ``candidates.parquet`` (every measured
    candidate), ``views.tar`` and ``views.parquet`` (what was measured) and, last, ``receipt.json``.

    Args:
        jobs: processes.

    Returns:
        Statistics as of :func:`mimic_core.pairs.shard.mine_shard`, summed over the units.

    Raises:
        MimicError: the folder is not there, holds nothing to read, or nothing that can be read.
    """
    face_blur(settings.blur_faces)  # a detector that is missing is named before anything is written
    tasks = find_tasks(folder, out, settings)
    stamps = {task.folder.name: task.stamp for task in tasks}
    receipt = Receipt("pairs", asdict(settings), [file for task in tasks for file in task.unit.files])
    final = out / "receipt.json"
    if final.is_file() and finished(read_json(final), stamps, shard_paths(out)):
        log.info("nothing to do: %s is the result of these files and settings", out)
        shutil.rmtree(out / PARTS, ignore_errors=True)  # of a run that was killed after its last write
        return dict(read_json(final)["statistics"])
    for cut_off in out.glob(".partial-*"):  # of a run that was killed while it put the parts together
        cut_off.unlink()
    left = [task for task in tasks if not task.done()]
    if len(left) < len(tasks):
        log.info("going on: %d of %d videos and image folders are done", len(tasks) - len(left), len(tasks))
    with Progress(sum(task.views() for task in left), "views") as progress:
        mine_tasks(left, jobs, progress)
    receipt.statistics = {**merge_statistics(tasks), "stamps": stamps}
    merge_parts(tasks, out)
    paths = shard_paths(out)
    receipt.write(final, [paths.views, paths.frames_tar, paths.candidates, paths.pairs, paths.tar])
    shutil.rmtree(out / PARTS)
    return receipt.statistics


def finished(receipt: Mapping[str, Any], stamps: Mapping[str, Any], paths: ShardPaths) -> bool:
    """Whether a receipt is that of the same files and settings, and its outputs are still what it says."""
    if receipt["statistics"].get("stamps") != stamps:
        return False
    outputs = [paths.views, paths.candidates, paths.pairs, paths.tar]
    return all(path.is_file() and receipt["outputs"].get(str(path)) == f"sha256:{file_hash(path)}" for path in outputs)


def merge_statistics(tasks: Sequence[Task]) -> dict[str, Any]:
    """Sum of the units' statistics.

    Raises:
        MimicError: not one unit could be read.
    """
    each = [read_json(task.receipt)["statistics"] for task in tasks]
    total: dict[str, Any] = {name: sum(one[name] for one in each) for name in COUNTED}
    total["verdicts"] = {verdict: sum(one["verdicts"][verdict] for one in each) for verdict in VERDICTS}
    total["unreadable"] = {name: reason for one in each for name, reason in one["unreadable"].items()}
    total["remarks"] = {name: texts for one in each for name, texts in one["remarks"].items()}
    total["still"] = [name for one in each for name in one["still"]]
    if not total["views"]:
        raise none_readable(total["unreadable"])
    return total


def merge_parts(tasks: Sequence[Task], out: Path) -> None:
    """Put the units' parts together, in order."""
    to = shard_paths(out)
    with atomic_path(to.candidates) as temporary, RowWriter(temporary, CANDIDATES) as candidates:
        for task in tasks:
            candidates.extend(read_rows(task.paths.candidates))
    views = [(task.paths.frames_tar, task.paths.views, partial(move_view, key=task.unit.key)) for task in tasks]
    merge_stored(views, to.frames_tar, to.views, VIEWS)
    merge_stored([(task.paths.tar, task.paths.pairs, move_pair) for task in tasks], to.tar, to.pairs, PAIRS)


Offsets = Mapping[str, int]  # where a member of the tar that is written begins
Part = tuple[Path, Path, Callable[[Row, Offsets], Row]]  # a tar, its table, and what moves a row to its new place


def merge_stored(parts: Sequence[Part], tar_path: Path, table_path: Path, schema: Any) -> None:
    """Put tars together, and their tables, whose rows say where in the tar their bytes lie."""
    with (
        atomic_path(tar_path) as tar_temporary,
        atomic_path(table_path) as table_temporary,
        TarWriter(tar_temporary) as tar,
        RowWriter(table_temporary, schema) as table,
    ):
        for part_tar, part_table, moved in parts:
            offsets = copy_members(part_tar, tar)
            table.extend(moved(row, offsets) for row in read_rows(part_table))


def move_view(row: Row, offsets: Offsets, key: str) -> Row:
    """A view's row at its new place; ``key`` is its unit's."""
    return {**row, "offset": offsets.get(f"{key}/{row['view']:06d}.jpg", -1)}


def move_pair(row: Row, offsets: Offsets) -> Row:
    """A pair's row at its new place."""
    return {**row, **{f"offset{number}": offsets[f"{row['key']}.{number}.jpg"] for number in "12"}}


def copy_members(path: Path, tar: TarWriter) -> dict[str, int]:
    """Append the members of a tar to another; returns their offsets by name."""
    with tarfile.open(path) as part:
        return {member.name: tar.add(member.name, data.read()) for member in part if (data := part.extractfile(member))}
