"""SIFT features of a view (paper section 3)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from mimic_core.pairs.settings import IMAGE_SIZE

Image = NDArray[np.uint8]
Floats = NDArray[np.float32]

DESCRIPTOR_SIZE = 128
BASIS = Path(__file__).with_name("sift_basis.npz")


class Reduced(NamedTuple):
    """Descriptors in a few dimensions, such that ``queries @ keys.T`` bounds all squared distances from below.

    The squared distance of descriptors i and j is at least ``2 (half_i - (queries @ keys.T)_ij)``. Each descriptor
    is projected onto the directions in which SIFT descriptors vary most; of the residual only the norm is kept.

    Attributes:
        queries: (N, K + 2): K projections, norm of the residual, -1.
        keys: (N, K + 2): the same, but ``half`` in the last column.
        half: (N,) half the squared distance from the mean descriptor.
    """

    queries: Floats
    keys: Floats
    half: Floats


@dataclass(frozen=True)
class Features:
    """Keypoints of a view.

    Attributes:
        points: (N, 2) float32, x and y in pixels of the 224-pixel frame.
        descriptors: (N, 128) float32, integers from 0 to 255 as OpenCV returns them.
        squares: (N,) float32, squared norm of each descriptor.
    """

    points: Floats
    descriptors: Floats
    squares: Floats

    def __len__(self) -> int:
        return len(self.points)

    @cached_property
    def reduced(self) -> Reduced:
        """The descriptors in fewer dimensions, computed on first use."""
        mean, directions = basis()
        centred = self.descriptors - mean
        along = centred @ directions
        half = np.vecdot(centred, centred) / 2
        rest = np.sqrt(np.maximum(2 * half - np.vecdot(along, along), 0))
        parts = [along, rest[:, None]]
        return Reduced(
            np.concatenate([*parts, np.full_like(rest, -1)[:, None]], axis=1),
            np.concatenate([*parts, half[:, None]], axis=1),
            half,
        )


@cache
def basis() -> tuple[Floats, Floats]:
    """Load the mean (128,) and principal directions (128, K) of SIFT descriptors from ``benchmarks/sift_basis.py``.

    Any orthonormal directions give the same matches; good ones make matching faster.
    """
    with np.load(BASIS, allow_pickle=False) as file:
        return file["mean"], file["directions"]


def detect(image: Image) -> Features:
    """Detect SIFT keypoints with OpenCV's defaults on the grey 224x224 image.

    Args:
        image: (H, W, 3) uint8 RGB; other sizes are first squashed to 224x224, as in the released scripts.

    Raises:
        ValueError: ``image`` is not (H, W, 3) uint8.
    """
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
        raise ValueError(f"expected an HxWx3 uint8 RGB image, got {image.dtype} of shape {image.shape}")
    if image.shape[:2] != (IMAGE_SIZE, IMAGE_SIZE):
        image = cv2.resize(image, (IMAGE_SIZE, IMAGE_SIZE))
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    keypoints, descriptors = cv2.SIFT.create().detectAndCompute(grey, None)
    if descriptors is None:
        descriptors = np.zeros((0, DESCRIPTOR_SIZE), np.float32)
    points = np.asarray(cv2.KeyPoint.convert(keypoints), np.float32).reshape(-1, 2)
    return Features(points, descriptors, np.vecdot(descriptors, descriptors))
