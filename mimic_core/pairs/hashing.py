"""Perceptual hashes, for finding near-duplicates and images that leaked into a test set."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray


def perceptual_hash(image: NDArray[np.uint8]) -> int:
    """64-bit DCT hash of an RGB image: images that look alike differ in few bits.

    The grey image is brought to 32x32; each of its 64 lowest frequencies gives one bit, set where it lies above
    their median (the mean brightness is left out of the median).
    """
    grey = cv2.resize(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), (32, 32), interpolation=cv2.INTER_AREA)
    low = cv2.dct(grey.astype(np.float32))[:8, :8].ravel()
    bits = low > np.median(low[1:])
    return int.from_bytes(np.packbits(bits).tobytes(), "big")
