"""Losses against their formulas, and constants that no other constant beats."""

from pathlib import Path

import numpy as np
import pytest
import torch

from mimic_core.finetune.data import Samples
from mimic_core.finetune.layouts import ADE20K, coco
from mimic_core.finetune.tasks import get_task, pose, segmentation
from mimic_core.finetune.tasks.base import Task
from mimic_core.kit.errors import MimicError

DEPTH, NORMALS = get_task("depth"), get_task("normals")


def cost(errors: list[float], valid: list[bool] | None = None) -> float:
    """Reverse Huber loss of given errors, times their number."""
    error = torch.tensor(errors).view(1, 1, 1, -1)
    mask = torch.tensor(valid or [True] * len(errors)).view(1, 1, 1, -1)
    return float(DEPTH.loss(error, torch.zeros_like(error), mask) * mask.sum())


def test_reverse_huber_is_its_formula():
    c = 0.2 * 5.0
    assert cost([5.0, 0.5, -0.9]) == pytest.approx((25 + c * c) / (2 * c) + 0.5 + 0.9)
    assert cost([-5.0, -2.0]) == pytest.approx((25 + c * c) / (2 * c) + (4 + c * c) / (2 * c))


def test_reverse_huber_is_continuous_at_its_threshold():
    below, above = cost([5.0, 0.9999]), cost([5.0, 1.0001])
    assert above - below == pytest.approx(0.0002, abs=2e-5)


def test_reverse_huber_of_a_perfect_prediction_has_a_zero_gradient():
    target = torch.rand(1, 1, 2, 2)
    prediction = target.clone().requires_grad_()
    DEPTH.loss(prediction, target, torch.ones(1, 1, 2, 2, dtype=torch.bool)).backward()
    assert prediction.grad.abs().sum() == 0


def test_losses_ignore_invalid_pixels():
    assert cost([1.0, 0.1, 100.0], [True, True, False]) == pytest.approx(cost([1.0, 0.1]))
    target, prediction = torch.zeros(1, 3, 1, 2), torch.tensor([0.3, 9.0]).expand(1, 3, 1, 2)
    assert float(NORMALS.loss(prediction, target, torch.tensor([[[[True, False]]]]))) == pytest.approx(0.3)


def test_a_batch_without_labels_costs_nothing():
    nothing = torch.zeros(1, 1, 2, 2, dtype=torch.bool)
    for task in (DEPTH, NORMALS):
        assert float(task.loss(torch.ones(1, task.channels, 2, 2), torch.zeros(1, task.channels, 2, 2), nothing)) == 0


def random_samples(channels: int, rng: np.random.Generator) -> Samples:
    images = np.zeros((6, 8, 8, 3), np.uint8)
    if channels == 1:
        target = np.exp(rng.normal(rng.normal(0.7, 0.4, (6, 1, 1, 1)), 0.3, (6, 1, 8, 8)))
    else:
        target = np.round(255 * rng.beta(2, 4, (6, channels, 8, 8))) / 255
    return Samples(images, target.astype(np.float32), rng.random((6, 8, 8)) < rng.uniform(0.2, 1, (6, 1, 1)))


def measured(task, samples: Samples, constant: np.ndarray) -> float:
    prediction = np.broadcast_to(constant.reshape(1, -1, 1, 1), samples.target.shape)
    return float(task.measure(prediction, samples.target, samples.valid)[task.metric].mean())


@pytest.mark.parametrize("seed", range(5))
def test_no_depth_beats_the_best_constant(seed):
    samples = random_samples(1, np.random.default_rng(seed))
    best = measured(DEPTH, samples, DEPTH.best_constant(samples))
    others = [measured(DEPTH, samples, np.array([depth])) for depth in np.geomspace(0.1, 20, 1000)]
    assert best >= max(others) - 1e-9 and best > 10


@pytest.mark.parametrize("seed", range(3))
def test_no_normal_beats_the_best_constant(seed):
    samples = random_samples(3, np.random.default_rng(seed))
    constant = NORMALS.best_constant(samples)
    best = measured(NORMALS, samples, constant)
    for channel in range(3):
        for value in np.linspace(0, 1, 256):
            other = constant.copy()
            other[channel] = value
            assert measured(NORMALS, samples, other) >= best - 1e-4


def test_pictures_show_labels_in_colour():
    depth = np.linspace(1, 5, 16, dtype=np.float32).reshape(1, 4, 4)
    valid = np.ones((4, 4), bool)
    valid[0, 0] = False
    picture = DEPTH.colours(depth, valid, (1.0, 5.0))
    assert picture.shape == (4, 4, 3) and picture.dtype == np.uint8
    assert (picture[0, 0] == 128).all()
    assert picture[0, 1, 2] > picture[0, 1, 0] and picture[3, 3, 0] > picture[3, 3, 2]  # near blue, far red
    normals = np.full((3, 4, 4), 0.5, np.float32)
    assert (NORMALS.colours(normals, valid, (0, 1))[1:] == 128).all()


def test_an_unknown_task_is_answered_with_the_nearest():
    with pytest.raises(MimicError, match="no task 'depths'") as caught:
        get_task("depths")
    assert "'depth'" in caught.value.remedy


def test_what_is_known_without_a_reader_is_the_readers():
    assert ADE20K.classes == segmentation.CLASSES
    assert pose.JOINTS == coco.JOINTS == len({joint for bone in pose.BONES for joint in bone})


def test_a_task_that_does_not_list_its_test_images_is_named():
    with pytest.raises(MimicError, match="'depth' does not say") as caught:
        Task.evaluation_files(DEPTH, Path(), {})
    assert "leaks.tasks" in caught.value.remedy
