"""An objective of several losses: they are summed with its weights, and each has a column of its own."""

import dataclasses
import os
import signal

import pandas as pd
import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from unit.pretrain.conftest import FakePairs

from mimic_core.kit.errors import MimicError
from mimic_core.objectives.mae.model import MAE
from mimic_core.objectives.mae.objective import MAEObjective
from mimic_core.pretrain import loop
from mimic_core.pretrain.checkpoint import State, load_checkpoint, save_checkpoint
from mimic_core.pretrain.metrics import COLUMNS, columns
from mimic_core.report.pretraining import read_metrics

WEIGHTS = {"pixels": 1.0, "strength": 0.25}


class TwoLosses(MAE):
    """Paints, and is asked to paint little."""

    def forward(self, images, noise):
        losses, predicted, mask = super().forward(images, noise)
        return losses | {"strength": predicted.square().mean()}, predicted, mask


class TwoLossesObjective(MAEObjective):
    weights = WEIGHTS

    def build(self, settings):
        return TwoLosses(settings.encoder, settings.decoder, settings.mask_ratio)


@pytest.fixture
def two_losses(monkeypatch, trainer):
    """Makes a trainer of the objective with two losses."""
    monkeypatch.setattr(loop, "get_objective", lambda name: TwoLossesObjective())

    def make(*arguments, **changes):
        return trainer(*arguments, model="mae", **changes)

    return make


def assert_sums(table, total):
    parts = sum(weight * table[f"{total}_{name}"] for name, weight in WEIGHTS.items())
    assert table[total].dropna().tolist() == pytest.approx(parts.dropna().tolist(), rel=1e-5)


def test_each_loss_has_a_column_and_the_total_is_their_weighted_sum(two_losses, pairs):
    run = two_losses(pairs)
    run.run()
    table = pd.read_csv(run.recorder.path)
    assert {"loss_pixels", "loss_strength", "val_loss_pixels", "val_loss_strength"} < {*table.columns}
    assert [name for name in table.columns if name in COLUMNS] == list(COLUMNS)
    assert table["loss_strength"].notna().tolist() == [False, True, True, True]
    for total in ("loss", "val_loss"):
        assert_sums(table, total)
    events = EventAccumulator(str(run.recorder.path.parent / "tensorboard")).Reload()
    assert [event.step for event in events.Scalars("iteration/loss_strength")] == list(range(run.iterations))
    assert read_metrics([run.recorder.path.parent])["run"]["loss"].tolist()[1:] == table["loss"].tolist()[1:]


def test_the_weights_decide_what_is_minimised(two_losses, trainer, pairs):
    both, one = two_losses(pairs, "both", epochs=1), two_losses(pairs, "one", epochs=1)
    one.objective.weights = {"pixels": 1.0}
    for run in (both, one):
        run.run()
    assert not torch.equal(both.model.decoder_pred.weight, one.model.decoder_pred.weight)
    assert "loss_pixels" not in pd.read_csv(one.recorder.path).columns, "a single loss would repeat the total"


def test_the_losses_of_a_stopped_run_and_of_a_divided_batch_are_the_same(two_losses, pairs):
    whole = two_losses(pairs, "whole", effective_batch=4)
    whole.run()
    stopped = two_losses(pairs, "parts", effective_batch=4, batch_size=2)
    step = stopped.step

    def stepping(stream):
        step(stream)
        if stopped.state.iteration == 4:
            os.kill(os.getpid(), signal.SIGTERM)

    stopped.step = stepping
    with pytest.raises(MimicError, match="stopped by SIGTERM after iteration 4"):
        stopped.run()
    resumed = two_losses(pairs, "parts", effective_batch=4, batch_size=2)
    assert len(resumed.state.named["strength"]) == len(resumed.state.losses) == 4, "of the epoch that is under way"
    resumed.run()
    for column in ("loss", "loss_pixels", "loss_strength", "val_loss_strength"):
        found = [[row.get(column) for row in run.state.rows[1:]] for run in (resumed, whole)]
        assert found[0] == pytest.approx(found[1], rel=1e-4), column


def test_validation_names_each_loss_whatever_the_batch(two_losses):
    runs = [two_losses(FakePairs(), f"b{size}", epochs=1, batch_size=size) for size in (2, 5)]
    for run in runs:
        run.run()
    one, other = (run.state.rows[0] for run in runs)
    assert one["val_loss_strength"] == pytest.approx(other["val_loss_strength"], rel=1e-4)


def test_columns_of_rows_without_further_losses_are_those_of_every_run():
    assert columns([{"epoch": 0, "loss": None}, {"val_loss_shuffled": 1.0}]) == list(COLUMNS)
    found = columns([{"epoch": 0}, {"loss_depth": 1.0, "val_loss_depth": 2.0, "loss": 3.0}])
    assert found[3:8] == ["loss", "val_loss", "val_loss_shuffled", "loss_depth", "val_loss_depth"]


def test_a_checkpoint_from_before_losses_had_names_is_gone_on_from(tmp_path):
    path = save_checkpoint(tmp_path, State(7, losses=[0.5]), {}, {"model": {}}, finished=False)
    content = torch.load(path, weights_only=True)
    del content["state"]["named"]
    torch.save(content, path)
    assert load_checkpoint(tmp_path, {})["state"] == State(7, losses=[0.5])
    assert "named" in {field.name for field in dataclasses.fields(State)}
