"""What happens to images on the device: crops, flips, normalisation. The draws come from outside, as arrays."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

MEAN = (0.485, 0.456, 0.406)  # ImageNet's, of RGB in 0 to 1
STD = (0.229, 0.224, 0.225)

TRIES = 10  # as torchvision's RandomResizedCrop; after them the whole image is taken


def draw_boxes(rng: np.random.Generator, count: int, scale: tuple[float, float] = (0.2, 1.0)) -> np.ndarray:
    """Draw crops of a square image: area uniform in ``scale``, aspect log-uniform in 3/4 to 4/3 (as the released MAE).

    Returns:
        (count, 4) float32: left, top, width and height, in sides of the image.
    """
    area = rng.uniform(*scale, (count, TRIES))
    aspect = np.exp(rng.uniform(np.log(3 / 4), np.log(4 / 3), (count, TRIES)))
    places = rng.uniform(size=(count, 2))
    sides = np.sqrt(np.stack([area * aspect, area / aspect], axis=2))
    fits = np.all(sides <= 1, axis=2)
    chosen = sides[np.arange(count), fits.argmax(axis=1)]
    chosen[~np.any(fits, axis=1)] = 1.0
    return np.concatenate([places * (1 - chosen), chosen], axis=1).astype(np.float32)


def crop(images: Tensor, boxes: Tensor, flips: Tensor) -> Tensor:
    """Cut a box out of each image and enlarge it to the image's size (bicubic); mirror some.

    A box is never larger than the image, so nothing shrinks and no smoothing is needed.

    Args:
        images: (B, 3, S, S) float, 0 to 255.
        boxes: (B, 4) as :func:`draw_boxes` gives them.
        flips: (B,) bool, true to mirror left and right.
    """
    left, top, width, height = boxes.unbind(1)
    mirrored = torch.where(flips, -width, width)
    zero = torch.zeros_like(width)
    transform = torch.stack(
        [
            torch.stack([mirrored, zero, 2 * left + width - 1], dim=1),
            torch.stack([zero, height, 2 * top + height - 1], dim=1),
        ],
        dim=1,
    )
    grid = functional.affine_grid(transform, list(images.shape), align_corners=False)
    cut = functional.grid_sample(images, grid, mode="bicubic", padding_mode="border", align_corners=False)
    return cut.clamp(0, 255)


def to_float(images: Tensor) -> Tensor:
    """(B, S, S, 3) uint8 to (B, 3, S, S) float32, still 0 to 255."""
    return images.permute(0, 3, 1, 2).to(torch.float32, memory_format=torch.contiguous_format)


def normalise(images: Tensor) -> Tensor:
    """(B, 3, S, S) float of 0 to 255 to ImageNet's mean 0 and deviation 1."""
    mean = 255 * torch.tensor(MEAN, device=images.device).view(1, 3, 1, 1)
    std = 255 * torch.tensor(STD, device=images.device).view(1, 3, 1, 1)
    return (images - mean) / std
