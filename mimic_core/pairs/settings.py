"""Settings of the mining, with the released scripts' values as defaults."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from annotated_types import Ge, Le
from pydantic import Strict

from mimic_core.kit.errors import MimicError
from mimic_core.kit.settings import key, read_settings, settings
from mimic_core.kit.values import WHOLE, AboveZero, Count, NotNegative, Positive, PositiveShare, Share

HashBits = Annotated[int, Strict(), Ge(-1), Le(64), WHOLE]

IMAGE_SIZE = 224  # pixels; every homography and every patch is in this frame
PATCH_SIZE = 16  # pixels
GRID = IMAGE_SIZE // PATCH_SIZE
PATCHES = GRID * GRID  # row by row, index 0 top left


@settings("pairs")
class MiningSettings:
    """Thresholds of paper section 3 and appendix C.2; the defaults are the released scripts'."""

    ratio: PositiveShare = key(
        "a match is kept when its distance is below this share of the second nearest's", default=0.7
    )
    min_matches: Count = key("more than this many matches are needed, else the verdict is few_matches", default=10)
    reprojection_threshold: AboveZero = key(
        "a match further than this from where the homography puts it is no inlier of RANSAC",
        default=5.0,
        unit="pixels of 224",
    )
    points_per_patch: Positive = key("pixels drawn in a patch for its vote", default=100)
    min_overlap: Share = key("a pair is kept above this overlap", default=0.5, unit="share of patches")
    max_overlap: Share = key("a pair is kept below this overlap", default=0.75, unit="share of patches")
    min_blur_variance: NotNegative = key(
        "views whose Laplacian has a smaller variance are left out as blurred; 0: none",
        default=0.0,
        unit="grey levels squared",
    )
    near_duplicate_bits: HashBits = key(
        "views whose perceptual hashes differ in at most so many bits are not measured; -1: all are",
        default=-1,
        unit="bits of 64",
    )

    def __post_init__(self) -> None:
        if self.min_overlap >= self.max_overlap:
            raise MimicError(
                f"min_overlap is {self.min_overlap} and max_overlap {self.max_overlap}: no pair can be kept",
                where="pairs.min_overlap",
                remedy="give a number below max_overlap",
            )


def mining_settings(block: Mapping[str, Any]) -> MiningSettings:
    """Thresholds from a source's ``pairs`` block, whose ``rule`` says which pairs are candidates.

    Raises:
        MimicError: a key that is unknown, or a value out of range.
    """
    return read_settings(MiningSettings, {name: value for name, value in block.items() if name != "rule"}, "pairs")
