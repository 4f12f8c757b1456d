"""Hidden patches of view 1, painted by a whole model, and how far they are from the true ones."""

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
    to_float,
    viewable,
)
from mimic_core.pretrain import resize


class NoPainterError(MimicError):
    """An encoder that is whole, of a file whose decoder is not there, cannot be read, or paints nothing."""


class Painted(NamedTuple):
    """A batch of view 1 as a model painted it.

    Attributes:
        mask: (B, N), 1 where a patch was hidden.
        loss: (B,) mean squared error on the normalised pixels of hidden patches, as in training.
        pixel_l2: (B,) mean squared error on their colours from 0 to 1.
        images: (B, 3, S, S) colours from 0 to 1, patches that were seen as they are.
    """

    mask: Tensor
    loss: Tensor
    pixel_l2: Tensor
    images: Tensor


def mask_noise(key: str, patches: int, seed: int) -> np.ndarray:
    """(patches,) uniform draws that choose the hidden patches of a pair: the same for every model of as many patches.

    Args:
        key: the pair's.
        patches: of an image.
        seed: the config's.
    """
    return generator(seed, "reconstruction mask", key).random(patches, dtype=np.float32)


class PaintingModel(NamedTuple):
    """A whole model that paints, with what knows how.

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
        """Size of the encoder."""
        return cast(ViTSettings, self.model.settings)


def as_painting(model: nn.Module) -> PaintingModel | None:
    """The model with what knows how it paints; None where it paints nothing."""
    objective: Objective[Any] | None = objective_of(model)
    return PaintingModel(objective.name, objective, model) if isinstance(objective, Painter) else None


@torch.no_grad()
def paint(painting: PaintingModel, view1: Tensor, view2: Tensor, noise: Tensor, mask_ratio: float) -> Painted:
    """Hide patches of view 1 and let the model paint them, with view 2's help where it sees that.

    Args:
        painting: the model.
        view1, view2: (B, 3, S, S), normalised as the model's input, of its own size.
        noise: (B, N) uniform draws; the patches of the smallest are seen.
        mask_ratio: share that is hidden.
    """
    model = painting.model
    predicted, mask = painting.painter.paint(model, view1, view2, noise, mask_ratio)
    images = painted(view1, predicted, mask, model.patch_size)
    error = (predicted.float() - normalise_patches(patchify(view1, model.patch_size))).square().mean(dim=-1)
    pixel_error = patchify((images - viewable(view1)).square(), model.patch_size).mean(dim=-1)
    count = mask.sum(dim=1)
    return Painted(mask, (error * mask).sum(dim=1) / count, (pixel_error * mask).sum(dim=1) / count, images)


def open_model(path: str | Path, mask_ratio: float) -> PaintingModel:
    """A whole model that paints.

    Raises:
        NoPainterError: an encoder can be read and no decoder, or the model paints nothing.
        MimicError: nothing can be read, or no patch is hidden at this ratio.
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
        what = f"of the model's {patches} patches none would be hidden"
        raise MimicError(what, where="reconstruction.mask_ratio", remedy="use a higher one, or a model of more patches")
    return painting


def is_encoder(path: str | Path) -> bool:
    """Whether an encoder can be read from a file."""
    try:
        load_pretrained(path)
    except MimicError:
        return False
    return True


def batches(dataset: PairDataset, size: int, count: int) -> Iterator[tuple[np.ndarray, list[str], Tensor, Tensor]]:
    """All pairs in the dataset's order, ``count`` at once: indices, keys, and both views normalised (B, 3, S, S)."""
    for start in range(0, len(dataset), count):
        chosen = np.arange(start, min(start + count, len(dataset)))
        pairs = [[resize(view, size) for view in dataset.images(int(index))] for index in chosen]
        views = torch.from_numpy(np.array(pairs))
        keys = [str(key) for key in dataset.rows["key"].iloc[chosen]]
        yield chosen, keys, normalise(to_float(views[:, 0])), normalise(to_float(views[:, 1]))
