"""One shard of the stage ``pairs``: every measured candidate in a table, the retained pairs in a tar with a row each.

``seen = kept + rejected + failed`` holds for every shard, or the stage fails.
"""

from __future__ import annotations

import json
import logging
from collections import Counter, OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from operator import itemgetter
from pathlib import Path
from typing import Any, BinaryIO

import cv2

from mimic_core.frames.shard import OK, REMARK
from mimic_core.frames.views import decode_image
from mimic_core.kit.archive import TarWriter, read_at
from mimic_core.kit.confined import sign_of_life
from mimic_core.kit.errors import MimicError, printable
from mimic_core.kit.files import atomic_path
from mimic_core.kit.progress import Progress
from mimic_core.kit.seeding import generator
from mimic_core.kit.tables import Row, RowWriter, count_rows, read_groups
from mimic_core.machine.memory import keep_freed_memory
from mimic_core.pairs.candidates import Candidate, CandidateRule, ViewOf
from mimic_core.pairs.features import Features, detect
from mimic_core.pairs.hashing import perceptual_hash
from mimic_core.pairs.measurement import BLURRED, KEPT, NEAR_DUPLICATE, UNREADABLE, VERDICTS, Measurement, measure
from mimic_core.pairs.settings import MiningSettings
from mimic_core.pairs.tables import CANDIDATES, PAIRS
from mimic_core.sources.base import Unit

log = logging.getLogger("mimic")

CACHED_VIEWS = 32  # features held at a time: a sample of the walk has 24 views, a video needs three


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


class UnitViews:
    """The views of one unit, read by offset; features are computed once a view and the last few are held."""

    def __init__(
        self, source: str, unit: str, rows: Sequence[Row], stream: BinaryIO, settings: MiningSettings, seed: int
    ) -> None:
        self.source, self.unit = source, unit
        self.stream, self.settings, self.seed = stream, settings, seed
        rows = sorted(rows, key=itemgetter("view"))
        self.views = [ViewOf(row["view"], row["group"], row["role"]) for row in rows]
        self.place = {row["view"]: (row["offset"], row["size"]) for row in rows}
        self.blurred = {row["view"] for row in rows if row["blur"] < settings.min_blur_variance}
        self.features: OrderedDict[int, Features] = OrderedDict()
        self.hashes: dict[int, int] = {}
        self.detected = 0

    def jpeg(self, view: int) -> bytes:
        """Stored bytes of a view."""
        return read_at(self.stream, *self.place[view])

    def features_of(self, view: int) -> Features:
        """Features of a view."""
        if view in self.features:
            self.features.move_to_end(view)
            return self.features[view]
        image = decode_image(self.jpeg(view))
        self.hashes[view] = perceptual_hash(image)
        self.features[view] = detect(image)
        self.detected += 1
        if len(self.features) > CACHED_VIEWS:
            self.features.popitem(last=False)
        return self.features[view]

    def hash_of(self, view: int) -> int:
        """Perceptual hash of a view."""
        if view not in self.hashes:
            self.hashes[view] = perceptual_hash(decode_image(self.jpeg(view)))
        return self.hashes[view]

    def near_duplicates(self, view1: int, view2: int) -> bool:
        """Whether two views look nearly the same; never where the rule is off."""
        bits = self.settings.near_duplicate_bits
        return bits >= 0 and (self.hash_of(view1) ^ self.hash_of(view2)).bit_count() <= bits

    def measure(self, view1: int, view2: int) -> Measurement:
        """Measure two views; the draw depends on nothing but their names."""
        if view1 in self.blurred or view2 in self.blurred:
            return Measurement(BLURRED)
        if self.near_duplicates(view1, view2):
            return Measurement(NEAR_DUPLICATE)
        rng = generator(self.seed, "pairs", self.source, self.unit, view1, view2)
        return measure(self.features_of(view1), self.features_of(view2), rng=rng, settings=self.settings)


def mine_shard(
    paths: ShardPaths,
    *,
    source: str,
    rule: CandidateRule,
    settings: MiningSettings,
    seed: int,
    shown: bool = True,
) -> dict[str, Any]:
    """Measure the candidates of a shard's units and write what was measured and what is retained.

    Args:
        shown: whether the progress is shown.

    Returns:
        Statistics: ``seen``, ``kept``, ``rejected``, ``failed``, the count of each verdict, ``views``, ``features``
        (views whose features were computed), the unreadable units with their reasons, what was remarked of units, and
        the units in which nothing moves (``still``: every candidate is a near-duplicate).

    Raises:
        MimicError: the counts do not add up, which would mean that a candidate was lost.
    """
    cv2.setNumThreads(1)  # one process a core; OpenCV's own threads would compete with the other jobs
    keep_freed_memory()
    counts: Counter[str] = Counter()
    views = detected = 0
    reasons, still, remarks = dict[str, str](), list[str](), dict[str, list[str]]()
    with (
        atomic_path(paths.tar) as tar_path,
        atomic_path(paths.pairs) as pairs_path,
        atomic_path(paths.candidates) as candidates_path,
        open(paths.frames_tar, "rb") as stream,
        Progress(count_rows(paths.views), "views", shown=shown) as progress,
        TarWriter(tar_path) as tar,
        RowWriter(pairs_path, PAIRS) as pairs,
        RowWriter(candidates_path, CANDIDATES) as candidates,
    ):
        for name, all_rows in read_groups(paths.views, "unit"):
            rows = [row for row in all_rows if row["status"] != REMARK]
            if len(rows) < len(all_rows):
                remarks[name] = [row["reason"] for row in all_rows if row["status"] == REMARK]
                progress.step(len(all_rows) - len(rows))
            if not rows:
                continue
            if rows[0]["status"] != OK:
                reasons[name] = rows[0]["reason"]
                counts[UNREADABLE] += 1
                candidates.add(candidate_row(name, Candidate(-1, -1, Measurement(UNREADABLE))))
                progress.step(len(rows))
                continue
            unit = UnitViews(source, name, rows, stream, settings, seed)
            verdicts = set()
            for candidate in rule.candidates(unit.views, unit.measure):
                sign_of_life()
                verdicts.add(candidate.measurement.verdict)
                counts[candidate.measurement.verdict] += 1
                candidates.add(candidate_row(name, candidate))
                if candidate.measurement.verdict == KEPT:
                    pairs.add(store_pair(unit, candidate, tar, paths.tar.name))
            if verdicts == {NEAR_DUPLICATE}:
                still.append(name)
                log.info("nothing moves in %s", printable(name))
            views += len(rows)
            detected += unit.detected
            progress.step(len(rows), note=f"{counts[KEPT]} pairs")
        written, retained = candidates.rows, pairs.rows
    statistics = check_counts(counts, written, retained)
    return {
        **statistics,
        "views": views,
        "features": detected,
        "unreadable": reasons,
        "remarks": remarks,
        "still": still,
    }


def check_counts(counts: Counter[str], written: int, retained: int) -> dict[str, Any]:
    """Counts of every verdict, checked against the rows that were written."""
    kept, failed = counts[KEPT], counts[UNREADABLE]
    rejected = sum(counts[verdict] for verdict in VERDICTS) - kept - failed
    if written != kept + rejected + failed or retained != kept:
        raise MimicError(
            f"{written} candidates were seen, but {kept} kept + {rejected} rejected + {failed} failed; "
            f"{retained} pairs were stored",
            remedy="this is a fault in MIMIC; please report it",
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


def store_pair(unit: UnitViews, candidate: Candidate, tar: TarWriter, shard: str) -> Row:
    """Copy a retained pair's stored bytes into the shard (WebDataset naming) and describe it."""
    measured = candidate.measurement
    if measured.homography is None or measured.correspondences is None:
        raise ValueError("a retained pair has a homography and correspondences")
    key = f"{unit.source}-{Unit(unit.unit, Path()).key}-{candidate.view1:06d}-{candidate.view2:06d}"
    first, second = unit.jpeg(candidate.view1), unit.jpeg(candidate.view2)
    row = {
        "key": key,
        "source": unit.source,
        "unit": unit.unit,
        "view1": candidate.view1,
        "view2": candidate.view2,
        "overlap": measured.overlap,
        "matches": measured.matches,
        "inliers": measured.inliers,
        "homography": measured.homography.ravel().tolist(),
        "correspondences": measured.correspondences.tolist(),
    }
    offset1 = tar.add(f"{key}.1.jpg", first)
    offset2 = tar.add(f"{key}.2.jpg", second)
    tar.add(f"{key}.json", json.dumps(row, sort_keys=True).encode())
    return {
        **row,
        "hash1": unit.hash_of(candidate.view1),
        "hash2": unit.hash_of(candidate.view2),
        "shard": shard,
        "offset1": offset1,
        "size1": len(first),
        "offset2": offset2,
        "size2": len(second),
    }
