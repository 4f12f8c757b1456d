"""SIFT features of one view, computed once however many pairs the view stands in (paper section 3)."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from mimic_core.pairs.settings import IMAGE_SIZE

Image = NDArray[np.uint8]

DESCRIPTOR_SIZE = 128


@dataclass(frozen=True)
class Features:
    """Keypoints of a view.

    Attributes:
        points: (N, 2) float32, x and y in pixels of the 224-pixel frame.
        descriptors: (N, 128) float32, whole numbers 0 to 255 as OpenCV gives them.
        squares: (N,) float32, squared length of each descriptor.
    """

    points: NDArray[np.float32]
    descriptors: NDArray[np.float32]
    squares: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.points)


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
    return Features(points, descriptors, np.einsum("nd,nd->n", descriptors, descriptors))
