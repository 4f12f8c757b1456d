"""Image augmentation on the device: crops, flips, colour changes, blur, normalisation.

Random draws are passed in as arrays. The result for an image does not depend on the rest of its batch.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from mimic_core.models import IMAGENET_MEAN, IMAGENET_STD

LUMA = (0.299, 0.587, 0.114)  # ITU-R 601, as in PIL's conversion to grey
BRIGHTNESS, CONTRAST, SATURATION, HUE = 0.4, 0.4, 0.2, 0.1  # strengths of DINO's colour jitter

TRIES = 10  # as in torchvision's RandomResizedCrop; if none fits, the whole image is used


def draw_boxes(rng: np.random.Generator, count: int, scale: tuple[float, float] = (0.2, 1.0)) -> np.ndarray:
    """Draw crops of a square image: area uniform in ``scale``, aspect log-uniform in 3/4 to 4/3 (as the released MAE).

    Returns:
        (count, 4) float32: left, top, width and height, as fractions of the image's side.
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
    """Crop a box from each image, resize it to the image's size (bicubic), and flip some.

    A box is never larger than the image, so nothing shrinks and no anti-aliasing is needed.

    Args:
        images: (B, 3, S, S) float, 0 to 255.
        boxes: (B, 4) as :func:`draw_boxes` returns them.
        flips: (B,) bool, true to flip left and right.
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
    with torch.autocast(images.device.type, enabled=False):  # coordinates in bf16 would be off by up to half a pixel
        grid = functional.affine_grid(transform, list(images.shape), align_corners=False)
    cut = functional.grid_sample(images, grid, mode="bicubic", padding_mode="border", align_corners=False)
    return cut.clamp(0, 255)


def resized_crop(images: Tensor, boxes: Tensor, flips: Tensor, size: int) -> Tensor:
    """Crop several boxes from each image, resize them to one size, and flip some.

    Resizes as PIL does: bicubic, with anti-aliasing for boxes that shrink.

    Args:
        images: (B, 3, S, S) float, 0 to 255.
        boxes: (B, C, 4) as :func:`draw_boxes` returns them.
        flips: (B, C) bool, true to flip left and right.
        size: side of the crops, pixels.

    Returns:
        (B, C, 3, size, size) float, 0 to 255.
    """
    left, top, width, height = boxes.unbind(2)
    across = resampling(
        torch.where(flips, left + width, left), torch.where(flips, -width, width), images.shape[3], size
    )
    down = resampling(top, height, images.shape[2], size)
    wide = torch.einsum("bcvh,bnth->bncvt", images, across)
    return torch.einsum("bnsv,bncvt->bncst", down, wide).clamp(0, 255)


def resampling(start: Tensor, length: Tensor, pixels: int, size: int) -> Tensor:
    """Return matrices (..., size, pixels) that resize a segment of a line of pixels; each row sums to 1.

    Args:
        start, length: (...) the segment, as fractions of the line; a negative length reads backwards.
        pixels: pixels of the line.
        size: pixels of the result.
    """
    places = (torch.arange(size, device=start.device) + 0.5) / size
    centres = (start[..., None] + length[..., None] * places) * pixels
    stretch = (length.abs() * pixels / size).clamp(min=1)[..., None, None]
    found = torch.arange(pixels, device=start.device) + 0.5
    weights = cubic((found - centres[..., None]) / stretch)
    return weights / weights.sum(dim=-1, keepdim=True)


def cubic(distance: Tensor) -> Tensor:
    """Return the cubic weight of a pixel at a distance in pixels (Keys, 1981, with a = -1/2)."""
    x = distance.abs()
    near = (1.5 * x - 2.5) * x**2 + 1
    far = ((2.5 - 0.5 * x) * x - 4) * x + 2
    return torch.where(x < 1, near, torch.where(x < 2, far, 0))


def draw_jitter(rng: np.random.Generator, shape: tuple[int, ...], probability: float) -> np.ndarray:
    """Draw colour changes for :func:`jitter`: (*shape, 4) float32; each image changes with ``probability``.

    Brightness, contrast and saturation are factors; hue is in turns of the colour circle.
    """
    strengths = np.array([BRIGHTNESS, CONTRAST, SATURATION, HUE])
    middle = np.array([1.0, 1.0, 1.0, 0.0])
    changes = rng.uniform(-strengths, strengths, (*shape, 4))
    changed = rng.random(shape) < probability
    return (middle + changes * changed[..., None]).astype(np.float32)


def jitter(images: Tensor, changes: Tensor) -> Tensor:
    """Change brightness, contrast, saturation and hue, in this order (torchvision uses a random order).

    Args:
        images: (B, 3, H, W) float, 0 to 255.
        changes: (B, 4) as :func:`draw_jitter` returns them.
    """
    brightness, contrast, saturation, hue = changes[..., None, None, None].unbind(1)
    images = (images * brightness).clamp(0, 255)
    mean = luma(images).mean(dim=(2, 3), keepdim=True)
    images = (mean + (images - mean) * contrast).clamp(0, 255)
    grey = luma(images)
    return turn_hue((grey + (images - grey) * saturation).clamp(0, 255), hue)


def luma(images: Tensor) -> Tensor:
    """Convert (B, 3, H, W) to grey (B, 1, H, W)."""
    return (images * torch.tensor(LUMA, device=images.device).view(1, 3, 1, 1)).sum(dim=1, keepdim=True)


def turn_hue(images: Tensor, turns: Tensor) -> Tensor:
    """Rotate the hue of (B, 3, H, W) images by (B, 1, 1, 1) turns; keeps value and chroma of HSV."""
    red, green, blue = images.split(1, dim=1)
    value, low = images.amax(dim=1, keepdim=True), images.amin(dim=1, keepdim=True)
    chroma = value - low
    divisor = torch.where(chroma > 0, chroma, 1)
    sixth = torch.where(
        value == red,
        (green - blue) / divisor,
        torch.where(value == green, (blue - red) / divisor + 2, (red - green) / divisor + 4),
    )
    channels = torch.tensor([5.0, 3.0, 1.0], device=images.device).view(1, 3, 1, 1)
    angle = (channels + sixth + 6 * turns) % 6  # for each channel, as in the HSV to RGB formula
    return value - chroma * torch.minimum(angle, 4 - angle).clamp(0, 1)


def decolour(images: Tensor, chosen: Tensor) -> Tensor:
    """Turn the ``chosen`` (B,) images of (B, 3, H, W) grey."""
    return torch.where(chosen.view(-1, 1, 1, 1), luma(images), images)


def blur(images: Tensor, sigmas: Tensor) -> Tensor:
    """Blur (B, 3, S, S) images by Gaussians of (B,) deviations in pixels, far below S; 0 leaves an image unchanged.

    Edges are padded by reflection, which keeps the mean.
    """
    places = torch.arange(images.shape[-1], device=images.device)
    one, other = places[:, None], places[None, :]
    weights = torch.zeros(len(images), len(places), len(places), device=images.device)
    for distance in (one - other, one + other + 1, 2 * len(places) - 1 - one - other):
        weights += torch.exp(-0.5 * (distance / sigmas.clamp(min=1e-3).view(-1, 1, 1)) ** 2)
    weights = (weights / weights.sum(dim=2, keepdim=True)).unsqueeze(1)
    return weights @ images @ weights.mT


def solarise(images: Tensor, chosen: Tensor) -> Tensor:
    """Invert the pixel values from 128 up in the ``chosen`` (B,) images of (B, 3, H, W), 0 to 255."""
    return torch.where(chosen.view(-1, 1, 1, 1) & (images >= 128), 255 - images, images)


def to_float(images: Tensor) -> Tensor:
    """Convert (B, S, S, 3) uint8 to (B, 3, S, S) float32, still 0 to 255."""
    return images.permute(0, 3, 1, 2).to(torch.float32, memory_format=torch.contiguous_format)


def normalise(images: Tensor) -> Tensor:
    """Normalise (B, 3, S, S) float images of 0 to 255 by ImageNet's mean and deviation."""
    mean = 255 * torch.tensor(IMAGENET_MEAN, device=images.device).view(1, 3, 1, 1)
    std = 255 * torch.tensor(IMAGENET_STD, device=images.device).view(1, 3, 1, 1)
    return (images - mean) / std
