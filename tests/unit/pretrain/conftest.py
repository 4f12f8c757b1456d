"""Tiny pairs with the interface of PairDataset, and the same on disk as a manifest with its shard."""

import copy
from functools import cache
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
import torch

from mimic_core.objectives.base import Objective
from mimic_core.pretrain import recorder
from mimic_core.pretrain.distributed import Processes
from mimic_core.pretrain.loop import Trainer
from mimic_core.pretrain.settings import PretrainSettings

SIZE = 32
BLOCK = {
    "model": "croco",
    "dataset": "tiny",
    "image_size": SIZE,
    "encoder": {"width": 16, "depth": 1, "heads": 2, "patch_size": 8, "mlp_ratio": 2},
    "decoder": {"width": 16, "depth": 1, "heads": 2},
    "mask_ratio": 0.75,
    "epochs": 3,
    "warmup_epochs": 1,
    "batch_size": 4,
    "effective_batch": None,
    "base_lr": 0.05,
    "weight_decay": 0.05,
    "precision": "fp32",
    "validation_share": 0.25,
    "validation_every": 1,
    "checkpoint_minutes": 1000,
    "cache_mib": 64,
    "threads": 1,
    "clip_gradient": None,
}


OPTIONS = {"dino": {"prototypes": 32, "hidden": 24, "bottleneck": 8, "local_crops": 2}}


class FakePairs:
    """View 2 is view 1 moved by a quarter to the side."""

    def __init__(self, count=20, units=4, size=SIZE, seed=0):
        rng = np.random.default_rng(seed)
        small = rng.integers(0, 256, (count, 8, 8, 3), dtype=np.uint8)
        self.views = [cv2.resize(image, (size, size), interpolation=cv2.INTER_NEAREST) for image in small]
        self.shift = size // 4
        self.rows = pd.DataFrame(
            {
                "key": [f"pair{index:03d}" for index in range(count)],
                "source": "videos",
                "unit": [f"clip{index % units}" for index in range(count)],
            }
        )

    def __len__(self):
        return len(self.views)

    def __getitem__(self, index):
        view = self.views[index]
        return view, np.roll(view, self.shift, axis=1), self.rows.iloc[index].to_dict()


class RampPairs(FakePairs):
    """Brightness grows along a direction of each pair's own: what is seen of an image tells all of it."""

    def __init__(self, count=8):
        super().__init__(count, units=2)
        angles = np.random.default_rng(0).uniform(0, 2 * np.pi, count)
        y, x = np.mgrid[-1 : 1 : SIZE * 1j, -1 : 1 : SIZE * 1j]
        ramps = [128 + 80 * (np.cos(angle) * x + np.sin(angle) * y) for angle in angles]
        self.views = [np.repeat(ramp[..., None], 3, axis=2).astype(np.uint8) for ramp in ramps]
        self.shift = 0


@pytest.fixture(autouse=True)
def one_thread():
    torch.set_num_threads(1)


matrix_rate, count, COSTS = cache(recorder.matrix_rate), Objective.cost, {}


def cost(objective, settings):
    """What a training step of this model takes, counted once."""
    key = type(objective), repr((settings.encoder, settings.decoder, settings.mask_ratio, settings.options))
    if key not in COSTS:
        COSTS[key] = count(objective, settings)
    return COSTS[key]


@pytest.fixture(autouse=True)
def measured_once(monkeypatch):
    """Count a model's operations and measure the processor's once, not for every run."""
    monkeypatch.setattr(recorder, "matrix_rate", matrix_rate)
    monkeypatch.setattr(Objective, "cost", cost)


@pytest.fixture
def pairs():
    return FakePairs()


@pytest.fixture
def ramps():
    return RampPairs()


@pytest.fixture
def many_pairs():
    return FakePairs(count=768, units=8)


@pytest.fixture
def block():
    return copy.deepcopy(BLOCK)


@pytest.fixture
def trainer(tmp_path):
    """Makes a trainer; every call continues the same checkpoint folder unless told another."""

    def make(dataset, folder="run", seed=0, allow_changed=(), **changes):
        settings = PretrainSettings.from_dict({**BLOCK, "options": OPTIONS.get(changes.get("model"), {}), **changes})
        world = Processes(0, 1, torch.device("cpu"))
        root = tmp_path / folder
        return Trainer(dataset, settings, seed, world, root / "checkpoints", root / "metrics.csv", "", allow_changed)

    return make


def make_manifest(folder: Path, count: int = 16, units: int = 4) -> Path:
    """A shard of JPEGs and the manifest that points into it."""
    folder.mkdir(parents=True, exist_ok=True)
    pairs = FakePairs(count, units, size=64)
    rows = pairs.rows.copy()
    content = b""
    for view in (1, 2):
        rows[f"offset{view}"] = rows[f"size{view}"] = 0
    for index in range(count):
        for view, image in enumerate(pairs[index][:2], start=1):
            encoded = cv2.imencode(".jpg", image[..., ::-1])[1].tobytes()
            rows.loc[index, [f"offset{view}", f"size{view}"]] = len(content), len(encoded)
            content += encoded
    rows["shard"] = "shard.tar"
    (folder / "shard.tar").write_bytes(content)
    rows.to_parquet(folder / "manifest.parquet")
    return folder / "manifest.parquet"


@pytest.fixture(scope="session")
def manifest(tmp_path_factory):
    return make_manifest(tmp_path_factory.mktemp("dataset"))


@pytest.fixture
def write_manifest():
    return make_manifest
