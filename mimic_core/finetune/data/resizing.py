"""Resize images and labels, each with the filter of the code it reproduces."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from mimic_core.kit.errors import MimicError

Number = TypeVar("Number", bound=np.generic)


def resize_image(image: NDArray[np.uint8], size: int) -> NDArray[np.uint8]:
    """Squash an image (H, W, 3) to ``size`` x ``size``, by area averaging if it shrinks, else bilinearly."""
    if image.shape[:2] == (size, size):
        return image
    shrinks = min(image.shape[:2]) >= size
    resized: NDArray[np.uint8] = cv2.resize(
        image, (size, size), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    )
    return resized.astype(np.uint8, copy=False)


def whole_size(image: NDArray[Any], size: int) -> tuple[int, int]:
    """Return height and width of an image (H, W, ...) once its shorter side is resized to ``size``."""
    height, width = image.shape[:2]
    shorter = min(height, width)
    return round(height * size / shorter), round(width * size / shorter)


def resize_whole(image: NDArray[np.uint8], size: int) -> NDArray[np.uint8]:
    """Resize the shorter side of an image (H, W, 3) to ``size``, bilinearly (as the released MultiMAE)."""
    height, width = whole_size(image, size)
    resized: NDArray[np.uint8] = cv2.resize(image, (width, height), interpolation=cv2.INTER_LINEAR)
    return resized.astype(np.uint8, copy=False)


def resize_whole_label(label: NDArray[np.generic], size: int) -> NDArray[np.generic]:
    """Resize the shorter side of a label map (H, W) or (H, W, C) to ``size``, by nearest pixel (as MultiMAE)."""
    height, width = whole_size(label, size)
    return np.asarray(cv2.resize(label, (width, height), interpolation=cv2.INTER_NEAREST))


def stack(parts: Sequence[NDArray[Number]], where: Sequence[object]) -> NDArray[Number]:
    """Stack images or labels of one shape into one array.

    Raises:
        MimicError: one has another shape than the first; whole images must all have one size.
    """
    for part, place in zip(parts, where, strict=True):
        if part.shape != parts[0].shape:
            what = f"this image is {part.shape[1]}x{part.shape[0]} after resizing, and others are not"
            raise MimicError(what, where=place, remedy="use protocol: squash for images of several shapes")
    return np.stack(parts)


def resize_bicubic(image: NDArray[np.uint8], height: int, width: int) -> NDArray[np.uint8]:
    """Resize an image (H, W, 3) with Pillow's bicubic filter, as the released MAE reads ImageNet.

    OpenCV's filters give other pixels (area averaging: off by 1.3 grey levels on average), which changes a probe.
    """
    picture = Image.fromarray(image).resize((width, height), Image.Resampling.BICUBIC)
    return np.asarray(picture, dtype=np.uint8)


def resize_label(label: NDArray[np.generic], height: int, width: int | None = None) -> NDArray[np.generic]:
    """Resize a label map (H, W) or (H, W, C) by nearest pixel, so that labels are never mixed.

    ``width`` defaults to ``height``.
    """
    width = height if width is None else width
    if label.shape[:2] == (height, width):
        return label
    return np.asarray(cv2.resize(label, (width, height), interpolation=cv2.INTER_NEAREST_EXACT))
