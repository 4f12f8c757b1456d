"""Write one shard of the stage ``frames``: a tar with the views of its units, and a table of them.

The table has one row per view and one row (``status`` unreadable, ``view`` -1) for each unreadable unit or image, so
that the counts are complete. A reader's remark on a unit (such as a damaged packet) is also a row (``status`` remark,
``view`` -1), right after the unit's views.
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

PAUSE = 5.0  # seconds before retrying after a transient disk or network error
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
        read: yields the views of a unit, or raises :class:`UnreadableError`. Any other exception, unless it is a fault
            of the machine, also makes the unit unreadable, so that one bad file never stops the rest.
        total: number of units of the source, over all its shards.

    Returns:
        Statistics: units seen, ok and unreadable, views, blurred faces, the reason for each unreadable unit or image,
        and remarks by unit.

    Raises:
        MimicError: these are all units of the source and none could be read; nothing is written.
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
    """Log a row that stands for something unreadable or for a remark."""
    label = {UNREADABLE: "unreadable", REMARK: "note"}.get(row["status"])
    if label:
        log.warning("%s: %s: %s", label, printable(row["unit"]), printable(row["reason"]))


def rows_or_fault(unit: Unit, read: Reader, tar: TarWriter) -> list[Row]:
    """Like :func:`unit_rows`, but an unreadable unit gives one row that says why, and nothing in the tar.

    Raises:
        OSError: a fault of the machine, after all attempts.
    """
    try:
        return rows_with_retries(unit, read, tar)
    except UnreadableError as error:
        return [row_without_view(unit.name, UNREADABLE, f"{error.what} ({error.where})")]


def rows_with_retries(unit: Unit, read: Reader, tar: TarWriter) -> list[Row]:
    """Like :func:`unit_rows`, but with retries, and on failure remove the unit from the tar.

    Raises:
        UnreadableError: the unit cannot be read, or its reader's process was lost at every attempt.
        OSError: a fault of the machine, after all attempts.
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
    """Write one unit's views and return a row for each, followed by rows for remarks and for unreadable images."""
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
    """Return the name of a view in a tar."""
    return f"{unit.key}/{number:06d}.jpg"


def row_without_view(name: str, status: str, reason: str) -> Row:
    """Return the row for an unreadable unit or image, or for a remark."""
    empty = dict.fromkeys(("time", "x", "y", "z", "yaw", "blur"), float("nan"))
    numbers = {"view": -1, "group": -1, "faces": 0, "offset": -1, "size": 0}
    text = reason.encode("utf-8", "backslashreplace").decode()  # it may contain a file name that is not valid UTF-8
    return {"unit": name, "status": status, "reason": text, "role": "", "name": "", **numbers, **empty}


def none_readable(unreadable: Mapping[str, str]) -> MimicError:
    """Return the error for a source in which no unit could be read."""
    reasons = "\n  ".join(f"{printable(name)}: {printable(reason)}" for name, reason in unreadable.items())
    return MimicError(
        f"none of the source's {len(unreadable)} units can be read:\n  {reasons}",
        remedy="replace or remove the files named above",
    )
