"""SIFT features of one view, computed once however many pairs the view stands in (paper section 3)."""

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
    """Descriptors in a few dimensions, so that ``asking @ answering.T`` bounds all squared distances from below.

    With half as in ``half``, the squared distance of descriptors i and j is at least
    ``2 (half_i - (asking @ answering.T)_ij)``: each is written along the directions in which SIFT descriptors differ
    most, and what is left of it counts by its length alone.

    Attributes:
        asking: (N, K + 2): K directions, the length of the rest, -1.
        answering: (N, K + 2): the same, but ``half`` in the last column.
        half: (N,) half the squared distance from the mean descriptor.
    """

    asking: Floats
    answering: Floats
    half: Floats


@dataclass(frozen=True)
class Features:
    """Keypoints of a view.

    Attributes:
        points: (N, 2) float32, x and y in pixels of the 224-pixel frame.
        descriptors: (N, 128) float32, whole numbers 0 to 255 as OpenCV gives them.
        squares: (N,) float32, squared length of each descriptor.
    """

    points: Floats
    descriptors: Floats
    squares: Floats

    def __len__(self) -> int:
        return len(self.points)

    @cached_property
    def reduced(self) -> Reduced:
        """The descriptors in fewer dimensions; made when first asked for."""
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
    """Mean (128,) and principal directions (128, K) of SIFT descriptors: ``benchmarks/sift_basis.py`` learns them.

    Any orthonormal directions give the same matches; good ones give them sooner.
    """
    with np.load(BASIS, allow_pickle=False) as file:
        return file["mean"], file["directions"]


def detect(image: Image) -> Features:
    """Detect SIFT keypoints (OpenCV's defaults) on the grey 224x224 image.

    Args:
        image: (H, W, 3) uint8 RGB; another size than 224x224 is squashed to it first, as the released scripts do.

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
