"""Cutting images into patches, masking some of them, and the loss on the masked ones (MAE, section 3)."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor


class Masking(NamedTuple):
    """Which patches of each image are visible.

    Attributes:
        keep: (B, K) indices of the visible patches, in the order in which the encoder gets them.
        restore: (B, N) index of each patch in the sequence "visible, then masked"; it undoes the shuffle.
        mask: (B, N) float, 1 where a patch is masked and 0 where it is visible.
    """

    keep: Tensor
    restore: Tensor
    mask: Tensor


def kept_patches(patches: int, mask_ratio: float) -> int:
    """Return how many of ``patches`` stay visible: rounded down as in the released MAE, and at least one."""
    return max(1, int(patches * (1 - mask_ratio) + 1e-6))


def random_masking(noise: Tensor, mask_ratio: float) -> Masking:
    """Mask a share of the patches; those with the smallest noise stay visible (as in the released MAE).

    Args:
        noise: (B, N) uniform draws, one per patch.
        mask_ratio: share of the patches to mask, 0 to 1.
    """
    kept = kept_patches(noise.shape[1], mask_ratio)
    order = torch.argsort(noise, dim=1, stable=True)
    restore = torch.argsort(order, dim=1)
    return Masking(order[:, :kept], restore, (restore >= kept).to(noise.dtype))


def gather_tokens(tokens: Tensor, indices: Tensor) -> Tensor:
    """Return the tokens (B, K, C) at ``indices`` (B, K) among tokens (B, N, C)."""
    return tokens.gather(1, indices.unsqueeze(-1).expand(-1, -1, tokens.shape[-1]))


def restore_tokens(visible: Tensor, mask_token: Tensor, restore: Tensor) -> Tensor:
    """Fill in mask tokens among visible tokens (B, K, C) and return all (B, N, C) in image order."""
    batch, kept, _ = visible.shape
    hidden = mask_token.to(visible.dtype).expand(batch, restore.shape[1] - kept, -1)
    return gather_tokens(torch.cat([visible, hidden], dim=1), restore)


def patchify(images: Tensor, patch_size: int) -> Tensor:
    """Cut images (B, 3, H, W) into patches (B, N, P*P*3), values in the order row, column, channel."""
    batch, channels, height, width = images.shape
    rows, columns = height // patch_size, width // patch_size
    cut = images.reshape(batch, channels, rows, patch_size, columns, patch_size)
    return cut.permute(0, 2, 4, 3, 5, 1).reshape(batch, rows * columns, -1)


def unpatchify(patches: Tensor, patch_size: int, columns: int | None = None) -> Tensor:
    """Reassemble patches (B, N, P*P*3) into images (B, 3, H, W); a grid that is not square needs ``columns``."""
    batch, count, values = patches.shape
    columns = columns or round(count**0.5)
    cut = patches.reshape(batch, count // columns, columns, patch_size, patch_size, values // patch_size**2)
    return cut.permute(0, 5, 1, 3, 2, 4).reshape(batch, cut.shape[-1], -1, columns * patch_size)


def normalise_patches(patches: Tensor) -> Tensor:
    """Normalise each patch by its mean and standard deviation (unbiased, 1e-6 added to the variance, as in MAE)."""
    centred = patches - patches.mean(dim=-1, keepdim=True)
    variance = centred.square().sum(dim=-1, keepdim=True) / (patches.shape[-1] - 1)  # torch.var takes ten times as long
    return centred / (variance + 1e-6).sqrt()


def masked_loss(predicted: Tensor, images: Tensor, mask: Tensor, patch_size: int) -> Tensor:
    """Return the mean squared error on the normalised pixels of masked patches: a float32 scalar.

    Args:
        predicted: (B, N, P*P*3) in the order of :func:`patchify`.
        images: (B, 3, H, W), normalised as the model's input.
        mask: (B, N), 1 where a patch is masked.
        patch_size: P.
    """
    target = normalise_patches(patchify(images.float(), patch_size))
    error = (predicted.float() - target).square().mean(dim=-1)
    return (error * mask).sum() / mask.sum()
