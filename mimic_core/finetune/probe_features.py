"""Features of images from a frozen encoder, with images read in threads one batch ahead."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mimic_core.finetune.data import resize_bicubic
from mimic_core.finetune.layouts.imagenet import ImageNet
from mimic_core.finetune.model import normalise
from mimic_core.kit.errors import MimicError
from mimic_core.kit.seeding import generator
from mimic_core.models import Encoder
from mimic_core.objectives import draw_boxes

Image = NDArray[np.uint8]
Reader = Callable[[int], Image]

CROP_AREA = (0.08, 1.0)  # share of the image that a random crop covers (as in the released MAE's probe)


def centre_crop_reader(split: ImageNet, size: int) -> Reader:
    """Return a reader of centre crops, for tests and for training without augmentation."""
    return lambda row: split.load([row], size).images[0]


def random_crop_reader(split: ImageNet, size: int, seed: int, epoch: int) -> Reader:
    """Return a reader of random crops (bicubic) and flips, drawn for each row of one training epoch."""

    def read(row: int) -> Image:
        rng = generator(seed, "augment", epoch, row)
        image = split.image(row)
        height, width = image.shape[:2]
        left, top, wide, high = draw_boxes(rng, 1, CROP_AREA)[0] * (width, height, width, height)
        x, y = min(int(left), width - 1), min(int(top), height - 1)
        part = image[y : y + max(1, round(high)), x : x + max(1, round(wide))]
        picture = resize_bicubic(np.ascontiguousarray(part), size, size)
        return np.ascontiguousarray(picture[:, ::-1] if rng.random() < 0.5 else picture)

    return read


def read_ahead(rows: Sequence[int], read: Reader, batch: int, threads: int) -> Iterator[Image]:
    """Yield batches (up to ``batch``, S, S, 3) of rows in their order, reading the next one in the background."""
    parts = [rows[start : start + batch] for start in range(0, len(rows), batch)]
    with ThreadPoolExecutor(max(threads, 1)) as pool:
        waiting = [pool.submit(read, int(row)) for row in parts[0]] if parts else []
        for number in range(len(parts)):
            ready = waiting
            following = parts[number + 1] if number + 1 < len(parts) else []
            waiting = [pool.submit(read, int(row)) for row in following]
            yield np.stack([future.result() for future in ready])


class FrozenFeatures:
    """Computes pooled features with a frozen encoder.

    Args:
        encoder: set to evaluation mode, without gradients.
        pooling: ``class``, ``mean`` or ``auto``.
        bf16: run under bf16 autocast.

    Raises:
        MimicError: ``pooling`` is ``class`` and the encoder has no class token.
    """

    def __init__(self, encoder: Encoder, pooling: str, *, bf16: bool) -> None:
        if pooling == "class" and not encoder.prefix_tokens:
            raise MimicError("this encoder has no class token", where="finetune.pooling", remedy="use 'mean' or 'auto'")
        self.encoder = encoder.eval().requires_grad_(False)
        self.mean = pooling == "mean" or not encoder.prefix_tokens
        self.bf16 = bf16
        self.encoded = 0  # number of images encoded so far

    @torch.no_grad()
    def of(self, images: Image) -> Tensor:
        """Pool the normalised tokens of the last block: (B, width) float32 on the CPU from RGB (B, S, S, 3) uint8."""
        device = next(self.encoder.parameters()).device
        with torch.autocast(device.type, torch.bfloat16, enabled=self.bf16):
            tokens: Tensor = self.encoder(normalise(images, device))
        self.encoded += len(images)
        pooled = tokens[:, self.encoder.prefix_tokens :].mean(1) if self.mean else tokens[:, 0]
        return pooled.float().cpu()

    def of_rows(self, rows: Sequence[int], read: Reader, batch: int, threads: int) -> Tensor:
        """Compute the features (N, width) of rows, in their order."""
        return torch.cat([self.of(images) for images in read_ahead(rows, read, batch, threads)])
