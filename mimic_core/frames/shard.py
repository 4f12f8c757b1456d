"""One shard of the stage ``frames``: the views of its units in a tar, and a table of them.

The table has a row a view, and one row (``status`` unreadable, ``view`` -1) for each unit, and each image of a folder,
that could not be read, so that nothing vanishes from the counts. What a reader remarks of a unit (a damaged packet) is
a row too (``status`` remark, ``view`` -1), right behind the unit's views.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from mimic_core.foreign import PASSING, foreign, reason
from mimic_core.frames.views import Reader, Remark, stored_views
from mimic_core.kit.archive import TarWriter
from mimic_core.kit.confined import ATTEMPTS, LostError
from mimic_core.kit.errors import MimicError, UnreadableError, printable
from mimic_core.kit.files import atomic_path
from mimic_core.kit.progress import track
from mimic_core.kit.tables import Row, RowWriter
from mimic_core.sources import Unit, name_below

log = logging.getLogger("mimic")

PAUSE = 5.0  # seconds before another attempt after a fault of the machine
OK, UNREADABLE, REMARK = "ok", "unreadable", "remark"

VIEWS = pa.schema(
    [
        ("unit", pa.string()),
        ("view", pa.int32()),
        ("status", pa.string()),
        ("reason", pa.string()),
        ("group", pa.int32()),
        ("role", pa.string()),
        ("name", pa.string()),
        ("faces", pa.int32()),
        ("time", pa.float64()),
        ("x", pa.float64()),
        ("y", pa.float64()),
        ("z", pa.float64()),
        ("yaw", pa.float64()),
        ("blur", pa.float32()),
        ("offset", pa.int64()),
        ("size", pa.int32()),
    ]
)


def write_frames(
    units: Sequence[Unit], read: Reader, tar_path: Path, table_path: Path, *, total: int
) -> dict[str, Any]:
    """Write the views of ``units`` to a tar of JPEGs and a Parquet table.

    Args:
        read: yields the views of a unit, or raises :class:`UnreadableError`; any other error of a unit that is no fault
            of the machine is counted as unreadable too, with its message, so that one bad file never stops the rest.
        total: units of the source, over all its shards.

    Returns:
        Statistics: units seen, ok and unreadable, views, blurred faces, each unreadable unit or image with its reason,
        and what was remarked of units.

    Raises:
        MimicError: these are all units of the source and not one could be read; nothing is written then.
    """
    unreadable: dict[str, str] = {}
    remarks: dict[str, list[str]] = {}
    views = faces = failed = 0
    with (
        atomic_path(tar_path) as tar_temporary,
        atomic_path(table_path) as table_temporary,
        TarWriter(tar_temporary) as tar,
        RowWriter(table_temporary, VIEWS) as table,
    ):
        for unit in track(units, "units"):
            for row in rows_or_fault(unit, read, tar):
                table.add(row)
                log_row(row)
                views += row["status"] == OK
                faces += row["faces"]
                if row["status"] == UNREADABLE:
                    unreadable[row["unit"]] = row["reason"]
                    failed += row["unit"] == unit.name
                elif row["status"] == REMARK:
                    remarks.setdefault(row["unit"], []).append(row["reason"])
        if failed == total:
            raise none_readable(unreadable)
    return {
        "units": len(units),
        "units_ok": len(units) - failed,
        "units_unreadable": failed,
        "unreadable": unreadable,
        "remarks": remarks,
        "views": views,
        "faces": faces,
    }


def log_row(row: Row) -> None:
    """Log what could not be read, and what was remarked."""
    told = {UNREADABLE: "unreadable", REMARK: "note"}.get(row["status"])
    if told:
        log.warning("%s: %s: %s", told, printable(row["unit"]), printable(row["reason"]))


def rows_or_fault(unit: Unit, read: Reader, tar: TarWriter) -> list[Row]:
    """:func:`unit_rows`; of a unit that cannot be read, the one row that says why, and nothing in the tar.

    Raises:
        OSError: a fault of the machine, met each time.
    """
    try:
        return rows_or_nothing(unit, read, tar)
    except UnreadableError as error:
        return [row_without_view(unit.name, UNREADABLE, f"{error.what} ({error.where})")]


def rows_or_nothing(unit: Unit, read: Reader, tar: TarWriter) -> list[Row]:
    """:func:`unit_rows`; where it fails, nothing of the unit stays in the tar.

    Raises:
        UnreadableError: the unit cannot be read, or its reader's process was lost each time.
        OSError: a fault of the machine, met each time.
    """
    start = tar.position()
    for attempt in range(1, ATTEMPTS + 1):
        try:
            with foreign("it cannot be read", unit.path):
                return unit_rows(unit, read, tar)
        except OSError as error:
            tar.rewind(start)
            if error.errno not in PASSING or attempt == ATTEMPTS:
                error.filename = error.filename or str(unit.path)
                raise
            log.warning("%s: %s; trying again in %g s", printable(unit.name), reason(error), PAUSE)
            time.sleep(PAUSE)
        except UnreadableError as error:
            tar.rewind(start)
            if not isinstance(error.__cause__, LostError):
                raise
            if attempt == ATTEMPTS:
                what = f"it cannot be read: {error.__cause__}"
                raise UnreadableError(what, where=unit.path, remedy="make it smaller, or remove it") from error
            log.warning("%s: %s; trying again", printable(unit.name), error.__cause__)
    raise AssertionError("an attempt returns or raises")


def unit_rows(unit: Unit, read: Reader, tar: TarWriter) -> list[Row]:
    """Write one unit's views and describe each; remarks and images that could not be read come last."""
    rows: list[Row] = []
    remarks: list[Row] = []
    unreadable: list[Row] = []
    number = -1
    for view in stored_views(read, unit):
        if isinstance(view, Remark):
            remarks.append(row_without_view(unit.name, REMARK, view.text))
            continue
        number += 1
        if isinstance(view, UnreadableError):
            name = f"{unit.name}/{name_below(unit.path, Path(view.where))}"
            unreadable.append(row_without_view(name, UNREADABLE, view.what))
            continue
        rows.append(
            {
                "unit": unit.name,
                "view": number,
                "status": OK,
                "reason": "",
                **view.facts,
                "offset": tar.add(view_name(unit, number), view.jpeg),
                "size": len(view.jpeg),
            }
        )
    return rows + remarks + unreadable


def view_name(unit: Unit, number: int) -> str:
    """Name of a view in a tar."""
    return f"{unit.key}/{number:06d}.jpg"


def row_without_view(name: str, status: str, reason: str) -> Row:
    """The one row of a unit, or of an image of a folder, that could not be read, or of a remark."""
    empty = dict.fromkeys(("time", "x", "y", "z", "yaw", "blur"), float("nan"))
    numbers = {"view": -1, "group": -1, "faces": 0, "offset": -1, "size": 0}
    told = reason.encode("utf-8", "backslashreplace").decode()  # it may hold a file's name that is no UTF-8
    return {"unit": name, "status": status, "reason": told, "role": "", "name": "", **numbers, **empty}


def none_readable(unreadable: Mapping[str, str]) -> MimicError:
    """The error of a source of which not one unit could be read."""
    reasons = "\n  ".join(f"{printable(name)}: {printable(reason)}" for name, reason in unreadable.items())
    return MimicError(
        f"not one of the source's {len(unreadable)} units can be read:\n  {reasons}",
        remedy="replace or remove the files named above",
    )
