"""Augmentation of labelled images: colour jitter and random crop (paper, appendix D: NYUv2 depth)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mimic_core.finetune.data import Samples, resize_image, resize_label

SMALLEST = 0.75  # side of the smallest crop over the image's
JITTER = 0.2  # largest relative change of brightness, contrast and saturation


def jitter(image: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """An RGB image (H, W, 3) with its brightness, contrast and saturation each changed by up to ``JITTER``."""
    brightness, contrast, saturation = rng.uniform(1 - JITTER, 1 + JITTER, 3).astype(np.float32)
    pixels = image.astype(np.float32) * brightness
    pixels = contrast * pixels + (1 - contrast) * pixels.mean()
    grey = pixels.mean(axis=2, keepdims=True)
    return np.clip(saturation * pixels + (1 - saturation) * grey, 0, 255).round().astype(np.uint8)


def augment(samples: Samples, rng: np.random.Generator, zoomable: bool) -> Samples:
    """Another look at each image: a random square crop, brought back to full size, in other colours.

    Args:
        samples: a batch.
        rng: draws crops and colours.
        zoomable: divide the label by the zoom, as for depth (Eigen et al. 2014): what looks larger is nearer.
    """
    size = samples.images.shape[1]
    images, target, valid = samples.images.copy(), samples.target.copy(), samples.valid.copy()
    for row in range(len(samples)):
        side = int(rng.integers(round(SMALLEST * size), size, endpoint=True))
        top, left = rng.integers(0, size - side, endpoint=True, size=2)
        crop = slice(top, top + side), slice(left, left + side)
        images[row] = jitter(resize_image(samples.images[row][crop], size), rng)
        for channel, label in enumerate(samples.target[row]):
            target[row, channel] = resize_label(np.ascontiguousarray(label[crop]), size)
        valid[row] = resize_label(samples.valid[row][crop].astype(np.uint8), size).astype(bool)
        if zoomable:
            target[row] *= side / size
    return Samples(images, target, valid)
