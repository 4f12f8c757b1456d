"""Perceptual hashes, used to find near-duplicates and images that leak from a test set."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray


def perceptual_hash(image: NDArray[np.uint8]) -> int:
    """Return the 64-bit DCT hash of an RGB image: similar images differ in few bits.

    The grey image is resized to 32x32. Each of its 64 lowest DCT coefficients gives one bit, set if it is above their
    median, which excludes the mean brightness.
    """
    grey = cv2.resize(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), (32, 32), interpolation=cv2.INTER_AREA)
    low = cv2.dct(grey.astype(np.float32))[:8, :8].ravel()
    bits = low > np.median(low[1:])
    return int.from_bytes(np.packbits(bits).tobytes(), "big")
