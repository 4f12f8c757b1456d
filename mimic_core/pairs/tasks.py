"""Find the videos and image folders to mine in a user's folder, and describe each as a task."""

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

SOURCE = "own"  # source name in keys
LARGEST_GROUP = 24  # images; a larger folder is treated as a sequence of frames, not as photos of one place
PARTS = ".parts"  # folder for unfinished output


@settings("mine")
class FolderSettings:
    """How a folder is mined."""

    interval: NotNegative = key(
        "time between views of a video; 0 takes every frame", default=VideoSettings().interval, unit="seconds"
    )
    blur_faces: Text = key(
        "path of the face detector, auto for the packaged one, or empty: faces are not blurred", default=""
    )
    mining: MiningSettings = key("thresholds", default=DEFAULT)
    seed: Whole = key("seed of all random draws", default=0)


@dataclass(frozen=True)
class UnitTask:
    """One video or image folder to mine, its settings, and the folder for its tables until all units are done."""

    kind: str
    unit: Unit
    settings: FolderSettings
    folder: Path

    @property
    def rule(self) -> CandidateRule:
        """The candidate rule: neighbours for a video or a large folder of images, all pairs for a few images."""
        return Groups("all") if self.kind == "group" and len(self.unit.images) <= LARGEST_GROUP else Neighbours()

    @property
    def stamp(self) -> dict[str, Any]:
        """Everything that determines the result; a unit whose stamp has changed is mined again."""
        return {
            "settings": asdict(self.settings),
            "kind": self.kind,
            "files": {str(path): size_and_time(path) for path in self.unit.files},
            "code": code_version(),
        }

    def views(self) -> int:
        """Estimate the number of views, for progress reports."""
        return len(self.unit.images) or expected_views(self.unit.path, self.settings.interval)

    def read(self) -> Reader:
        """Return the reader of its views."""
        frames = {"interval": self.settings.interval, "blur_faces": self.settings.blur_faces}
        return reader(self.kind, frames, self.settings.seed)


def size_and_time(path: Path) -> list[int]:
    """Return a file's size in bytes and modification time in nanoseconds; empty if it is not accessible."""
    try:
        status = path.stat()
    except OSError:
        return []
    return [status.st_size, status.st_mtime_ns]


def shard_paths(folder: Path) -> ShardPaths:
    """Return the paths of the files that mining writes to a folder."""
    return ShardPaths(
        frames_tar=folder / "views.tar",
        views=folder / "views.parquet",
        candidates=folder / "candidates.parquet",
        pairs=folder / "pairs.parquet",
        tar=folder / "pairs.tar",
    )


def find_tasks(folder: Path, out: Path, settings: FolderSettings) -> list[UnitTask]:
    """Find every video and image folder below ``folder``, sorted by name; skip what lies in ``out``.

    Raises:
        MimicError: the folder does not exist or has neither, or two units have the same name.
    """
    own = real(out)
    found = [
        (kind, unit)
        for kind, adapter in (("video", "videos"), ("group", "images"))
        for unit in open_source(adapter).find(folder)
        if own not in ((place := real(unit.path)), *place.parents)
        and not (kind == "group" and unit.fault)  # an unlistable folder is already reported among the videos
    ]
    if not folder.is_dir():
        raise MimicError("the folder does not exist", where=folder, remedy="check the path")
    if not found:
        passed = format_counts(passed_over(folder, [], out))
        raise MimicError(
            f"the folder holds nothing to read{f' (passed over: {passed})' if passed else ''}",
            where=folder,
            remedy="choose a folder with videos or folders of images",
        )
    found.sort(key=lambda item: (item[1].name, item[0]))
    check_unique(unit for _, unit in found)
    return [UnitTask(kind, unit, settings, out / PARTS / f"{kind}-{unit.folder}") for kind, unit in found]


def real(path: Path) -> Path:
    """Resolve symbolic links in a path; unlike ``Path.resolve``, do not raise on a loop of links."""
    return Path(os.path.realpath(path))
