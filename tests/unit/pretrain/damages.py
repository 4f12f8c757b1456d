"""Checkpoints of a few numbers, and what damages them."""

import torch

from mimic_core.pretrain.checkpoint import State, save_checkpoint

WEIGHTS = {"model": {"a": torch.arange(40.0)}, "optimizer": {"b": torch.arange(6)}, "scaler": {}}


def saved(folder, *iterations):
    return [save_checkpoint(folder, State(number), {}, WEIGHTS, finished=False) for number in iterations]


def flip(path, byte=None, bit=3):
    content = bytearray(path.read_bytes())
    content[len(content) // 2 if byte is None else byte] ^= 1 << bit
    path.write_bytes(content)


def spoil(path):
    """Flip a bit of a weight."""
    flip(path, path.read_bytes().index(WEIGHTS["model"]["a"].numpy().tobytes()) + 17, 6)
