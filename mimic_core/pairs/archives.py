"""Write the views and pairs of a folder's units to two archives, in unit order, so that a stopped run can resume.

Each finished unit leaves a folder with its three tables and a receipt that states the position and hash of the unit's
bytes in the archives. A resumed run continues after the last unit up to which everything is intact. At the end the
tables are concatenated and the archives are moved to their final paths.
"""

from __future__ import annotations

import logging
import shutil
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from mimic_core.frames import VIEWS, none_readable
from mimic_core.kit.archive import TarWriter
from mimic_core.kit.files import atomic_path
from mimic_core.kit.tables import RowWriter, read_rows
from mimic_core.kit.verify import fingerprint
from mimic_core.pairs.measurement import VERDICTS
from mimic_core.pairs.shard import ShardPaths
from mimic_core.pairs.tables import CANDIDATES, PAIRS
from mimic_core.pairs.tasks import UnitTask, shard_paths
from mimic_core.pairs.unit_parts import RECEIPT, UnitWriter, finished_unit

log = logging.getLogger("mimic")

COUNTED = ("seen", "kept", "rejected", "failed", "views", "features", "faces")  # statistics that are summed


class Archives:
    """Unfinished archives to which units are added in order.

    Args:
        tasks: all units, in order; those finished by an earlier run are kept.
        work: folder for unfinished files.
        to: final paths of the outputs.
    """

    def __init__(self, tasks: Sequence[UnitTask], work: Path, to: ShardPaths) -> None:
        self.tasks, self.paths, self.to = tasks, shard_paths(work), to
        work.mkdir(parents=True, exist_ok=True)
        if (tasks[0].folder / RECEIPT).is_file():
            self.restore_moved()
        self.statistics, ends = self.intact_units()
        done = {task.folder for task in tasks[: len(self.statistics)]}
        for entry in [entry for entry in work.iterdir() if entry.is_dir() and entry not in done]:
            shutil.rmtree(entry)
        with ExitStack() as opened:
            self.views = opened.enter_context(TarWriter(self.paths.frames_tar, keep=ends[0]))
            self.pairs = opened.enter_context(TarWriter(self.paths.tar, keep=ends[1]))
            self.opened = opened.pop_all()

    @property
    def remaining(self) -> Sequence[UnitTask]:
        """The units still to be added."""
        return self.tasks[len(self.statistics) :]

    def restore_moved(self) -> None:
        """Move back archives that a run moved to their final paths before it was killed without writing its receipt."""
        for under_way, moved in ((self.paths.frames_tar, self.to.frames_tar), (self.paths.tar, self.to.tar)):
            if moved.is_file() and not under_way.exists():
                moved.replace(under_way)

    def intact_units(self) -> tuple[list[dict[str, Any]], list[int]]:
        """Return the statistics of the leading units that are finished and intact, and their end in each archive."""
        statistics, ends = [], [0, 0]
        for task in self.tasks:
            found = finished_unit(task, [self.paths.frames_tar, self.paths.tar], ends)
            if found is None:
                break
            statistics.append(found[0])
            ends = found[1]
        return statistics, ends

    def next_unit(self) -> UnitWriter:
        """Return a writer for the first remaining unit."""
        return UnitWriter(self.remaining[0], self.views, self.pairs)

    def add(self, unit: UnitWriter) -> None:
        """Finish a unit that was written and record its statistics."""
        self.statistics.append(unit.finish())

    def finish(self) -> dict[str, str]:
        """Concatenate the tables, move the archives to their final paths, and return their fingerprints by name."""
        self.opened.close()
        known = {path.name: fingerprint(path) for path in (self.paths.frames_tar, self.paths.tar)}
        parts = [shard_paths(task.folder) for task in self.tasks]
        concatenate((part.candidates for part in parts), self.to.candidates, CANDIDATES)
        concatenate((part.views for part in parts), self.to.views, VIEWS)
        concatenate((part.pairs for part in parts), self.to.pairs, PAIRS)
        self.paths.frames_tar.replace(self.to.frames_tar)
        self.paths.tar.replace(self.to.tar)
        return known

    def __enter__(self) -> Archives:
        return self

    def __exit__(self, *error: Any) -> None:
        self.opened.__exit__(*error)


def concatenate(parts: Iterable[Path], to: Path, schema: Any) -> None:
    """Concatenate several tables, in order, into one."""
    with atomic_path(to) as temporary, RowWriter(temporary, schema) as table:
        for part in parts:
            table.extend(read_rows(part))


def sum_statistics(each: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Sum the units' statistics.

    Raises:
        MimicError: no unit could be read.
    """
    total: dict[str, Any] = {name: sum(one[name] for one in each) for name in COUNTED}
    total["verdicts"] = {verdict: sum(one["verdicts"][verdict] for one in each) for verdict in VERDICTS}
    total["unreadable"] = {name: reason for one in each for name, reason in one["unreadable"].items()}
    total["remarks"] = {name: texts for one in each for name, texts in one["remarks"].items()}
    total["still"] = [name for one in each for name in one["still"]]
    if not total["views"]:
        raise none_readable(total["unreadable"])
    return total
