"""Reconstruct the hidden patches of view 1 with a full model, and measure the error."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple, cast

import numpy as np
import torch
from torch import Tensor, nn

from mimic_core.datasets import PairDataset
from mimic_core.kit.errors import MimicError
from mimic_core.kit.seeding import generator
from mimic_core.models import ViTSettings, kept_patches, load_pretrained, normalise_patches, patchify
from mimic_core.objectives import (
    OBJECTIVES,
    Objective,
    Painter,
    get_objective,
    label,
    load_model,
    normalise,
    objective_of,
    painted,
    resize,
    to_float,
    viewable,
)


class NoPainterError(MimicError):
    """The file has a readable encoder, but its decoder is missing or unreadable, or the model paints nothing."""


class Painted(NamedTuple):
    """A reconstructed batch of view 1.

    Attributes:
        mask: (B, N), 1 where a patch was hidden.
        loss: (B,) mean squared error on the normalised pixels of hidden patches, as in training.
        pixel_l2: (B,) mean squared error on the hidden patches' colours from 0 to 1.
        images: (B, 3, S, S) colours from 0 to 1; visible patches are the true ones.
    """

    mask: Tensor
    loss: Tensor
    pixel_l2: Tensor
    images: Tensor


def mask_noise(key: str, patches: int, seed: int) -> np.ndarray:
    """Draw the uniform noise (patches,) that chooses a pair's hidden patches, the same for models of as many patches.

    Args:
        key: key of the pair.
        patches: number of patches of an image.
        seed: the config's seed.
    """
    return generator(seed, "reconstruction mask", key).random(patches, dtype=np.float32)


class PaintingModel(NamedTuple):
    """A full model and the objective that makes it paint.

    Attributes:
        objective: name of the model's objective.
        painter: that objective.
        model: in evaluation mode.
    """

    objective: str
    painter: Painter
    model: Any

    @property
    def size(self) -> ViTSettings:
        """Settings of the encoder."""
        return cast(ViTSettings, self.model.settings)


def as_painting(model: nn.Module) -> PaintingModel | None:
    """Return the model with its objective; None if the objective does not paint."""
    objective: Objective[Any] | None = objective_of(model)
    return PaintingModel(objective.name, objective, model) if isinstance(objective, Painter) else None


@torch.no_grad()
def paint(painting: PaintingModel, view1: Tensor, view2: Tensor, noise: Tensor, mask_ratio: float) -> Painted:
    """Hide patches of view 1 and let the model paint them, with view 2 as input if it takes two views.

    Args:
        painting: the model.
        view1, view2: (B, 3, S, S), normalised and of the model's input size.
        noise: (B, N) uniform draws; the patches with the smallest stay visible.
        mask_ratio: share of patches to hide.
    """
    model = painting.model
    predicted, mask = painting.painter.paint(model, view1, view2, noise, mask_ratio)
    images = painted(view1, predicted, mask, model.patch_size)
    error = (predicted.float() - normalise_patches(patchify(view1, model.patch_size))).square().mean(dim=-1)
    pixel_error = patchify((images - viewable(view1)).square(), model.patch_size).mean(dim=-1)
    count = mask.sum(dim=1)
    return Painted(mask, (error * mask).sum(dim=1) / count, (pixel_error * mask).sum(dim=1) / count, images)


def open_model(path: str | Path, mask_ratio: float) -> PaintingModel:
    """Load a full model that paints.

    Raises:
        NoPainterError: the encoder can be read but not the decoder, or the model paints nothing.
        MimicError: the encoder cannot be read, or the ratio hides no patch.
    """
    try:
        model = load_model(path)
    except MimicError as error:
        if not is_encoder(path):
            raise
        raise NoPainterError(error.what, where=path, remedy=error.remedy) from error
    painting = as_painting(model)
    if painting is None:
        painters = " or ".join(label(name) for name in OBJECTIVES if isinstance(get_objective(name), Painter))
        remedy = f"give a model of {painters}"
        raise NoPainterError(f"a {type(model).__name__} paints no patches", where=path, remedy=remedy)
    patches = painting.size.grid**2
    if kept_patches(patches, mask_ratio) == patches:
        what = f"none would be hidden of the model's {patches} patches"
        raise MimicError(what, where="reconstruction.mask_ratio", remedy="use a higher one, or a model of more patches")
    return painting


def is_encoder(path: str | Path) -> bool:
    """Return whether an encoder can be read from a file."""
    try:
        load_pretrained(path)
    except MimicError:
        return False
    return True


def batches(dataset: PairDataset, size: int, count: int) -> Iterator[tuple[np.ndarray, list[str], Tensor, Tensor]]:
    """Yield all pairs in order, ``count`` at a time: indices, keys, and both views, normalised (B, 3, S, S)."""
    for start in range(0, len(dataset), count):
        chosen = np.arange(start, min(start + count, len(dataset)))
        pairs = [[resize(view, size) for view in dataset.images(int(index))] for index in chosen]
        views = torch.from_numpy(np.array(pairs))
        keys = [str(key) for key in dataset.rows["key"].iloc[chosen]]
        yield chosen, keys, normalise(to_float(views[:, 0])), normalise(to_float(views[:, 1]))
