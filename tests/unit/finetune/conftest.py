"""Small datasets in the layouts of NYUv2 and Taskonomy, and settings small enough for a test."""

import csv

import cv2
import h5py
import numpy as np
import pytest
import scipy.io

from mimic_core.finetune.settings import FinetuneSettings

HEIGHT, WIDTH = 36, 48
TRAIN, TEST = 8, 3
ARCHITECTURE = {"image_size": 32, "patch_size": 16, "width": 16, "depth": 4, "heads": 2, "mlp_ratio": 2}
HEAD = {"feature": 8, "layer_dims": [8, 8, 8, 8]}


def draw_image(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """An image (H, W, 3) whose brightness tells the depth (H, W)."""
    low, high = sorted(rng.uniform(1, 5, 2))
    depth = np.tile(np.linspace(low, high, WIDTH, dtype=np.float32), (HEIGHT, 1))
    image = np.repeat((depth * 50)[:, :, None], 3, axis=2) + rng.normal(0, 2, (HEIGHT, WIDTH, 3))
    return np.clip(image, 0, 255).astype(np.uint8), depth


def write_nyuv2(root) -> None:
    rng = np.random.default_rng(0)
    drawn = [draw_image(rng) for _ in range(TRAIN + TEST)]
    images, depths = (np.stack(arrays) for arrays in zip(*drawn, strict=True))
    depths[:, 0, :] = 0
    depths[:, 1, :] = np.nan
    root.mkdir(parents=True, exist_ok=True)
    with h5py.File(root / "nyu_depth_v2_labeled.mat", "w") as file:
        file["images"] = images.transpose(0, 3, 2, 1)
        file["depths"] = depths.transpose(0, 2, 1)
    numbers = np.arange(1, TRAIN + TEST + 1).reshape(-1, 1)
    scipy.io.savemat(root / "splits.mat", {"trainNdxs": numbers[:TRAIN], "testNdxs": numbers[TRAIN:]})


def write_taskonomy(root) -> None:
    rng = np.random.default_rng(1)
    for building, count in (("allen", TRAIN), ("beach", TEST), ("cobalt", 1)):
        for kind in ("rgb", "normal"):
            (root / kind / building).mkdir(parents=True)
        for point in range(count):
            image, depth = draw_image(rng)
            angle = depth / 5
            normal = np.stack([np.sin(angle), np.zeros_like(angle), np.cos(angle)], axis=2) * 0.5 + 0.5
            normal[0] = 0.5
            name = f"point_{point}_view_{point % 2}_domain_"
            cv2.imwrite(str(root / "rgb" / building / f"{name}rgb.png"), image[:, :, ::-1])
            encoded = (normal * 255).round().astype(np.uint8)
            cv2.imwrite(str(root / "normal" / building / f"{name}normal.png"), encoded[:, :, ::-1])
    (root / "splits").mkdir()
    with open(root / "splits" / "train_val_test.csv", "w", newline="") as stream:
        csv.writer(stream).writerows(
            [["id", "train", "val", "test"], ["allen", 1, 0, 0], ["beach", 0, 0, 1], ["cobalt", 0, 1, 0]]
        )


@pytest.fixture
def nyuv2(tmp_path):
    write_nyuv2(tmp_path / "nyuv2")
    return tmp_path / "nyuv2"


@pytest.fixture
def taskonomy(tmp_path):
    write_taskonomy(tmp_path / "taskonomy")
    return tmp_path / "taskonomy"


@pytest.fixture
def datasets(nyuv2, taskonomy):
    return {"depth": nyuv2, "normals": taskonomy}


@pytest.fixture
def make_settings():
    def make(**changes) -> FinetuneSettings:
        block = {
            "task": "depth",
            "mode": "frozen",
            "encoder": "random",
            "image_size": 32,
            "architecture": ARCHITECTURE,
            "head": HEAD,
            "learning_rate": 3e-3,
            "batch_size": 4,
            "epochs": 2,
            "warmup_epochs": 0.5,
            "precision": "fp32",
        }
        return FinetuneSettings.from_dict(block | changes)

    return make
