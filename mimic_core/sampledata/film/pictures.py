"""Write pictures of the sample world; the same picture gives the same bytes."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

JPEG_QUALITY = 95
PNG_LEVEL = 1  # noise does not compress, so higher levels only take time


def write_jpeg(path: Path, rgb: np.ndarray) -> None:
    """Write an HxWx3 uint8 picture as JPEG; missing folders are created."""
    path.parent.mkdir(parents=True, exist_ok=True)
    options = [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY]
    path.write_bytes(cv2.imencode(".jpg", rgb[..., ::-1], options)[1].tobytes())


def write_png(path: Path, rgb: np.ndarray) -> None:
    """Write an HxWx3 uint8 picture as PNG; missing folders are created."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(cv2.imencode(".png", rgb[..., ::-1], [cv2.IMWRITE_PNG_COMPRESSION, PNG_LEVEL])[1].tobytes())


def write_labels(path: Path, labels: np.ndarray) -> None:
    """Write an HxW uint8 map of classes as a greyscale PNG; missing folders are created."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(cv2.imencode(".png", labels)[1].tobytes())
