"""Settings of the mining, with the released scripts' values as defaults."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from mimic_core.kit.errors import MimicError
from mimic_core.kit.settings import ABOVE_ZERO, COUNT, NOT_NEGATIVE, POSITIVE, SHARE, Bounds, check_numbers

IMAGE_SIZE = 224  # pixels; every homography and every patch is in this frame
PATCH_SIZE = 16  # pixels
GRID = IMAGE_SIZE // PATCH_SIZE
PATCHES = GRID * GRID  # row by row, index 0 top left


@dataclass(frozen=True)
class MiningSettings:
    """Thresholds of paper section 3 and appendix C.2.

    Attributes:
        ratio: a match is kept when its distance is below ``ratio`` times the second nearest's.
        min_matches: more than this many matches are needed, else the verdict is ``few_matches``.
        reprojection_threshold: RANSAC inlier threshold in pixels of the 224-pixel frame.
        points_per_patch: pixels drawn in a patch for its vote.
        min_overlap, max_overlap: a pair is kept strictly between the two (shares of 196 patches).
        min_blur_variance: views whose Laplacian variance is below this are ``blurred``; 0 turns the rule off.
        near_duplicate_bits: views whose perceptual hashes (64 bits) differ in at most so many bits are
            ``near_duplicate`` and are not measured; -1 turns the rule off.
    """

    ratio: float = 0.7
    min_matches: int = 10
    reprojection_threshold: float = 5.0
    points_per_patch: int = 100
    min_overlap: float = 0.5
    max_overlap: float = 0.75
    min_blur_variance: float = 0.0
    near_duplicate_bits: int = -1

    def __post_init__(self) -> None:
        check_numbers(
            self,
            "pairs",
            ratio=Bounds(above=0, most=1),
            min_matches=COUNT,
            reprojection_threshold=ABOVE_ZERO,
            points_per_patch=POSITIVE,
            min_overlap=SHARE,
            max_overlap=SHARE,
            min_blur_variance=NOT_NEGATIVE,
            near_duplicate_bits=Bounds(-1, 64, whole=True),
        )
        if self.min_overlap >= self.max_overlap:
            raise MimicError(
                f"min_overlap is {self.min_overlap} and max_overlap {self.max_overlap}: no pair can be kept",
                where="pairs.min_overlap",
                remedy="give a number below max_overlap",
            )

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> MiningSettings:
        """Settings from a config block; keys of other rooms in the same block are left to them."""
        return cls(**{field.name: values[field.name] for field in fields(cls) if field.name in values})
