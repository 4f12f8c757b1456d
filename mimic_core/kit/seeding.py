"""Random generators named by what they are for, so that no result depends on cores, shards or order."""

from __future__ import annotations

import hashlib

import numpy as np


def seed_for(seed: int, *names: object) -> int:
    """A 64-bit seed that depends on the config's seed and on the names (source, unit, view, ...) alone."""
    text = "\x1f".join([str(int(seed)), *map(str, names)])
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little")


def generator(seed: int, *names: object) -> np.random.Generator:
    """A NumPy generator for one named purpose. Same seed and names, same draws, on every machine."""
    return np.random.default_rng(seed_for(seed, *names))
