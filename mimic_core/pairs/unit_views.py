"""Measure the views of one unit; cache the features of recent views, and all hashes."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import IO

from mimic_core.frames import decode_image
from mimic_core.kit.archive import read_at
from mimic_core.kit.in_worker import sign_of_life
from mimic_core.kit.seeding import generator
from mimic_core.kit.tables import Row
from mimic_core.pairs.candidates import Candidate, CandidateRule, ViewOf
from mimic_core.pairs.features import Features, detect
from mimic_core.pairs.hashing import perceptual_hash
from mimic_core.pairs.measurement import BLURRED, KEPT, NEAR_DUPLICATE, Measurement, measure
from mimic_core.pairs.settings import MiningSettings

CACHED_VIEWS = 32  # views whose features are cached: a sample of the walk has 24 views, a video needs three


@dataclass(frozen=True)
class Found:
    """A measured candidate and, if it is kept, the perceptual hashes of its two views."""

    candidate: Candidate
    hash1: int = 0
    hash2: int = 0


class UnitViews:
    """Measure the views of one unit, read from a stream by offset.

    Args:
        source, unit: names that seed the random draws.
        rows: rows of the table of views, one per view.
        stream: has the JPEGs at the rows' offsets.
        settings: thresholds.
        seed: seed of all random draws.
    """

    def __init__(
        self, source: str, unit: str, rows: Sequence[Row], stream: IO[bytes], settings: MiningSettings, seed: int
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
        """Return the JPEG bytes of a view."""
        return read_at(self.stream, *self.place[view])

    def features_of(self, view: int) -> Features:
        """Return the features of a view, from the cache if possible."""
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
        """Return the perceptual hash of a view."""
        if view not in self.hashes:
            self.hashes[view] = perceptual_hash(decode_image(self.jpeg(view)))
        return self.hashes[view]

    def near_duplicates(self, view1: int, view2: int) -> bool:
        """Return whether two views are near-duplicates; always False if the check is off."""
        bits = self.settings.near_duplicate_bits
        return bits >= 0 and (self.hash_of(view1) ^ self.hash_of(view2)).bit_count() <= bits

    def measure(self, view1: int, view2: int) -> Measurement:
        """Measure two views; the random draws depend only on the seed and the names of the views."""
        if view1 in self.blurred or view2 in self.blurred:
            return Measurement(BLURRED)
        if self.near_duplicates(view1, view2):
            return Measurement(NEAR_DUPLICATE)
        rng = generator(self.seed, "pairs", self.source, self.unit, view1, view2)
        return measure(self.features_of(view1), self.features_of(view2), rng=rng, settings=self.settings)

    def found(self, rule: CandidateRule) -> Iterator[Found]:
        """Measure the candidates that a rule chooses, and yield each with its final verdict."""
        for candidate in rule.candidates(self.views, self.measure):
            sign_of_life()
            if candidate.measurement.verdict == KEPT:
                yield Found(candidate, self.hash_of(candidate.view1), self.hash_of(candidate.view2))
            else:
                yield Found(candidate)
