"""Few-shot: every repetition learns from images of its own, and from these alone."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mimic_core.finetune import finetune, get_task
from mimic_core.finetune.data import few_shot_rows
from mimic_core.finetune.dense import DenseJob
from mimic_core.finetune.model import Scale
from mimic_core.kit.errors import MimicError


@given(st.integers(1, 50), st.data(), st.integers(0, 10_000))
def test_drawn_rows_are_a_part_of_all_and_decided_by_the_seed(count: int, data: st.DataObject, seed: int) -> None:
    asked = data.draw(st.integers(1, count))
    rows = few_shot_rows(count, asked, seed)
    assert len(set(rows.tolist())) == asked and set(rows.tolist()) <= set(range(count))
    assert rows.tolist() == sorted(rows.tolist()) == few_shot_rows(count, asked, seed).tolist()
    assert few_shot_rows(count, None, seed).tolist() == list(range(count))


def test_repetitions_draw_images_of_their_own(make_settings, nyuv2):
    job = DenseJob(get_task("depth"), make_settings(train_images=3, seeds=[0, 1, 2]), "random", nyuv2, 0)
    drawn = [tuple(job.rows_of(seed)) for seed in (0, 1, 2)]
    assert len(set(drawn)) > 1 and all(len(rows) == 3 for rows in drawn)
    samples = job.training_images(1)
    held = samples.samples
    assert held is not None
    np.testing.assert_array_equal(held.images, job.training.load(list(drawn[1]), 32).images)
    assert job.model(1, job.encoder(0), Scale.of(held)).scale == Scale.of(held)


@pytest.mark.parametrize("mode", ["frozen", "whole"])
def test_a_job_says_how_many_images_it_had(make_settings, nyuv2, tmp_path, mode):
    settings = make_settings(mode=mode, train_images=2, seeds=[0, 1], epochs=1, warmup_epochs=0)
    few = finetune(settings, "random", tmp_path / "few", data=nyuv2)
    assert few["train_images"] == 2 and len(few["runs"]) == 2
    assert finetune(settings, "random", tmp_path / "again", data=nyuv2) == few


def test_all_images_drawn_are_all_images(make_settings, nyuv2, tmp_path):
    every = finetune(make_settings(epochs=1, warmup_epochs=0), "random", tmp_path / "all", data=nyuv2)
    drawn = finetune(make_settings(epochs=1, warmup_epochs=0, train_images=8), "random", tmp_path / "8", data=nyuv2)
    assert drawn["train_images"] == every["train_images"] == 8
    assert drawn["mean"] == every["mean"]


def test_more_images_than_there_are(make_settings, nyuv2, tmp_path):
    with pytest.raises(MimicError, match="train_images is 9, and there are only 8"):
        finetune(make_settings(train_images=9), "random", tmp_path, data=nyuv2)
    with pytest.raises(MimicError, match="train_images is 0"):
        make_settings(train_images=0)
