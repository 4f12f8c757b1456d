"""Estimate the homography between two views by RANSAC over their matches."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

Homography = NDArray[np.floating]


def estimate(
    points1: NDArray[np.float32], points2: NDArray[np.float32], threshold: float
) -> tuple[Homography | None, int]:
    """Estimate H with ``points2 ~ H points1`` from matched points (M, 2).

    OpenCV's RANSAC starts from a fixed state, so the same points give the same H.

    Args:
        threshold: maximum reprojection error of an inlier, in pixels.

    Returns:
        H (3x3, H[2, 2] = 1) and its number of inliers; ``(None, 0)`` if none is found or it is not invertible.
    """
    if len(points1) < 4:
        return None, 0
    matrix, mask = cv2.findHomography(points1, points2, cv2.RANSAC, threshold)
    if matrix is None or not usable(matrix):
        return None, 0
    return matrix, int(mask.sum())


def usable(matrix: Homography) -> bool:
    """Return whether a 3x3 matrix is finite and invertible."""
    if matrix.shape != (3, 3) or not np.isfinite(matrix).all():
        return False
    determinant = np.linalg.det(matrix / np.abs(matrix).max())
    return bool(abs(determinant) > 1e-12)
