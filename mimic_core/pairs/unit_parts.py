"""Write one unit to the unfinished archives, and check whether a finished unit is still intact."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mimic_core.frames import OK, VIEWS, log_row, view_name
from mimic_core.kit.archive import TarWriter
from mimic_core.kit.errors import MimicError, printable
from mimic_core.kit.files import cannot_write, write_json
from mimic_core.kit.read_receipts import read_receipt
from mimic_core.kit.tables import RowWriter
from mimic_core.kit.verify import SHA256, changed_files, fingerprint
from mimic_core.pairs.shard import PairWriter, ShardPaths
from mimic_core.pairs.tables import CANDIDATES, PAIRS
from mimic_core.pairs.tasks import SOURCE, UnitTask, shard_paths
from mimic_core.pairs.unit_mining import Finished, Measured, Message, Started, StoredRow

log = logging.getLogger("mimic")

RECEIPT = "receipt.json"
PIECE = 1 << 20  # bytes hashed at a time


class UnitWriter:
    """Write one unit to the archives, message by message."""

    def __init__(self, task: UnitTask, views: TarWriter, pairs: TarWriter) -> None:
        self.task, self.paths, self.tars = task, shard_paths(task.folder), (views, pairs)
        self.starts = [tar.position() for tar in self.tars]
        self.start()

    def start(self) -> None:
        """Start the unit, or restart it: remove what was written of it."""
        for tar, position in zip(self.tars, self.starts, strict=True):
            tar.rewind(position)
        self.task.folder.mkdir(exist_ok=True)
        self.table = RowWriter(self.paths.views, VIEWS)
        self.candidates = RowWriter(self.paths.candidates, CANDIDATES)
        self.retained = RowWriter(self.paths.pairs, PAIRS)
        self.writer = PairWriter(SOURCE, self.tars[1], self.retained, self.candidates, shard=self.paths.tar.name)
        self.faces = 0
        self.unit = ""  # name in the current row
        self.places: dict[int, tuple[int, int]] = {}  # offset and size of each view in the archive

    def take(self, message: Message) -> bool:
        """Write a message; return whether it is the unit's last one.

        Raises:
            MimicError: writing failed.
        """
        try:
            self.write(message)
        except OSError as error:
            raise cannot_write(self.task.folder, error) from error
        return isinstance(message, Finished)

    def write(self, message: Message) -> None:
        """Write a message."""
        if isinstance(message, Started):
            if self.table.rows:
                self.start()
        elif isinstance(message, StoredRow):
            self.add_row(message)
        elif isinstance(message, Measured):
            self.writer.end_unit(self.unit, message.features)
        elif not isinstance(message, Finished):
            self.writer.add(self.unit, message, self.jpeg)

    def add_row(self, message: StoredRow) -> None:
        """Add a row of the table of views, and its view."""
        row = message.row
        if row["status"] == OK:
            offset = self.tars[0].add(view_name(self.task.unit, row["view"]), message.jpeg)
            self.places[row["view"]] = offset, row["size"]
            row = {**row, "offset": offset}
        self.table.add(row)
        log_row(row)
        self.writer.note(row)
        self.unit, self.faces = row["unit"], self.faces + row["faces"]

    def jpeg(self, view: int) -> bytes:
        """Return the JPEG bytes of a view."""
        return self.tars[0].read(*self.places[view])

    def finish(self) -> dict[str, Any]:
        """Close the unit's tables, write its receipt and return its statistics."""
        try:
            for table in (self.table, self.candidates, self.retained):
                table.close()
        except OSError as error:
            raise cannot_write(self.task.folder, error) from error
        statistics = {**self.writer.statistics(), "faces": self.faces}
        archives = {}
        for tar, start in zip(self.tars, self.starts, strict=True):
            tar.flush()
            archives[tar.path.name] = {
                "start": start,
                "end": tar.position(),
                "hash": span_hash(tar.path, start, tar.position()),
            }
        outputs = {path.name: fingerprint(path) for path in tables(self.paths)}
        receipt = {"stamp": self.task.stamp, "statistics": statistics, "outputs": outputs, "archives": archives}
        write_json(self.task.folder / RECEIPT, receipt)
        return statistics


def tables(paths: ShardPaths) -> list[Path]:
    """Return the paths of a unit's tables."""
    return [paths.views, paths.candidates, paths.pairs]


def finished_unit(
    task: UnitTask, archives: Sequence[Path], starts: Sequence[int]
) -> tuple[dict[str, Any], list[int]] | None:
    """Return the statistics of a finished unit and where it ends in each archive; log what is damaged.

    Args:
        starts: where the previous unit ends in each archive.

    Returns:
        None if the unit was not finished with these settings and files, or is damaged.
    """
    receipt = task.folder / RECEIPT
    if not receipt.is_file():
        return None
    try:
        found = read_receipt(receipt)
        if found.block("stamp") != task.stamp:
            return None
        statistics, damaged = found.block("statistics"), changed_files(found, tables(shard_paths(task.folder)))
        spans = [found.block("archives", path.name) for path in archives]
        for path, span, start in zip(archives, spans, starts, strict=True):
            if span["start"] != start or span["hash"] != span_hash(path, start, span["end"]):
                damaged.append(path)
    except (MimicError, OSError, KeyError, TypeError):
        damaged = [receipt]
    if not damaged:
        return statistics, [span["end"] for span in spans]
    name, files = printable(task.unit.name), ", ".join(str(path) for path in damaged)
    log.warning("damaged since it was written: %s; mining %s and all later units again", files, name)
    return None


def span_hash(path: Path, start: int, end: int) -> str:
    """Return the SHA-256 of a file's bytes from ``start`` to ``end``; empty if the file is shorter."""
    digest, left = hashlib.sha256(), end - start
    with path.open("rb") as stream:
        stream.seek(start)
        while left > 0 and (piece := stream.read(min(left, PIECE))):
            digest.update(piece)
            left -= len(piece)
    return "" if left else SHA256 + digest.hexdigest()
