import errno
import math
import os
import signal

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from mimic_core.kit.errors import MimicError
from mimic_core.kit.files import read_json
from mimic_core.machine import devices
from mimic_core.models import load_pretrained
from mimic_core.objectives.pictures import GAP, TILE, TITLE
from mimic_core.pretrain import loop
from mimic_core.pretrain.distributed import accumulation_steps
from mimic_core.pretrain.metrics import COLUMNS, summary


def losses(trainer):
    return [row["loss"] for row in trainer.state.rows if row["loss"] is not None]


def stop_after(trainer, iterations):
    """Send SIGTERM to this process once the trainer has done so many iterations."""
    step = trainer.step

    def stepping(stream):
        step(stream)
        if trainer.state.iteration == iterations:
            os.kill(os.getpid(), signal.SIGTERM)

    trainer.step = stepping


@pytest.mark.parametrize("model", ["mae", "croco"])
def test_loss_falls(trainer, ramps, model):
    run = trainer(ramps, model=model, epochs=60, warmup_epochs=2, base_lr=0.3, validation_every=60)
    run.run()
    assert run.state.first_loss > 1
    assert losses(run)[-1] < 0.5 * run.state.first_loss


def test_the_other_view_is_learnt_from(trainer, many_pairs):
    run = trainer(
        many_pairs,
        encoder={"width": 64, "depth": 1, "heads": 4, "patch_size": 8, "mlp_ratio": 2},
        decoder={"width": 64, "depth": 1, "heads": 4},
        batch_size=12,
        epochs=6,
        validation_share=0.125,
        validation_every=6,
    )
    run.run()
    found = summary(run.state.rows)
    assert found["val_loss"] < found["val_loss_first"]
    assert found["cross_view_gain"] > 0.3
    assert found["cross_view_gain"] == pytest.approx(found["val_loss_shuffled"] - found["val_loss"])


def test_metrics_have_a_row_an_epoch(trainer, pairs):
    run = trainer(pairs, validation_every=2)
    run.run()
    table = pd.read_csv(run.recorder.path)
    assert tuple(table.columns) == COLUMNS
    assert table["epoch"].tolist() == [0, 1, 2, 3]
    assert table["iteration"].tolist() == [0, 3, 6, 9]
    assert (
        table["val_loss"].notna().tolist() == table["val_loss_shuffled"].notna().tolist() == [True, False, True, True]
    )
    assert table["loss"].notna().tolist() == [False, True, True, True]
    assert (table["pairs_per_s"][1:] > 0).all()
    assert len(run.batches.held_out) == 5
    assert set(run.dataset.rows["unit"][run.batches.held_out]).isdisjoint(
        run.dataset.rows["unit"][run.batches.training]
    )


@pytest.mark.parametrize("model", ["mae", "croco", "dino"])
def test_a_stopped_run_goes_on_exactly(trainer, pairs, model):
    whole = trainer(pairs, "whole", model=model)
    whole.run()
    for after in (2, 3, 5):
        parts = f"parts{after}"
        stopped = trainer(pairs, parts, model=model)
        stop_after(stopped, after)
        with pytest.raises(MimicError, match=f"stopped by SIGTERM after iteration {after}") as caught:
            stopped.run()
        assert "same command again" in caught.value.remedy
        resumed = trainer(pairs, parts, model=model)
        assert resumed.state.iteration == after
        resumed.run()
        assert losses(resumed) == losses(whole)
        for column in ("lr", "val_loss", "val_loss_shuffled"):
            assert [row.get(column) for row in resumed.state.rows] == [row.get(column) for row in whole.state.rows]
        for name, value in whole.model.state_dict().items():
            assert torch.equal(resumed.model.state_dict()[name], value), name


def test_a_finished_run_is_not_run_again(trainer, pairs):
    trainer(pairs).run()
    again = trainer(pairs)
    again.step = None
    again.run()
    assert losses(again)


def test_the_effective_batch_counts_however_it_is_made(trainer, pairs):
    whole = trainer(pairs, "whole", batch_size=4)
    parts = trainer(pairs, "parts", batch_size=2, effective_batch=4)
    assert whole.batches.effective_batch == parts.batches.effective_batch == 4
    for run in (whole, parts):
        run.run()
    assert losses(parts) == pytest.approx(losses(whole), rel=1e-5)
    assert parts.state.rows[-1]["val_loss"] == pytest.approx(whole.state.rows[-1]["val_loss"], rel=1e-5)


def test_another_seed_is_another_run(trainer, pairs):
    first, second = (trainer(pairs, f"seed{seed}", seed=seed, epochs=1) for seed in (0, 1))
    for run in (first, second):
        run.run()
    assert losses(first) != losses(second)


def stopped(trainer, pairs, **changes):
    """A run that was stopped on its way."""
    run = trainer(pairs, **changes)
    stop_after(run, 2)
    with pytest.raises(MimicError, match="stopped"):
        run.run()
    return run


def test_an_unfinished_run_is_refused_under_another_config(trainer, pairs):
    stopped(trainer, pairs)
    with pytest.raises(MimicError) as caught:
        trainer(pairs, base_lr=0.1, encoder={"width": 32, "depth": 1, "heads": 2, "patch_size": 8})
    assert "settings.base_lr was 0.05 and is 0.1" in caught.value.what
    assert "settings.encoder.width was 16 and is 32" in caught.value.what
    assert caught.value.where.endswith("checkpoints")
    assert "delete this folder" in caught.value.remedy
    trainer(pairs, cache_mib=0, checkpoint_minutes=5)  # does not change the result


def test_an_unfinished_run_is_refused_under_another_seed(trainer, pairs):
    stopped(trainer, pairs)
    with pytest.raises(MimicError, match="seed was 0 and is 1"):
        trainer(pairs, seed=1)


def test_a_finished_run_gives_way_to_another_config(trainer, pairs):
    fresh = trainer(pairs, "fresh", epochs=2, base_lr=0.1)
    fresh.run()
    trainer(pairs, epochs=3).run()
    changed = trainer(pairs, epochs=2, base_lr=0.1, checkpoint_minutes=1e-9)
    assert changed.state.iteration == 0
    stop_after(changed, 4)
    with pytest.raises(MimicError, match="stopped"):
        changed.run()
    assert sorted(path.name for path in changed.checkpoints.folder.iterdir()) == [
        "iteration-00000003.pt",
        "iteration-00000004.pt",
    ]
    resumed = trainer(pairs, epochs=2, base_lr=0.1)
    assert resumed.state.iteration == 4
    resumed.run()
    assert losses(resumed) == losses(fresh)


def test_an_unreadable_checkpoint_is_named(trainer, pairs):
    run = trainer(pairs, epochs=1)
    run.run()
    (path,) = run.checkpoints.folder.iterdir()
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(MimicError, match="cannot be read") as caught:
        trainer(pairs, epochs=1)
    assert caught.value.where == str(path)


def test_checkpoints_come_by_the_clock_and_two_are_kept(trainer, pairs):
    run = trainer(pairs, checkpoint_minutes=1e-9)
    run.run()
    assert sorted(path.name for path in run.checkpoints.folder.iterdir()) == [
        "iteration-00000008.pt",
        "iteration-00000009.pt",
    ]


def test_a_loss_that_is_not_finite_names_iteration_and_pairs(trainer, pairs, monkeypatch):
    monkeypatch.setattr(loop, "READ_EVERY", 2)
    run = trainer(pairs, validation_share=0.0)
    step = run.step

    def poisoned(stream):
        if run.state.iteration == 1:
            with torch.no_grad():
                run.model.cls_token.fill_(math.nan)
        step(stream)

    run.step = poisoned
    with pytest.raises(MimicError, match="the loss is nan at iteration 1") as caught:
        run.run()
    keys = sorted(f"pair{index:03d}" for index in run.batches.order.batch(1))
    path = run.checkpoints.folder / "not-finite-00000001.json"
    assert caught.value.where == f"pairs {', '.join(keys)}; all are listed in {path}"
    assert read_json(path) == {"iteration": 1, "loss": "nan", "pairs": keys}
    assert [found.name for found in run.checkpoints.folder.iterdir()] == [path.name]


def test_gradients_are_clipped(trainer, pairs):
    run = trainer(pairs, clip_gradient=1e-3, epochs=1)
    norms = []
    step = run.optimizer.step
    parameters = [parameter for parameter in run.model.parameters() if parameter.requires_grad]

    def measured():
        norms.append(float(torch.linalg.vector_norm(torch.stack([p.grad.norm() for p in parameters]))))
        step()

    run.optimizer.step = measured
    run.run()
    assert norms == pytest.approx([1e-3] * 3, rel=0.01)


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
def test_mixed_precision_learns_nearly_the_same(trainer, pairs, monkeypatch, precision):
    monkeypatch.setattr(devices, "has_bfloat16", lambda device: True)  # without it, these few steps take a second
    run = trainer(pairs, precision=precision, epochs=2)
    assert (run.scaler.is_enabled(), run.precision == torch.float16) == (precision == "fp16",) * 2
    run.run()
    exact = trainer(pairs, "exact", epochs=2)
    exact.run()
    assert losses(run) != losses(exact)
    assert losses(run) == pytest.approx(losses(exact), rel=0.02)
    assert next(run.model.parameters()).dtype == torch.float32


def test_validation_is_the_same_in_any_batch_size(trainer, pairs):
    by_two, by_five = (trainer(pairs, f"b{size}", epochs=1, batch_size=size) for size in (2, 5))
    for run in (by_two, by_five):
        run.run()
    assert np.isclose(by_two.state.rows[0]["val_loss"], by_five.state.rows[0]["val_loss"], rtol=1e-5)


def test_the_gradients_norm_and_the_machines_part_are_measured(trainer, pairs):
    run = trainer(pairs)
    run.run()
    table = pd.read_csv(run.recorder.path)
    assert (table["gradient_norm"][1:] > 0).all()
    assert table["waiting_share"][1:].between(0, 1).all()
    assert (table["memory_mib"][1:] > 10).all()
    assert table["mfu"][1:].between(0, 1, inclusive="neither").all()
    assert run.recorder.sample_operations > 3 * 2 * 16 * 64  # more than one product of its smallest matrices


def test_encoders_are_saved_on_the_way(trainer, pairs):
    run = trainer(pairs, save_encoders_at=[1, 3])
    run.run()
    found = sorted(path.name for path in run.recorder.path.parent.glob("encoder-*"))
    assert found == ["encoder-epoch-0001.safetensors", "encoder-epoch-0003.safetensors"]
    first, last = (load_pretrained(run.recorder.path.with_name(name)).state_dict() for name in found)
    assert not torch.equal(first["cls_token"], last["cls_token"])
    assert torch.equal(last["cls_token"], run.model.cls_token)


def test_an_epoch_that_is_past_cannot_be_saved_by_an_unfinished_run(trainer, pairs):
    first = trainer(pairs, save_encoders_at=[3])
    stop_after(first, 4)
    with pytest.raises(MimicError, match="stopped"):
        first.run()
    with pytest.raises(MimicError, match="past the epochs of these missing encoders: encoder-epoch-0001") as caught:
        trainer(pairs, save_encoders_at=[1, 3])
    assert "save_encoders_at" in caught.value.remedy
    run = trainer(pairs, save_encoders_at=[2, 3])
    run.run()
    found = sorted(path.name for path in run.recorder.path.parent.glob("encoder-*"))
    assert found == ["encoder-epoch-0002.safetensors", "encoder-epoch-0003.safetensors"]


@pytest.mark.parametrize(("batch", "effective", "said"), [(3, 8, "set pretrain.batch_size to 2"), (4, 2, "to 2")])
def test_a_batch_that_does_not_divide_is_named_with_one_that_does(trainer, pairs, batch, effective, said):
    with pytest.raises(MimicError, match="is not divisible into batches") as caught:
        trainer(pairs, batch_size=batch, effective_batch=effective)
    assert caught.value.where == "pretrain.effective_batch"
    assert said in caught.value.remedy


@pytest.mark.parametrize(("effective", "processes", "batch"), [(4096, 8, 128), (4096, 4, 128), (12, 3, 2)])
def test_the_effective_batch_is_the_same_on_any_number_of_processes(effective, processes, batch):
    assert accumulation_steps(effective, processes, batch) * processes * batch == effective


def test_a_batch_that_no_number_of_processes_divides(trainer):
    with pytest.raises(MimicError) as caught:
        accumulation_steps(10, 4, 2)
    assert "a multiple of 4 processes" in caught.value.remedy


def test_a_run_goes_on_with_another_division_of_the_batch(trainer, pairs):
    whole = trainer(pairs, "whole", batch_size=4, effective_batch=4)
    whole.run()
    part = trainer(pairs, "parts", batch_size=4, effective_batch=4)
    stop_after(part, 4)
    with pytest.raises(MimicError, match="stopped"):
        part.run()
    resumed = trainer(pairs, "parts", batch_size=1, effective_batch=4)
    assert resumed.batches.accumulation == 4
    resumed.run()
    assert losses(resumed) == pytest.approx(losses(whole), rel=1e-5)


def test_keys_that_may_differ_are_let_pass_and_no_others(trainer, pairs, caplog):
    stopped(trainer, pairs)
    with pytest.raises(MimicError, match=r"settings\.weight_decay was") as caught:
        trainer(pairs, base_lr=0.1, weight_decay=0.1, allow_changed=["settings.base_lr"])
    assert "base_lr was" not in caught.value.what
    assert "pretrain.allow_changed" in caught.value.remedy
    run = trainer(pairs, base_lr=0.1, allow_changed=["settings.base_lr"])
    assert run.state.iteration == 2
    assert "resuming although settings.base_lr was 0.05 and is 0.1" in caplog.text


def test_as_many_checkpoints_stay_as_asked_for(trainer, pairs):
    run = trainer(pairs, checkpoint_minutes=1e-9, keep_checkpoints=3)
    run.run()
    names = sorted(path.name for path in run.checkpoints.folder.iterdir())
    assert names == [f"iteration-{number:08d}.pt" for number in (7, 8, 9)]


def test_a_full_disk_costs_no_checkpoint_and_no_run(trainer, pairs, monkeypatch, caplog):
    whole = trainer(pairs, "whole")
    whole.run()
    run = trainer(pairs, "full", checkpoint_minutes=1e-9)
    write, full = run.checkpoints.write, OSError(errno.ENOSPC, "No space left on device")

    def writing(state):
        if state.iteration in (3, 4):
            raise full
        write(state)

    run.checkpoints.write = writing
    stop_after(run, 4)
    with pytest.raises(MimicError, match="iteration 4 cannot be written \\(No space left on device\\)") as caught:
        run.run()
    assert "free some space" in caught.value.remedy
    assert "keeping the previous one and continuing to train" in caplog.text
    resumed = trainer(pairs, "full")
    assert resumed.state.iteration == 2
    resumed.run()
    assert losses(resumed) == losses(whole)


def test_a_gpu_without_enough_memory_says_which_setting_to_change(trainer, pairs):
    run = trainer(pairs)

    def step(stream):
        raise torch.OutOfMemoryError("CUDA out of memory")

    run.step = step
    with pytest.raises(MimicError, match="ran out of memory") as caught:
        run.run()
    assert "lower pretrain.batch_size (it is 4)" in caught.value.remedy


@pytest.mark.parametrize(("model", "columns", "rows"), [("mae", 3, 6), ("croco", 4, 5)])
def test_pictures_of_reconstructions_are_left(trainer, pairs, model, columns, rows):
    run = trainer(pairs, model=model, pictures_every=2)
    run.run()
    folder = run.recorder.path.parent / "pictures"
    assert sorted(path.name for path in folder.iterdir()) == ["epoch-0002.png", "epoch-0003.png"]
    image = plt.imread(folder / "epoch-0002.png")
    assert image.shape[:2] == (TITLE + rows * (TILE + GAP), columns * (TILE + GAP) + GAP)
    assert image.std() > 0


def test_curves_of_a_run_that_was_stopped_have_each_iteration_once(trainer, pairs):
    first = trainer(pairs)
    stop_after(first, 4)
    with pytest.raises(MimicError, match="stopped"):
        first.run()
    run = trainer(pairs)
    run.run()
    events = EventAccumulator(str(run.recorder.path.parent / "tensorboard")).Reload()
    found = events.Scalars("iteration/loss")
    assert [event.step for event in found] == list(range(9))
    assert [event.step for event in events.Scalars("epoch/val_loss")] == [0, 3, 6, 9]
    assert np.mean([event.value for event in found[-3:]]) == pytest.approx(losses(run)[-1], rel=1e-5)


def test_what_another_config_left_on_its_way_is_removed(trainer, pairs):
    trainer(pairs, epochs=3, save_encoders_at=[1, 3], pictures_every=1).run()
    run = trainer(pairs, epochs=2, save_encoders_at=[2], pictures_every=2)
    run.run()
    folder = run.recorder.path.parent
    assert [path.name for path in folder.glob("encoder-*")] == ["encoder-epoch-0002.safetensors"]
    assert [path.name for path in (folder / "pictures").iterdir()] == ["epoch-0002.png"]
    assert len(list((folder / "tensorboard").iterdir())) == 1
