"""Measure one candidate pair: matches, homography, overlap, correspondences, verdict."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mimic_core.pairs.correspondences import Correspondences, correspondences, inverted, overlap
from mimic_core.pairs.features import Features
from mimic_core.pairs.homography import Homography, estimate
from mimic_core.pairs.matching import match
from mimic_core.pairs.settings import MiningSettings

KEPT = "kept"
FEW_MATCHES = "few_matches"
NO_HOMOGRAPHY = "no_homography"
LOW_OVERLAP = "low_overlap"
HIGH_OVERLAP = "high_overlap"
BLURRED = "blurred"
NEAR_DUPLICATE = "near_duplicate"
NOT_BEST = "not_best"
UNREADABLE = "unreadable"

VERDICTS = (KEPT, FEW_MATCHES, NO_HOMOGRAPHY, LOW_OVERLAP, HIGH_OVERLAP, BLURRED, NEAR_DUPLICATE, NOT_BEST, UNREADABLE)

DEFAULT = MiningSettings()


@dataclass(frozen=True)
class Measurement:
    """A measured candidate.

    Attributes:
        verdict: one of :data:`VERDICTS`.
        matches: matches that pass the ratio test.
        inliers: matches within the reprojection threshold of the homography.
        homography: 3x3, view 1 -> view 2 in 224x224 pixel coordinates, or None.
        overlap_12, overlap_21: share of patches matched in each direction, 0 to 1; 0 without a homography.
        overlap: the smaller of the two.
        correspondences: (196,) int16, patch of view 2 for each patch of view 1, -1 for none; from the direction with
            the smaller overlap. None without a homography.
    """

    verdict: str
    matches: int = 0
    inliers: int = 0
    homography: Homography | None = None
    overlap_12: float = 0.0
    overlap_21: float = 0.0
    overlap: float = 0.0
    correspondences: Correspondences | None = None


def measure(
    first: Features, second: Features, *, rng: np.random.Generator, settings: MiningSettings = DEFAULT
) -> Measurement:
    """Measure a candidate pair from the features of its views (paper section 3, appendix C.2).

    Args:
        rng: draws the voting pixels; the same state gives the same measurement.

    Source: the released scripts (``tests/unit/pairs/test_reference.py`` checks how often the verdicts agree).
    """
    rows1, rows2 = match(first, second, settings.ratio)
    matches = len(rows1)
    if matches <= settings.min_matches:
        return Measurement(FEW_MATCHES, matches)
    matrix, inliers = estimate(first.points[rows1], second.points[rows2], settings.reprojection_threshold)
    if matrix is None:
        return Measurement(NO_HOMOGRAPHY, matches)
    return overlap_of(matrix, matches, inliers, rng, settings)


def overlap_of(
    matrix: Homography, matches: int, inliers: int, rng: np.random.Generator, settings: MiningSettings = DEFAULT
) -> Measurement:
    """Complete a measurement from its homography: vote in both directions and decide the verdict."""
    forward = correspondences(matrix, rng, settings.points_per_patch)
    backward = correspondences(np.linalg.inv(matrix), rng, settings.points_per_patch)
    overlap_12, overlap_21 = overlap(forward), overlap(backward)
    smaller = min(overlap_12, overlap_21)
    return Measurement(
        verdict=verdict_of(smaller, settings),
        matches=matches,
        inliers=inliers,
        homography=matrix,
        overlap_12=overlap_12,
        overlap_21=overlap_21,
        overlap=smaller,
        correspondences=forward if overlap_12 <= overlap_21 else inverted(backward),
    )


def verdict_of(value: float, settings: MiningSettings) -> str:
    """Return the verdict for an overlap: kept strictly between the two bounds."""
    if value <= settings.min_overlap:
        return LOW_OVERLAP
    return KEPT if value < settings.max_overlap else HIGH_OVERLAP
