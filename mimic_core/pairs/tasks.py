"""The videos and image folders of one's own folder, each a task: what decides its result, and how it is mined."""

from __future__ import annotations

import logging
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from mimic_core.frames import reader
from mimic_core.frames.shard import write_frames
from mimic_core.frames.video import expected_views
from mimic_core.frames.views import Reader, Reading
from mimic_core.kit.errors import MimicError, printable
from mimic_core.kit.files import write_json
from mimic_core.kit.receipts import code_version
from mimic_core.kit.settings import NOT_NEGATIVE, Bounds, check_numbers
from mimic_core.kit.verify import changed_files, fingerprint, read_receipt
from mimic_core.pairs.candidates import CandidateRule
from mimic_core.pairs.measurement import DEFAULT
from mimic_core.pairs.rules import Groups, Neighbours
from mimic_core.pairs.settings import MiningSettings
from mimic_core.pairs.shard import ShardPaths, mine_shard
from mimic_core.sources import Unit, open_source
from mimic_core.sources.base import check_unique
from mimic_core.sources.content import passed_over, told

log = logging.getLogger("mimic")

SOURCE = "own"  # the name of the source in keys
LARGEST_GROUP = 24  # images; a larger folder is a sequence of frames rather than photos of one place
PARTS = ".parts"  # folder of what is done so far


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

    def __post_init__(self) -> None:
        check_numbers(self, "mine", interval=NOT_NEGATIVE, seed=Bounds(whole=True))


@dataclass(frozen=True)
class UnitTask:
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

    def statistics(self) -> dict[str, Any] | None:
        """The statistics of its parts, where these are there, of these settings and whole; a damaged one is named."""
        if not self.receipt.is_file():
            return None
        try:
            told = read_receipt(self.receipt)
            if told.block("stamp") != self.stamp:
                return None
            statistics, damaged = told.block("statistics"), changed_files(told, self.paths.all())
        except (MimicError, OSError):
            damaged = [self.receipt]
        if not damaged:
            return statistics
        name, parts = printable(self.unit.name), ", ".join(str(path) for path in damaged)
        log.warning("damaged since it was written, and made again (%s): %s", name, parts)
        return None

    def views(self) -> int:
        """About how many views it has, for the progress."""
        return len(self.unit.images) or expected_views(self.unit.path, self.settings.interval)

    def read(self) -> Reader:
        """What reads its views."""
        frames = {"interval": self.settings.interval, "blur_faces": self.settings.blur_faces}
        return reader(self.kind, frames, self.settings.seed)


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


def find_tasks(folder: Path, out: Path, settings: FolderSettings) -> list[UnitTask]:
    """Every video and image folder below ``folder``, by name; what lies in ``out`` is passed over.

    Raises:
        MimicError: the folder is not there, or holds neither; or two units have one name.
    """
    own = real(out)
    found = [
        (kind, unit)
        for kind, adapter in (("video", "videos"), ("group", "images"))
        for unit in open_source(adapter).find(folder)
        if own not in ((place := real(unit.path)), *place.parents)
        and not (kind == "group" and unit.fault)  # a folder that may not be listed is named once, among the videos
    ]
    if not folder.is_dir():
        raise MimicError("the folder is not there", where=folder, remedy="check the path")
    if not found:
        passed = told(passed_over(folder, [], out))
        raise MimicError(
            f"the folder holds nothing to read{f' (passed over: {passed})' if passed else ''}",
            where=folder,
            remedy="expected videos or folders of images",
        )
    found.sort(key=lambda item: (item[1].name, item[0]))
    check_unique(unit for _, unit in found)
    return [UnitTask(kind, unit, settings, out / PARTS / f"{kind}-{unit.folder}") for kind, unit in found]


def real(path: Path) -> Path:
    """A path without links; of a loop of links, the path itself (``Path.resolve`` would raise)."""
    return Path(os.path.realpath(path))


def mine_unit(task: UnitTask, read: Reader | None = None, step: Callable[[int], None] = lambda count: None) -> None:
    """Mine one video or image folder into its parts.

    Args:
        read: its reader; by default that of its kind.
        step: hears of every view read.
    """
    settings, read = task.settings, read or task.read()

    def counted(unit: Unit) -> Iterator[Reading]:
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
    outputs = {path.name: fingerprint(path) for path in task.paths.all()}
    write_json(task.receipt, {"stamp": task.stamp, "statistics": statistics, "outputs": outputs})
