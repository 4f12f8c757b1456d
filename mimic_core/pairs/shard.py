"""One shard of the stage ``pairs``: every measured candidate in a table, the retained pairs in a tar with a row each.

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
    """Files of a shard: the frames it reads and the outputs it writes."""

    frames_tar: Path
    views: Path
    candidates: Path
    pairs: Path
    tar: Path

    def all(self) -> list[Path]:
        """Every one of them, those that are read first."""
        return [self.views, self.frames_tar, self.candidates, self.pairs, self.tar]


class PairWriter:
    """Writes what is found in units, one unit after the other, and counts it.

    Of each unit: :meth:`note` every row of its views, :meth:`add` what is found in them, then :meth:`end_unit`.

    Args:
        source: name of the source, in keys.
        tar: takes the retained pairs.
        pairs, candidates: take a row each.
        shard: name of the tar, in the pairs' rows.
    """

    def __init__(self, source: str, tar: TarWriter, pairs: RowWriter, candidates: RowWriter, *, shard: str) -> None:
        self.source, self.tar, self.pairs, self.candidates, self.shard = source, tar, pairs, candidates, shard
        self.counts: Counter[str] = Counter()
        self.verdicts: set[str] = set()  # of the unit at hand
        self.views = self.features = 0
        self.unreadable: dict[str, str] = {}
        self.remarks: dict[str, list[str]] = {}
        self.still: list[str] = []

    def note(self, row: Row) -> None:
        """Count a row of the table of views; one that could not be read is a failed candidate."""
        unit, status = row["unit"], row["status"]
        if status == OK:
            self.views += 1
        elif status == REMARK:
            self.remarks.setdefault(unit, []).append(row["reason"])
        else:
            self.unreadable[unit] = row["reason"]
            self.count(unit, Candidate(-1, -1, Measurement(UNREADABLE)))

    def add(self, unit: str, found: Found, jpeg: Callable[[int], bytes]) -> None:
        """Write a candidate and, where it is retained, the pair.

        Args:
            jpeg: gives the stored bytes of a view.
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
        """Copy a retained pair's stored bytes into the tar (WebDataset naming) and describe it."""
        row = pair_row(self.source, unit, found.candidate)
        offset1 = self.tar.add(f"{row['key']}.1.jpg", first)
        offset2 = self.tar.add(f"{row['key']}.2.jpg", second)
        self.tar.add(f"{row['key']}.json", json.dumps(row, sort_keys=True).encode())
        place = {"offset1": offset1, "size1": len(first), "offset2": offset2, "size2": len(second)}
        self.pairs.add({**row, "hash1": found.hash1, "hash2": found.hash2, "shard": self.shard, **place})

    def end_unit(self, unit: str, features: int) -> None:
        """End a unit, of which so many features were computed; one whose views are all alike is told of."""
        self.features += features
        if self.verdicts == {NEAR_DUPLICATE}:
            self.still.append(unit)
            log.info("nothing moves in %s", printable(unit))
        self.verdicts = set()

    def statistics(self) -> dict[str, Any]:
        """The counts, as :func:`mine_shard` returns them.

        Raises:
            MimicError: they do not add up, which would mean that a candidate was lost.
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
    """Measure the candidates of a shard's units and write what was measured and what is retained.

    Returns:
        Statistics: ``seen``, ``kept``, ``rejected``, ``failed``, the count of each verdict, ``views``, ``features``
        (views whose features were computed), the unreadable units with their reasons, what was remarked of units, and
        the units in which nothing moves (``still``: every candidate is a near-duplicate).

    Raises:
        MimicError: the counts do not add up, which would mean that a candidate was lost.
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
    """Set up this process for measuring: one thread, since every core has a process; freed memory is kept."""
    cv2.setNumThreads(1)  # OpenCV's own threads would compete with the other jobs
    keep_freed_memory()


def check_counts(counts: Counter[str], written: int, retained: int) -> dict[str, Any]:
    """Counts of every verdict, checked against the rows that were written."""
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
    """Row of the table of candidates."""
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
    """What is said of a retained pair in its JSON file, and in the table of pairs."""
    measured = candidate.measurement
    if measured.homography is None or measured.correspondences is None:
        raise ValueError("a retained pair has a homography and correspondences")
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
