"""Random generators named by their purpose, so that no result depends on cores, shards or order."""

from __future__ import annotations

import hashlib

import numpy as np


def seed_for(seed: int, *names: object) -> int:
    """Return a 64-bit seed that depends only on the config's seed and the names (source, unit, view, ...)."""
    text = "\x1f".join([str(int(seed)), *map(str, names)])
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little")


def generator(seed: int, *names: object) -> np.random.Generator:
    """Return a NumPy generator for a named purpose; the same seed and names give the same draws on every machine."""
    return np.random.default_rng(seed_for(seed, *names))
