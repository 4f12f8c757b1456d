"""The views of one unit, measured: features and hashes are computed once a view, the last few are held."""

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

CACHED_VIEWS = 32  # features held at a time: a sample of the walk has 24 views, a video needs three


@dataclass(frozen=True)
class Found:
    """A measured candidate; of a retained one also the perceptual hashes of its two views."""

    candidate: Candidate
    hash1: int = 0
    hash2: int = 0


class UnitViews:
    """The views of one unit, read by offset.

    Args:
        source, unit: names, for the random draws.
        rows: of the table of views, one a view.
        stream: holds the JPEGs at the rows' offsets.
        settings: thresholds.
        seed: of every draw.
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

    def found(self, rule: CandidateRule) -> Iterator[Found]:
        """Measure the candidates that a rule names, and yield each with its final verdict."""
        for candidate in rule.candidates(self.views, self.measure):
            sign_of_life()
            if candidate.measurement.verdict == KEPT:
                yield Found(candidate, self.hash_of(candidate.view1), self.hash_of(candidate.view2))
            else:
                yield Found(candidate)
