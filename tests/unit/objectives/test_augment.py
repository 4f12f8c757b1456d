"""Augmentations on the device, against PIL, torchvision and scipy."""

import numpy as np
import pytest
import torch
from PIL import Image
from scipy.ndimage import gaussian_filter
from torchvision.transforms.v2 import functional as reference

from mimic_core.objectives.augment import (
    blur,
    crop,
    decolour,
    draw_boxes,
    draw_jitter,
    jitter,
    luma,
    resized_crop,
    solarise,
)
from mimic_core.objectives.dino.objective import DINOObjective, augment, local_side

SIDE = 24
UNCHANGED = torch.tensor([[1.0, 1.0, 1.0, 0.0]])


def images(count=4, side=SIDE, seed=0):
    return torch.from_numpy(np.random.default_rng(seed).uniform(0, 255, (count, 3, side, side)).astype(np.float32))


def tensors(arrays):
    return {name: torch.from_numpy(values) for name, values in arrays.items()}


@pytest.mark.parametrize("scale", [(0.4, 1.0), (0.05, 0.4)])
def test_boxes_lie_inside_and_have_the_drawn_areas(scale):
    left, top, width, height = draw_boxes(np.random.default_rng(0), 4000, scale).T
    assert min(left.min(), top.min()) >= 0
    assert max((left + width).max(), (top + height).max()) <= 1 + 1e-6
    area = width * height
    assert scale[0] - 1e-6 <= area.min() < 1.1 * scale[0]
    assert 0.95 * scale[1] < area.max() <= scale[1] + 1e-6


@pytest.mark.parametrize("size", [8, 16, 30])
def test_resized_crops_are_those_of_pil(size):
    boxes = np.array([[[0.1, 0.2, 0.5, 0.6], [0.0, 0.0, 1.0, 1.0], [0.4, 0.3, 0.6, 0.5]]], np.float32)
    flips = torch.tensor([[False, True, False]])
    found = resized_crop(images(1), torch.from_numpy(boxes), flips, size)
    assert found.shape == (1, 3, 3, size, size)
    for place, (left, top, width, height) in enumerate(boxes[0].astype(float) * SIDE):
        for channel in range(3):
            pixels = Image.fromarray(images(1)[0, channel].numpy())
            box = (left, top, min(left + width, SIDE), min(top + height, SIDE))
            wanted = np.asarray(pixels.resize((size, size), Image.Resampling.BICUBIC, box)).clip(0, 255)
            if flips[0, place]:
                wanted = wanted[:, ::-1]
            np.testing.assert_allclose(found[0, place, channel].numpy(), wanted, atol=0.02)


def test_the_whole_box_is_the_image():
    whole = torch.tensor([[[0.0, 0.0, 1.0, 1.0]] * 2]).expand(4, 2, 4)
    flips = torch.tensor([[False, True]]).expand(4, 2)
    found = resized_crop(images(), whole, flips, SIDE)
    torch.testing.assert_close(found[:, 0], images(), atol=1e-3, rtol=0)
    torch.testing.assert_close(found[:, 1], images().flip(3), atol=1e-3, rtol=0)


def test_jitter_of_no_strength_changes_nothing():
    torch.testing.assert_close(jitter(images(), UNCHANGED.expand(4, 4)), images(), atol=1e-3, rtol=0)
    grey = torch.full((1, 3, 4, 4), 77.0)
    torch.testing.assert_close(jitter(grey, torch.tensor([[1.0, 1.0, 1.0, 0.3]])), grey)


def test_jitter_is_torchvisions():
    changes = draw_jitter(np.random.default_rng(0), (16,), 1.0)
    found = jitter(images(16), torch.from_numpy(changes))
    for image, result, (brightness, contrast, saturation, hue) in zip(images(16), found, changes.tolist(), strict=True):
        wanted = reference.adjust_brightness(image / 255, brightness)
        wanted = reference.adjust_contrast(wanted, contrast)
        wanted = reference.adjust_saturation(wanted, saturation)
        wanted = reference.adjust_hue(wanted, hue)
        torch.testing.assert_close(result / 255, wanted, atol=1e-3, rtol=0)


def test_jitter_is_drawn_as_often_and_as_strong_as_asked():
    changes = draw_jitter(np.random.default_rng(0), (500, 4), 0.8)
    assert changes.shape == (500, 4, 4)
    changed = (changes != np.float32([1, 1, 1, 0])).any(axis=2)
    assert 0.77 < changed.mean() < 0.83
    low, high = changes.reshape(-1, 4).min(axis=0), changes.reshape(-1, 4).max(axis=0)
    np.testing.assert_allclose(low, [0.6, 0.6, 0.8, -0.1], atol=0.01)
    np.testing.assert_allclose(high, [1.4, 1.4, 1.2, 0.1], atol=0.01)


def test_blur_is_gaussian_and_keeps_the_mean():
    sigmas = torch.tensor([0.1, 0.7, 1.3, 2.0])
    found = blur(images(), sigmas)
    torch.testing.assert_close(found.mean(dim=(2, 3)), images().mean(dim=(2, 3)), atol=1e-3, rtol=0)
    for image, result, sigma in zip(images(), found, sigmas.tolist(), strict=True):
        wanted = gaussian_filter(image.numpy().astype(float), sigma, axes=(1, 2), mode="reflect", truncate=8)
        np.testing.assert_allclose(result.numpy(), wanted, atol=0.01)


def test_no_blur_is_none():
    found = blur(images(), torch.tensor([0.0, 2.0, 0.0, 2.0]))
    assert torch.equal(found[::2], images()[::2])
    assert not torch.allclose(found[1::2], images()[1::2], atol=10)


def test_grey_and_solarise_change_the_chosen_only():
    chosen = torch.tensor([True, False, True, False])
    grey, inverted = decolour(images(), chosen), solarise(images(), chosen)
    assert torch.equal(grey[1::2], images()[1::2])
    assert torch.equal(grey[::2], luma(images()[::2]).expand(2, 3, SIDE, SIDE))
    assert torch.equal(inverted[1::2], images()[1::2])
    assert torch.equal(inverted[0], torch.where(images()[0] < 128, images()[0], 255 - images()[0]))


def test_a_local_crop_is_three_sevenths_of_the_image_in_whole_patches():
    assert [local_side(*sizes) for sizes in ((224, 16), (112, 16), (32, 8), (32, 32))] == [96, 48, 16, 32]


def test_an_image_is_augmented_the_same_alone_and_among_others():
    draws = tensors(DINOObjective(patch_size=8).fixed_draws(np.random.default_rng(0), 4, 0))
    together = augment(images(), draws, 16)
    assert together.shape == (4, 10, 3, 16, 16)
    assert torch.equal(augment(images(), draws, 16), together)
    for place in range(4):
        part = {name: values[place : place + 1] for name, values in draws.items()}
        torch.testing.assert_close(
            augment(images()[place : place + 1], part, 16)[0], together[place], atol=1e-4, rtol=0
        )


def test_crops_do_not_depend_on_the_precision_of_training():
    boxes, flips = torch.from_numpy(draw_boxes(np.random.default_rng(0), 4)), torch.tensor([True, False] * 2)
    pixels = (images().permute(0, 2, 3, 1)).to(torch.uint8)
    objective = DINOObjective(patch_size=8)
    draws = tensors(objective.draws(np.random.default_rng(0), 4, 0))
    exact = [crop(images(), boxes, flips), *objective.inputs({"images": pixels}, draws)]
    with torch.autocast("cpu", torch.bfloat16):
        found = [crop(images(), boxes, flips), *objective.inputs({"images": pixels}, draws)]
    for one, other in zip(exact, found, strict=True):
        assert torch.equal(one, other)
