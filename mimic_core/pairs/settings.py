"""Settings of mining, with the released scripts' values as defaults."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from annotated_types import Ge, Le
from pydantic import Strict

from mimic_core.kit.errors import MimicError
from mimic_core.kit.settings import key, read_settings, settings
from mimic_core.kit.values import WHOLE, AboveZero, Count, NotNegative, Positive, PositiveShare, Share

HashBits = Annotated[int, Strict(), Ge(-1), Le(64), WHOLE]

IMAGE_SIZE = 224  # pixels; homographies and patches refer to images of this size
PATCH_SIZE = 16  # pixels
GRID = IMAGE_SIZE // PATCH_SIZE
PATCHES = GRID * GRID  # row by row, index 0 top left


@settings("pairs")
class MiningSettings:
    """Thresholds of paper section 3 and appendix C.2; the defaults are the released scripts'."""

    ratio: PositiveShare = key(
        "ratio test: keep a match if its distance is below this share of the second nearest's", default=0.7
    )
    min_matches: Count = key("a pair needs more matches than this, else its verdict is few_matches", default=10)
    reprojection_threshold: AboveZero = key(
        "maximum reprojection error of a RANSAC inlier",
        default=5.0,
        unit="pixels at 224x224",
    )
    points_per_patch: Positive = key("pixels drawn per patch for its vote", default=100)
    min_overlap: Share = key("keep pairs above this overlap", default=0.5, unit="share of patches")
    max_overlap: Share = key("keep pairs below this overlap", default=0.75, unit="share of patches")
    min_blur_variance: NotNegative = key(
        "skip views as blurred if the variance of their Laplacian is below this; 0: skip none",
        default=0.0,
        unit="grey levels squared",
    )
    near_duplicate_bits: HashBits = key(
        "do not measure views whose perceptual hashes differ in at most this many bits; -1: measure all",
        default=-1,
        unit="bits of 64",
    )

    def __post_init__(self) -> None:
        if self.min_overlap >= self.max_overlap:
            raise MimicError(
                f"min_overlap ({self.min_overlap}) is not below max_overlap ({self.max_overlap}): no pair can be kept",
                where="pairs.min_overlap",
                remedy="set it below max_overlap",
            )


def mining_settings(block: Mapping[str, Any]) -> MiningSettings:
    """Read the thresholds from a source's ``pairs`` block, except its ``rule`` (see ``rules``).

    Raises:
        MimicError: a key is unknown, or a value is invalid.
    """
    return read_settings(MiningSettings, {name: value for name, value in block.items() if name != "rule"}, "pairs")
