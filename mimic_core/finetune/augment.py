"""Augmentation of images with dense labels, for each protocol."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from mimic_core.finetune.data import Samples, resize_image, resize_label

MIN_CROP = 0.75  # side of the smallest crop, as a share of the image's
JITTER = 0.2  # largest relative change of brightness, contrast and saturation

# the released MultiMAE's values (utils/dataset_regression.py, utils/datasets_semseg.py)
FLIP_PROBABILITY, JITTER_PROBABILITY, GREY_PROBABILITY = 0.5, 0.5, 0.3
HUES = 180  # hue values of an 8-bit image in OpenCV


class Jitter(NamedTuple):
    """Ranges of a colour jitter: factors of brightness, contrast and saturation, and the hue shift in turns."""

    brightness: tuple[float, float]
    contrast: tuple[float, float]
    saturation: tuple[float, float]
    hue: tuple[float, float]


NYUV2_JITTER = Jitter((0.8745, 1.1255), (0.6, 1.4), (0.5, 1.5), (-0.2, 0.2))
ADE20K_JITTER = Jitter((0.6, 1.4), (0.6, 1.4), (0.8, 1.2), (-0.1, 0.1))


def jitter(image: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """Change brightness, contrast and saturation of an RGB image (H, W, 3), each by up to ``JITTER``."""
    brightness, contrast, saturation = rng.uniform(1 - JITTER, 1 + JITTER, 3).astype(np.float32)
    pixels = image.astype(np.float32) * brightness
    pixels = contrast * pixels + (1 - contrast) * pixels.mean()
    grey = pixels.mean(axis=2, keepdims=True)
    mixed: NDArray[np.uint8] = np.clip(saturation * pixels + (1 - saturation) * grey, 0, 255).round().astype(np.uint8)
    return mixed


def augment(samples: Samples, rng: np.random.Generator, zoomable: bool) -> Samples:
    """Augment square images: a random square crop, resized to full size, and colour jitter.

    Args:
        samples: a batch.
        rng: draws crops and colour changes.
        zoomable: divide the label by the zoom, as Eigen et al. (2014) do with depth: what looks larger is nearer.
    """
    size = samples.images.shape[1]
    images, target, valid = samples.images.copy(), samples.target.copy(), samples.valid.copy()
    for row in range(len(samples)):
        side = int(rng.integers(round(MIN_CROP * size), size, endpoint=True))
        top, left = rng.integers(0, size - side, endpoint=True, size=2)
        crop = slice(top, top + side), slice(left, left + side)
        images[row] = jitter(resize_image(samples.images[row][crop], size), rng)
        for channel, label in enumerate(samples.target[row]):
            target[row, channel] = resize_label(np.ascontiguousarray(label[crop]), size)
        valid[row] = resize_label(samples.valid[row][crop].astype(np.uint8), size).astype(bool)
        if zoomable:
            target[row] *= side / size
    return Samples(images, target, valid)


def centre_crop(samples: Samples, size: int) -> Samples:
    """Crop the centre square of whole images, for tests and for training without augmentation."""
    top, left = ((length - size) // 2 for length in samples.images.shape[1:3])
    rows, columns = slice(top, top + size), slice(left, left + size)
    images, target, valid = samples.images[:, rows, columns], samples.target[..., rows, columns], samples.valid
    return Samples(*map(np.ascontiguousarray, (images, target, valid[:, rows, columns])))


def augment_whole(
    samples: Samples,
    rng: np.random.Generator,
    size: int,
    mirrored: Callable[[NDArray[np.float32]], NDArray[np.float32]],
) -> Samples:
    """Augment whole images, as the released MultiMAE does on NYUv2: without zoom, so that depth keeps its values.

    Each image gets a random square crop and, each with its own probability, a flip, colour jitter and greyscale.

    Args:
        samples: a batch of whole images.
        rng: draws all of these.
        size: side of the square, pixels.
        mirrored: corrects the values of labels (C, H, W) that were flipped left to right.
    """
    height, width = samples.images.shape[1:3]
    images = np.empty((len(samples), size, size, 3), np.uint8)
    target = np.empty((len(samples), samples.target.shape[1], size, size), np.float32)
    valid = np.empty((len(samples), size, size), bool)
    for row in range(len(samples)):
        flips = rng.random() < FLIP_PROBABILITY
        flip = -1 if flips else 1
        top, left = (int(rng.integers(0, length - size, endpoint=True)) for length in (height, width))
        rows, columns = slice(top, top + size), slice(left, left + size)
        image = samples.images[row]
        if rng.random() < JITTER_PROBABILITY:
            image = jitter_colours(image, rng, NYUV2_JITTER)  # before the crop: contrast uses the whole image's mean
        if rng.random() < GREY_PROBABILITY:
            image = np.repeat(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)[..., None], 3, axis=2)
        images[row] = image[:, ::flip][rows, columns]
        label = samples.target[row][..., ::flip][:, rows, columns]
        target[row] = mirrored(label) if flips else label
        valid[row] = samples.valid[row][:, ::flip][rows, columns]
    return Samples(images, target, valid)


def jitter_colours(image: NDArray[np.uint8], rng: np.random.Generator, bounds: Jitter) -> NDArray[np.uint8]:
    """Change brightness, contrast, saturation and hue of an RGB image (H, W, 3), in random order.

    Every change rounds to integers from 0 to 255, as the library of the released MultiMAE does.
    """
    brightness, contrast, saturation, hue = (rng.uniform(*limits) for limits in bounds)
    levels = np.arange(256, dtype=np.float64)
    for change in rng.permutation(4):
        if change == 0:
            image = cv2.LUT(image, np.clip(levels * brightness, 0, 255).astype(np.uint8))
        elif change == 1:
            mean = round(float(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY).mean()))
            image = cv2.LUT(image, np.clip(levels * contrast + mean * (1 - contrast), 0, 255).astype(np.uint8))
        elif change == 2:
            grey = cv2.cvtColor(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
            image = cv2.addWeighted(image, saturation, grey, 1 - saturation, 0)
        else:
            turned = cv2.cvtColor(image, cv2.COLOR_RGB2HSV)
            turned[..., 0] = cv2.LUT(turned[..., 0], ((levels + HUES * hue) % HUES).astype(np.uint8))
            image = cv2.cvtColor(turned, cv2.COLOR_HSV2RGB)
    return np.asarray(image, dtype=np.uint8)
