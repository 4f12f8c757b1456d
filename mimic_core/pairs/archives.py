"""The archives of a folder's units under way: every view and pair is written once, in the order of the units.

Each finished unit leaves a folder with its three tables and a receipt, which says where in the archives the unit's
bytes lie and what their hash is. A run that was stopped is continued behind the last unit up to which all are whole. In
the end the tables are put together, and the archives move to their place.
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

COUNTED = ("seen", "kept", "rejected", "failed", "views", "features", "faces")  # statistics that are added up


class Archives:
    """The archives under way, to which the units are added in their order.

    Args:
        tasks: all units, in order; those that an earlier run has finished stay.
        work: folder of everything that is not at its place yet.
        to: the files that are made.
    """

    def __init__(self, tasks: Sequence[UnitTask], work: Path, to: ShardPaths) -> None:
        self.tasks, self.paths, self.to = tasks, shard_paths(work), to
        work.mkdir(parents=True, exist_ok=True)
        if (tasks[0].folder / RECEIPT).is_file():
            self.take_back()
        self.statistics, ends = self.whole()
        done = {task.folder for task in tasks[: len(self.statistics)]}
        for entry in [entry for entry in work.iterdir() if entry.is_dir() and entry not in done]:
            shutil.rmtree(entry)
        with ExitStack() as opened:
            self.views = opened.enter_context(TarWriter(self.paths.frames_tar, keep=ends[0]))
            self.pairs = opened.enter_context(TarWriter(self.paths.tar, keep=ends[1]))
            self.opened = opened.pop_all()

    @property
    def left(self) -> Sequence[UnitTask]:
        """The units that are to be added."""
        return self.tasks[len(self.statistics) :]

    def take_back(self) -> None:
        """Take back archives that were moved by a run which was killed before it had written its receipt."""
        for under_way, moved in ((self.paths.frames_tar, self.to.frames_tar), (self.paths.tar, self.to.tar)):
            if moved.is_file() and not under_way.exists():
                moved.replace(under_way)

    def whole(self) -> tuple[list[dict[str, Any]], list[int]]:
        """Statistics of the units up to the first that is not done or not whole, and where the archives end then."""
        statistics, ends = [], [0, 0]
        for task in self.tasks:
            found = finished_unit(task, [self.paths.frames_tar, self.paths.tar], ends)
            if found is None:
                break
            statistics.append(found[0])
            ends = found[1]
        return statistics, ends

    def next_unit(self) -> UnitWriter:
        """What writes the first of the units that are left."""
        return UnitWriter(self.left[0], self.views, self.pairs)

    def add(self, unit: UnitWriter) -> None:
        """Count the unit that was written."""
        self.statistics.append(unit.finish())

    def finish(self) -> dict[str, str]:
        """Put the tables together and move everything to its place; fingerprints of the archives by their names."""
        self.opened.close()
        known = {path.name: fingerprint(path) for path in (self.paths.frames_tar, self.paths.tar)}
        parts = [shard_paths(task.folder) for task in self.tasks]
        put_together((part.candidates for part in parts), self.to.candidates, CANDIDATES)
        put_together((part.views for part in parts), self.to.views, VIEWS)
        put_together((part.pairs for part in parts), self.to.pairs, PAIRS)
        self.paths.frames_tar.replace(self.to.frames_tar)
        self.paths.tar.replace(self.to.tar)
        return known

    def __enter__(self) -> Archives:
        return self

    def __exit__(self, *error: Any) -> None:
        self.opened.__exit__(*error)


def put_together(parts: Iterable[Path], to: Path, schema: Any) -> None:
    """Write the rows of several tables, in order, to one."""
    with atomic_path(to) as temporary, RowWriter(temporary, schema) as table:
        for part in parts:
            table.extend(read_rows(part))


def sum_statistics(each: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Sum of the units' statistics.

    Raises:
        MimicError: not one unit could be read.
    """
    total: dict[str, Any] = {name: sum(one[name] for one in each) for name in COUNTED}
    total["verdicts"] = {verdict: sum(one["verdicts"][verdict] for one in each) for verdict in VERDICTS}
    total["unreadable"] = {name: reason for one in each for name, reason in one["unreadable"].items()}
    total["remarks"] = {name: texts for one in each for name, texts in one["remarks"].items()}
    total["still"] = [name for one in each for name in one["still"]]
    if not total["views"]:
        raise none_readable(total["unreadable"])
    return total
