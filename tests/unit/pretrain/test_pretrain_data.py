import logging

import numpy as np
import pandas as pd
import pytest
import torch

from mimic_core.kit.errors import MimicError
from mimic_core.objectives import ImageStore, get_objective
from mimic_core.objectives.augment import crop, draw_boxes, normalise, to_float
from mimic_core.pretrain.data import Order, split_by_unit


def rows(*units):
    return pd.DataFrame({"source": [unit.split("/")[0] for unit in units], "unit": [u.split("/")[1] for u in units]})


def test_split_holds_out_whole_units():
    table = rows(*[f"{source}/{unit}" for source in "ab" for unit in range(10) for _ in range(3)])
    training, held_out = split_by_unit(table, 0.2, seed=0)
    assert sorted([*training, *held_out]) == list(range(60))
    units = table.apply(tuple, axis=1)
    assert set(units[training]).isdisjoint(units[held_out])
    assert units[held_out].nunique() == 4


def test_split_does_not_depend_on_the_order_of_the_rows():
    table = rows(*[f"a/{unit}" for unit in range(8)])
    mixed = table.sample(frac=1, random_state=1).reset_index(drop=True)
    first, second = (t["unit"][split_by_unit(t, 0.25, seed=3)[1]] for t in (table, mixed))
    assert set(first) == set(second)
    other_seeds = {tuple(split_by_unit(table, 0.25, seed=seed)[1]) for seed in range(5)}
    assert len(other_seeds) > 1


def test_split_of_few_units(caplog):
    assert len(split_by_unit(rows("a/1", "a/2"), 0.01, seed=0)[1]) == 1
    assert len(split_by_unit(rows("a/1", "a/2"), 0.0, seed=0)[1]) == 0
    with caplog.at_level(logging.WARNING):
        training, held_out = split_by_unit(rows("a/1", "a/1"), 0.5, seed=0)
    assert (len(training), len(held_out)) == (2, 0)
    assert "only one unit" in caplog.text


def test_order_visits_every_sample_once_an_epoch_and_changes_between_epochs():
    order = Order(12, 4, seed=0)
    first = np.concatenate([order.batch(i) for i in range(3)])
    second = np.concatenate([order.batch(i) for i in range(3, 6)])
    assert sorted(first) == sorted(second) == list(range(12))
    assert not np.array_equal(first, second)
    assert np.array_equal(Order(12, 4, seed=0).batch(4), second[4:8])  # known without history
    assert not np.array_equal(Order(12, 4, seed=1).batch(0), first[:4])


def test_an_epoch_may_have_more_or_fewer_samples_than_there_are():
    order = Order(12, 4, seed=0, epoch_samples=20)
    assert order.iterations_per_epoch == 5
    plain = Order(12, 4, seed=0)
    for iteration in range(12):  # the same samples in the same order: only where an epoch ends differs
        assert np.array_equal(order.batch(iteration), plain.batch(iteration))
    assert Order(12, 4, seed=0, epoch_samples=5).iterations_per_epoch == 1


def test_order_of_too_few_samples_repeats_them():
    order = Order(3, 8, seed=0)
    assert order.iterations_per_epoch == 1
    assert np.bincount(order.batch(0)).tolist() in ([3, 3, 2], [3, 2, 3], [2, 3, 3])
    with pytest.raises(MimicError, match="no pairs to train on"):
        Order(0, 8, seed=0)


def test_images_are_the_same_from_memory_and_decoded_as_needed(pairs):
    requests = [
        ({"one": np.array([[0, 0], [3, 1], [0, 1]]), "other": np.array([[0, 1], [1, 0], [2, 1]])}, "first"),
        ({"single": np.array([[5, 0], [4, 1]])}, "second"),
    ] * 4
    kept = ImageStore(pairs, 16, cache_mib=64, threads=1)
    decoded = ImageStore(pairs, 16, cache_mib=0, threads=2)
    assert kept.cache is not None
    assert decoded.cache is None
    for (images, name), (again, same), request in zip(
        kept.stream(iter(requests)), decoded.stream(iter(requests)), requests, strict=True
    ):
        assert name == same == request[1]
        assert images.keys() == again.keys() == request[0].keys()
        for key, asked in request[0].items():
            assert images[key].shape == (len(asked), 16, 16, 3)
            assert np.array_equal(images[key], again[key])
    assert np.array_equal(next(kept.stream(requests))[0]["one"][1], kept.decode(3)[1])
    decoded.close()


def test_boxes_lie_inside_and_have_the_drawn_areas():
    left, top, width, height = draw_boxes(np.random.default_rng(0), 4000).T
    assert min(left.min(), top.min()) >= 0
    assert max((left + width).max(), (top + height).max()) <= 1 + 1e-6
    area = width * height
    assert 0.199 < area.min() < 0.21
    assert 0.95 < area.max() <= 1
    assert (width / height).min() > 0.74
    assert (width / height).max() < 1.34


def test_crop_cuts_the_box_and_mirrors():
    ramp = torch.arange(16.0).expand(1, 3, 16, 16).clone() * 10
    whole = torch.tensor([[0.0, 0.0, 1.0, 1.0]])
    no, yes = torch.tensor([False]), torch.tensor([True])
    assert torch.allclose(crop(ramp, whole, no), ramp, atol=1e-3)
    assert torch.allclose(crop(ramp, whole, yes), ramp.flip(3), atol=1e-3)
    right_half = crop(ramp, torch.tensor([[0.5, 0.25, 0.5, 0.5]]), no)
    assert right_half[0, 0, 8, 2:-4] == pytest.approx(np.arange(16)[2:-4] * 5 + 77.5, abs=0.6)
    assert torch.allclose(
        crop(ramp.mT.contiguous(), torch.tensor([[0.25, 0.5, 0.5, 0.5]]), no), right_half.mT, atol=1e-3
    )


def test_normalise_is_imagenets():
    grey = torch.full((1, 2, 2, 3), 124, dtype=torch.uint8)
    values = normalise(to_float(grey))
    assert values.shape == (1, 3, 2, 2)
    assert values[0, :, 0, 0].tolist() == pytest.approx(
        [(124 / 255 - mean) / std for mean, std in ((0.485, 0.229), (0.456, 0.224), (0.406, 0.225))], abs=1e-5
    )


def test_croco_draws_which_view_comes_first():
    croco = get_objective("croco")
    draws = croco.draws(np.random.default_rng(0), 1000, 4)
    request = croco.request(np.arange(1000), draws, np.arange(1000) + 7)
    pairs, views = np.stack([request["painted"], request["other"]], axis=1).transpose(2, 0, 1)
    assert np.array_equal(pairs, np.stack([np.arange(1000) + 7] * 2, axis=1)), "the dataset's rows"
    assert (views.sum(axis=1) == 1).all()
    assert 400 < views[:, 0].sum() < 600


def test_croco_shuffles_second_views_only():
    true, shuffled = get_objective("croco").validation_requests(np.arange(4), np.arange(6) * 10).values()
    assert true["painted"].tolist() == shuffled["painted"].tolist() == [[0, 0], [10, 0], [20, 0], [30, 0]]
    assert true["other"].tolist() == [[0, 1], [10, 1], [20, 1], [30, 1]]
    assert shuffled["other"].tolist() == [[30, 1], [40, 1], [50, 1], [0, 1]]
    assert list(get_objective("croco").validation_requests(np.arange(1), np.arange(1))) == ["val_loss"]


def test_mae_takes_both_images_of_every_pair():
    request = get_objective("mae").request(np.arange(4), {}, np.array([5, 9]))
    assert request["images"].tolist() == [[5, 0], [5, 1], [9, 0], [9, 1]]


def test_mae_augments_in_training_only():
    mae = get_objective("mae")
    images = torch.randint(0, 256, (2, 16, 16, 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    rng = np.random.default_rng(0)
    fixed = {name: torch.from_numpy(value) for name, value in mae.fixed_draws(rng, 2, 4).items()}
    drawn = {name: torch.from_numpy(value) for name, value in mae.draws(rng, 2, 4).items()}
    plain = normalise(to_float(images))
    assert torch.equal(mae.inputs({"images": images}, fixed)[0], plain)
    assert not torch.allclose(mae.inputs({"images": images}, drawn)[0], plain, atol=0.1)
