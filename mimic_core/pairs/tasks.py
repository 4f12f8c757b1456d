"""The videos and image folders of one's own folder, each a task: what decides its result, and how it is mined."""

from __future__ import annotations

import logging
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from mimic_core.frames import Reader, VideoSettings, expected_views, reader
from mimic_core.kit.errors import MimicError
from mimic_core.kit.receipts import code_version
from mimic_core.kit.settings import key, settings
from mimic_core.kit.values import NotNegative, Text, Whole
from mimic_core.pairs.candidates import CandidateRule
from mimic_core.pairs.measurement import DEFAULT
from mimic_core.pairs.rules import Groups, Neighbours
from mimic_core.pairs.settings import MiningSettings
from mimic_core.pairs.shard import ShardPaths
from mimic_core.sources import Unit, check_unique, format_counts, open_source, passed_over

log = logging.getLogger("mimic")

SOURCE = "own"  # the name of the source in keys
LARGEST_GROUP = 24  # images; a larger folder is a sequence of frames rather than photos of one place
PARTS = ".parts"  # folder of what is done so far, until all is done


@settings("mine")
class FolderSettings:
    """How a folder is mined."""

    interval: NotNegative = key(
        "time between two views of a video; 0 takes every frame", default=VideoSettings().interval, unit="seconds"
    )
    blur_faces: Text = key(
        "file of the face detector, auto for the packaged one, or empty: faces stay as they are", default=""
    )
    mining: MiningSettings = key("thresholds", default=DEFAULT)
    seed: Whole = key("of every draw", default=0)


@dataclass(frozen=True)
class UnitTask:
    """One video or image folder, what is to be done with it, and where its tables go until all units are done."""

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
        """What decides the result: a unit with another stamp is mined again."""
        return {
            "settings": asdict(self.settings),
            "kind": self.kind,
            "files": {str(path): size_and_time(path) for path in self.unit.files},
            "code": code_version(),
        }

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
        passed = format_counts(passed_over(folder, [], out))
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
