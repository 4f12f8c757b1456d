"""Colours of what was hidden and painted."""

import numpy as np
import torch

from mimic_core.models.masking import normalise_patches, patchify
from mimic_core.objectives.augment import normalise
from mimic_core.objectives.pictures import GREY, hidden, painted, viewable


def images() -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(0).uniform(0, 255, (2, 3, 32, 32)).astype(np.float32))


def test_normalisation_is_undone():
    torch.testing.assert_close(viewable(normalise(images())), images() / 255, atol=1e-6, rtol=0)


def test_a_perfect_prediction_is_the_image():
    shown = normalise(images())
    perfect = normalise_patches(patchify(shown, 8))
    mask = (torch.arange(16) % 2).float().expand(2, 16)
    torch.testing.assert_close(painted(shown, perfect, mask, 8), images() / 255, atol=1e-5, rtol=0)


def test_hidden_patches_are_grey_and_the_others_are_not():
    mask = torch.zeros(2, 16)
    mask[:, 5] = 1
    seen = hidden(normalise(images()), mask, 8)
    assert (seen[:, :, 8:16, 8:16] == GREY).all()
    torch.testing.assert_close(seen[:, :, :8], images()[:, :, :8] / 255, atol=1e-6, rtol=0)
