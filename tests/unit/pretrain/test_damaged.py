"""Damaged checkpoints and inputs of pretraining: never a wrong result, and a way on."""

import errno
import json
import os
import random

import pytest
import torch
from unit.pretrain.conftest import BLOCK, make_manifest
from unit.pretrain.damages import flip, saved, spoil

from mimic_core.kit.errors import MimicError
from mimic_core.kit.receipts import Receipt
from mimic_core.kit.verify import compare, with_receipts
from mimic_core.pretrain import checkpoint, pretrain
from mimic_core.pretrain.checkpoint import damage, load_checkpoint, newest_sound, set_aside
from mimic_core.pretrain.loop import Trainer


def same(one, other):
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    return torch.equal(one, other) if isinstance(one, torch.Tensor) else one == other


def test_no_flipped_bit_anywhere_changes_what_is_read(tmp_path):
    [path] = saved(tmp_path, 1)
    content, whole, rng = path.read_bytes(), load_checkpoint(tmp_path, {}), random.Random(0)
    assert damage(path) is None
    seen = []
    for _ in range(250):
        path.write_bytes(content)
        flip(path, rng.randrange(len(content)), rng.randrange(8))
        seen.append(damage(path) is not None)
        assert seen[-1] or same(load_checkpoint(tmp_path, {}), whole), "padding"
    assert sum(seen) > 50
    path.write_bytes(content)
    spoil(path)
    assert "does not match its checksum" in damage(path)


@pytest.mark.parametrize("cut", [0, 1, 0.5, 0.999, "text"])
def test_a_checkpoint_of_any_rubbish_is_damaged(tmp_path, cut):
    [path] = saved(tmp_path, 1)
    content = path.read_bytes()
    path.write_bytes(b"no checkpoint" if cut == "text" else content[: int(cut if cut == 1 else cut * len(content))])
    assert damage(path)


def test_the_newest_sound_one_is_found_and_the_damaged_ones_are_set_aside(tmp_path, caplog):
    first, second = saved(tmp_path, 1, 2)
    spoil(second)
    assert newest_sound(tmp_path) == (first, [second])
    assert f"{second} is damaged" in caplog.text
    set_aside([second])
    assert newest_sound(tmp_path) == (first, [])
    saved(tmp_path, 3)
    assert [path.name for path in checkpoint.checkpoints(tmp_path)] == [
        "iteration-00000001.pt",
        "iteration-00000003.pt",
    ], "the damaged one does not count among those that stay"


def test_where_all_are_damaged_nothing_is_thrown_away(tmp_path):
    paths = saved(tmp_path, 1, 2)
    for path in paths:
        spoil(path)
    with pytest.raises(MimicError, match="all 2 checkpoints of this run cannot be read") as caught:
        newest_sound(tmp_path)
    assert caught.value.remedy.endswith(f"rm {paths[1]} {paths[0]}")
    assert all(path.exists() for path in paths)


@pytest.mark.parametrize("number", [errno.EIO, errno.ESTALE, errno.EACCES])
def test_a_disk_that_cannot_read_does_not_count_as_damage(tmp_path, monkeypatch, number):
    saved(tmp_path, 1, 2)

    def failing(path):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(checkpoint.zipfile, "ZipFile", failing)
    with pytest.raises(OSError, match=os.strerror(number)):
        newest_sound(tmp_path)


def test_a_checkpoint_that_another_process_removes_meanwhile(tmp_path):
    [path] = saved(tmp_path, 1)
    path.unlink()
    for read in (lambda: damage(path), lambda: load_checkpoint(tmp_path, {}, path=path)):
        with pytest.raises(MimicError, match="removed while it was read") as caught:
            read()
        assert "another process may be working on this run" in caught.value.remedy


def test_a_run_goes_on_from_the_one_before_and_ends_as_if_nothing_had_happened(trainer, pairs, caplog):
    whole = trainer(pairs, "whole")
    whole.run()
    run = trainer(pairs, checkpoint_minutes=1e-9)
    step = run.step

    def stopping(stream):
        if run.state.iteration == 5:
            raise KeyboardInterrupt
        step(stream)

    run.step = stopping
    with pytest.raises(KeyboardInterrupt):
        run.run()
    flip(run.checkpoints.folder / "iteration-00000005.pt")
    again = trainer(pairs)
    assert again.state.iteration == 4
    assert "set it aside as" in caplog.text
    again.run()
    for name, value in whole.model.state_dict().items():
        assert torch.equal(again.model.state_dict()[name], value), name


@pytest.fixture
def received(tmp_path):
    """A manifest and its shard with their receipts, and what runs a pretraining on them."""
    manifest = make_manifest(tmp_path / "data")
    shard = tmp_path / "data" / "shard.tar"
    Receipt("datasets", {}).write(tmp_path / "data" / "receipt.json", [manifest])
    Receipt("pairs", {}).write(tmp_path / "data" / "shard.receipt.json", [shard])

    def run(**changes):
        pretrain(manifest, tmp_path / "out", tmp_path / "checkpoints", {**BLOCK, "epochs": 1, **changes}, 0)
        return json.loads((tmp_path / "out" / "receipt.json").read_text())

    return manifest, shard, run


def test_what_was_read_is_in_the_receipt(received):
    manifest, shard, run = received
    told = run()["inputs"]
    beside = (shard.with_suffix(".receipt.json"), manifest.with_name("receipt.json"))
    assert told == {name: value for path in beside for name, value in json.loads(path.read_text())["outputs"].items()}


def test_a_flipped_bit_in_the_manifest_is_refused(received, tmp_path):
    manifest, _, run = received
    flip(manifest)
    with pytest.raises(MimicError, match="does not match its receipt") as caught:
        run()
    assert caught.value.remedy.endswith(f"rm {manifest} {manifest.with_name('receipt.json')}")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("epochs", [1, 10_000])
def test_a_flipped_bit_in_a_shard_ends_the_run(received, tmp_path, epochs):
    """A short run before it leaves anything, a long one on its way."""
    _, shard, run = received
    content = bytearray(shard.read_bytes())
    content[content.index(b"\xff\xda") + 20] ^= 1  # in the first image's pixels: it can still be decoded
    shard.write_bytes(content)
    with pytest.raises(MimicError, match="does not match its receipt") as caught:
        run(epochs=epochs)
    assert caught.value.remedy.endswith(f"rm {shard} {shard.with_suffix('.receipt.json')}")
    assert not (tmp_path / "out" / "encoder.safetensors").exists()


@pytest.mark.parametrize("end", ["deleted", "flipped"])
def test_encoders_of_epochs_are_in_the_receipt_and_are_made_again_where_they_are_lost(received, tmp_path, caplog, end):
    _, _, run = received
    told = run(save_encoders_at=[1])["outputs"]
    weights = {name: value for name, value in told.items() if name.endswith(".safetensors")}
    path = tmp_path / "out" / "encoder-epoch-0001.safetensors"
    assert str(path) in weights
    path.unlink() if end == "deleted" else flip(path)
    assert run(save_encoders_at=[1])["outputs"].items() >= weights.items()
    assert "these encoders are missing" in caplog.text
    caplog.clear()
    assert run(save_encoders_at=[1])["outputs"].items() >= weights.items()
    assert "these encoders are missing" not in caplog.text


def test_an_epoch_asked_for_after_the_end_is_made_by_a_new_run(received, tmp_path, caplog):
    _, _, run = received
    run(epochs=2)
    told = run(epochs=2, save_encoders_at=[1])["outputs"]
    assert "these encoders are missing" in caplog.text
    assert str(tmp_path / "out" / "encoder-epoch-0001.safetensors") in told


def test_an_encoder_that_is_damaged_during_the_run_is_not_taken_for_what_was_written(received, tmp_path, monkeypatch):
    _, _, run = received
    trained = Trainer.run

    def damaging(self):
        trained(self)
        flip(tmp_path / "out" / "encoder-epoch-0001.safetensors")

    monkeypatch.setattr(Trainer, "run", damaging)
    run(save_encoders_at=[1])
    with pytest.raises(MimicError, match="does not match its receipt"):
        compare(with_receipts([tmp_path / "out" / "encoder-epoch-0001.safetensors"]))
