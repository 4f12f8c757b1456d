"""Mine one shard of the stage ``pairs``: write a table of measured candidates, and a tar and a table of retained pairs.

``seen = kept + rejected + failed`` holds for every shard, or the stage fails.
"""

from __future__ import annotations

import json
import logging
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2

from mimic_core.frames import OK, REMARK
from mimic_core.kit.archive import TarWriter
from mimic_core.kit.errors import MimicError, printable
from mimic_core.kit.files import atomic_path
from mimic_core.kit.progress import Progress
from mimic_core.kit.tables import Row, RowWriter, count_rows, read_groups
from mimic_core.machine import keep_freed_memory
from mimic_core.pairs.candidates import Candidate, CandidateRule
from mimic_core.pairs.measurement import KEPT, NEAR_DUPLICATE, UNREADABLE, VERDICTS, Measurement
from mimic_core.pairs.settings import MiningSettings
from mimic_core.pairs.tables import CANDIDATES, PAIRS
from mimic_core.pairs.unit_views import Found, UnitViews
from mimic_core.sources import Unit

log = logging.getLogger("mimic")


@dataclass(frozen=True)
class ShardPaths:
    """Paths of a shard: the frames it reads and the outputs it writes."""

    frames_tar: Path
    views: Path
    candidates: Path
    pairs: Path
    tar: Path

    def all(self) -> list[Path]:
        """Return all paths, inputs first."""
        return [self.views, self.frames_tar, self.candidates, self.pairs, self.tar]


class PairWriter:
    """Write and count the candidates and retained pairs of units, one unit at a time.

    For each unit, call :meth:`note` for every row of its views, :meth:`add` for every candidate, then :meth:`end_unit`.

    Args:
        source: name of the source, used in keys.
        tar: archive of the retained pairs.
        pairs, candidates: tables of the retained pairs and of all candidates.
        shard: name of the tar, stored in the rows of pairs.
    """

    def __init__(self, source: str, tar: TarWriter, pairs: RowWriter, candidates: RowWriter, *, shard: str) -> None:
        self.source, self.tar, self.pairs, self.candidates, self.shard = source, tar, pairs, candidates, shard
        self.counts: Counter[str] = Counter()
        self.verdicts: set[str] = set()  # in the current unit
        self.views = self.features = 0
        self.unreadable: dict[str, str] = {}
        self.remarks: dict[str, list[str]] = {}
        self.still: list[str] = []

    def note(self, row: Row) -> None:
        """Count a row of the table of views; an unreadable view or unit counts as a failed candidate."""
        unit, status = row["unit"], row["status"]
        if status == OK:
            self.views += 1
        elif status == REMARK:
            self.remarks.setdefault(unit, []).append(row["reason"])
        else:
            self.unreadable[unit] = row["reason"]
            self.count(unit, Candidate(-1, -1, Measurement(UNREADABLE)))

    def add(self, unit: str, found: Found, jpeg: Callable[[int], bytes]) -> None:
        """Write a candidate and, if it is kept, the pair.

        Args:
            jpeg: returns the JPEG bytes of a view.
        """
        candidate = found.candidate
        self.verdicts.add(candidate.measurement.verdict)
        self.count(unit, candidate)
        if candidate.measurement.verdict == KEPT:
            self.store(unit, found, jpeg(candidate.view1), jpeg(candidate.view2))

    def count(self, unit: str, candidate: Candidate) -> None:
        """Count a candidate and write its row."""
        self.counts[candidate.measurement.verdict] += 1
        self.candidates.add(candidate_row(unit, candidate))

    def store(self, unit: str, found: Found, first: bytes, second: bytes) -> None:
        """Copy a retained pair's JPEG bytes into the tar (WebDataset naming), with its JSON file, and add its row."""
        row = pair_row(self.source, unit, found.candidate)
        offset1 = self.tar.add(f"{row['key']}.1.jpg", first)
        offset2 = self.tar.add(f"{row['key']}.2.jpg", second)
        self.tar.add(f"{row['key']}.json", json.dumps(row, sort_keys=True).encode())
        place = {"offset1": offset1, "size1": len(first), "offset2": offset2, "size2": len(second)}
        self.pairs.add({**row, "hash1": found.hash1, "hash2": found.hash2, "shard": self.shard, **place})

    def end_unit(self, unit: str, features: int) -> None:
        """End a unit and add its number of feature computations; log a unit in which nothing moves."""
        self.features += features
        if self.verdicts == {NEAR_DUPLICATE}:
            self.still.append(unit)
            log.info("nothing moves in %s", printable(unit))
        self.verdicts = set()

    def statistics(self) -> dict[str, Any]:
        """Return the counts in the format of :func:`mine_shard`.

        Raises:
            MimicError: the counts do not add up, which means that a candidate was lost.
        """
        return {
            **check_counts(self.counts, self.candidates.rows, self.pairs.rows),
            "views": self.views,
            "features": self.features,
            "unreadable": self.unreadable,
            "remarks": self.remarks,
            "still": self.still,
        }


def mine_shard(
    paths: ShardPaths, *, source: str, rule: CandidateRule, settings: MiningSettings, seed: int
) -> dict[str, Any]:
    """Measure the candidates of a shard's units; write all candidates and the retained pairs.

    Returns:
        Statistics: ``seen``, ``kept``, ``rejected``, ``failed``, the count of each verdict, ``views``, ``features``
        (number of feature computations), the reason for each unreadable unit, remarks by unit, and the units in which
        nothing moves (``still``: every candidate is a near-duplicate).

    Raises:
        MimicError: the counts do not add up, which means that a candidate was lost.
    """
    prepare()
    with (
        atomic_path(paths.tar) as tar_path,
        atomic_path(paths.pairs) as pairs_path,
        atomic_path(paths.candidates) as candidates_path,
        open(paths.frames_tar, "rb") as stream,
        Progress(count_rows(paths.views), "views") as progress,
        TarWriter(tar_path) as tar,
        RowWriter(pairs_path, PAIRS) as pairs,
        RowWriter(candidates_path, CANDIDATES) as candidates,
    ):
        writer = PairWriter(source, tar, pairs, candidates, shard=paths.tar.name)
        for name, rows in read_groups(paths.views, "unit"):
            for row in rows:
                writer.note(row)
            if views := [row for row in rows if row["status"] == OK]:
                unit = UnitViews(source, name, views, stream, settings, seed)
                for found in unit.found(rule):
                    writer.add(name, found, unit.jpeg)
                writer.end_unit(name, unit.detected)
            progress.step(len(rows), note=f"{writer.counts[KEPT]} pairs")
    return writer.statistics()


def prepare() -> None:
    """Set up this process for measuring: one OpenCV thread, and keep freed memory."""
    cv2.setNumThreads(1)  # there is one process per core already
    keep_freed_memory()


def check_counts(counts: Counter[str], written: int, retained: int) -> dict[str, Any]:
    """Check the counts of verdicts against the numbers of rows written, and return them as statistics."""
    kept, failed = counts[KEPT], counts[UNREADABLE]
    rejected = sum(counts[verdict] for verdict in VERDICTS) - kept - failed
    if written != kept + rejected + failed or retained != kept:
        raise MimicError(
            f"{written} candidates were seen, but {kept} kept + {rejected} rejected + {failed} failed; "
            f"{retained} pairs were stored",
            remedy="this is a bug in MIMIC; please report it",
        )
    verdicts = {verdict: counts[verdict] for verdict in VERDICTS}
    return {"seen": written, "kept": kept, "rejected": rejected, "failed": failed, "verdicts": verdicts}


def candidate_row(unit: str, candidate: Candidate) -> Row:
    """Return a candidate's row in the table of candidates."""
    measured = candidate.measurement
    return {
        "unit": unit,
        "view1": candidate.view1,
        "view2": candidate.view2,
        "matches": measured.matches,
        "inliers": measured.inliers,
        "overlap_12": measured.overlap_12,
        "overlap_21": measured.overlap_21,
        "overlap": measured.overlap,
        "homography": None if measured.homography is None else measured.homography.ravel().tolist(),
        "verdict": measured.verdict,
    }


def pair_row(source: str, unit: str, candidate: Candidate) -> Row:
    """Return the columns of a retained pair that its JSON file and the table of pairs share."""
    measured = candidate.measurement
    if measured.homography is None or measured.correspondences is None:
        raise ValueError("a retained pair needs a homography and correspondences")
    return {
        "key": f"{source}-{Unit(unit, Path()).key}-{candidate.view1:06d}-{candidate.view2:06d}",
        "source": source,
        "unit": unit,
        "view1": candidate.view1,
        "view2": candidate.view2,
        "overlap": measured.overlap,
        "matches": measured.matches,
        "inliers": measured.inliers,
        "homography": measured.homography.ravel().tolist(),
        "correspondences": measured.correspondences.tolist(),
    }
