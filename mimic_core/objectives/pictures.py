"""Pictures of a model's predictions, laid out as the paper's figure 13: a row per pair, a column per kind of image."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from mimic_core.kit.files import atomic_path
from mimic_core.models import IMAGENET_MEAN, IMAGENET_STD, patchify, unpatchify

TILE, GAP, TITLE = 168, 4, 22  # pixels: height of a picture, gap between two, height of the title line
GREY, INK = 0.5, (25, 25, 25)


def viewable(images: Tensor) -> Tensor:
    """Turn normalised images (B, 3, S, S) into colours from 0 to 1."""
    mean, std = (
        torch.tensor(values, device=images.device).view(1, 3, 1, 1) for values in (IMAGENET_MEAN, IMAGENET_STD)
    )
    return (images.float() * std + mean).clamp(0, 1)


def hidden(images: Tensor, mask: Tensor, patch_size: int) -> Tensor:
    """Return what the model sees: (B, 3, S, S) colours, masked patches in grey; ``mask`` (B, N) is 1 where masked."""
    patches = patchify(viewable(images), patch_size)
    return unpatchify(torch.where(mask[..., None] > 0, GREY, patches), patch_size)


def painted(images: Tensor, predicted: Tensor, mask: Tensor, patch_size: int) -> Tensor:
    """Return the reconstruction: (B, 3, S, S) colours, with visible patches from the original.

    Args:
        images: (B, 3, S, S), normalised as the model's input.
        predicted: (B, N, P*P*3), normalised per patch; mean and deviation of the true patch turn it back into colours.
        mask: (B, N), 1 where masked.
        patch_size: P.
    """
    true = patchify(images.float(), patch_size)
    variance, mean = torch.var_mean(true, dim=-1, keepdim=True)
    restored = predicted.float() * (variance + 1e-6).sqrt() + mean
    return viewable(unpatchify(torch.where(mask[..., None] > 0, restored, true), patch_size))


def draw_pictures(path: Path, columns: Mapping[str, Tensor]) -> None:
    """Write a grid of pictures as a PNG, atomically.

    Args:
        path: the file.
        columns: title -> (B, 3, H, W) colours from 0 to 1, on any device; all of one size.
    """
    rows = len(next(iter(columns.values())))
    height, width = next(iter(columns.values())).shape[2:]
    size = round(TILE * width / height), TILE
    figure = Image.new("RGB", (len(columns) * (size[0] + GAP) + GAP, TITLE + rows * (TILE + GAP)), "white")
    draw, font = ImageDraw.Draw(figure), ImageFont.load_default(14)
    for column, (title, images) in enumerate(columns.items()):
        left = GAP + column * (size[0] + GAP)
        draw.text((left, 3), title, INK, font)
        pixels = (images.permute(0, 2, 3, 1).float().cpu().numpy() * 255).round().astype(np.uint8)
        for row, image in enumerate(pixels):
            tile = Image.fromarray(image).resize(size, Image.Resampling.BICUBIC)
            figure.paste(tile, (left, TITLE + row * (TILE + GAP)))
    with atomic_path(path) as temporary:
        figure.save(temporary, "PNG")
