"""Small datasets in the layout of every task, and settings small enough for a test."""

import csv
import json
from pathlib import Path

import cv2
import h5py
import numpy as np
import scipy.io

from mimic_core.finetune import job_settings
from mimic_core.finetune.settings import JobSettings

HEIGHT, WIDTH = 36, 48
TRAIN, TEST = 8, 3
ARCHITECTURE = {"image_size": 32, "patch_size": 16, "width": 16, "depth": 4, "heads": 2, "mlp_ratio": 2}
DENSE = {
    "image_size": 32,
    "head": {"feature": 8, "layer_dims": [8, 8, 8, 8]},
    "learning_rate": 3e-3,
    "batch_size": 4,
    "epochs": 2,
    "warmup_epochs": 0.5,
}
BLOCKS = {  # what makes a task's settings small
    "depth": DENSE,
    "normals": DENSE,
    "segmentation": {
        "mode": "whole",
        "image_size": 32,
        "head": {"width": 32, "predictions": 4, "depth": 1},
        "batch_size": 4,
        "epochs": 2,
    },
    "pose": {
        "mode": "whole",
        "image_size": [64, 48],
        "deconv_channels": 8,
        "batch_size": 4,
        "epochs": 2,
        "warmup_iterations": 1,
        "milestones": [1],
        "drop_path": 0.0,
    },
    "classification": {
        "image_size": 32,
        "augment": False,
        "batch_size": 18,
        "base_lr": 40,
        "epochs": 40,
        "warmup_epochs": 2,
    },
}
SIDE = 96  # of COCO's images
COLOURS = {"n00000001": (220, 30, 30), "n00000002": (30, 220, 30), "n00000003": (30, 30, 220)}  # ImageNet's classes


def tiny_settings(task: str = "depth", **changes) -> JobSettings:
    """Settings of a task, frozen but where OpenMMLab trains it, of an encoder of random weights."""
    block = {"task": task, "mode": "frozen", "encoder": "random", "architecture": ARCHITECTURE, "precision": "fp32"}
    return job_settings(block | BLOCKS.get(task, {}) | changes)


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


def write_ade20k(root: Path, part: str, count: int) -> None:
    """Images of several shapes whose colour says which class (0 other, 1..150) a pixel has."""
    rng = np.random.default_rng(count)
    for kind in ("images", "annotations"):
        (root / kind / part).mkdir(parents=True)
    for number in range(count):
        blocks = rng.choice([0, 1, 2, 3, 150], size=(4, 4)).astype(np.uint8)
        size = [(48, 48), (64, 40), (40, 64)][number % 3]
        label = cv2.resize(blocks, size, interpolation=cv2.INTER_NEAREST)
        image = np.stack([label * 40, 255 - label, label * 7], axis=2)  # uint8: wraps around
        cv2.imwrite(str(root / "images" / part / f"ADE_{number:04d}.jpg"), image)
        cv2.imwrite(str(root / "annotations" / part / f"ADE_{number:04d}.png"), label)


def write_coco(root: Path, part: str, count: int) -> None:
    """People whose joints are coloured spots; the first has one without a label, the last image a crowd."""
    rng = np.random.default_rng(count)
    (root / part).mkdir(parents=True)
    (root / "annotations").mkdir(exist_ok=True)
    images, annotations = [], []
    for number in range(count):
        picture = rng.integers(0, 60, (SIDE, SIDE, 3), np.uint8)
        joints = np.concatenate([rng.uniform(20, 76, (17, 2)).round(1), np.full((17, 1), 2.0)], axis=1)
        if number == 0:
            joints[3] = 0
        for joint, (x, y, seen) in enumerate(joints):
            if seen:
                cv2.circle(picture, (round(x), round(y)), 3, (255 - 10 * joint, 50 + 10 * joint, 200), -1)
        cv2.imwrite(str(root / part / f"{number:012d}.jpg"), picture)
        images.append({"id": number, "file_name": f"{number:012d}.jpg", "width": SIDE, "height": SIDE})
        person = {"id": 10 + number, "image_id": number, "category_id": 1, "bbox": [15, 15, 66, 66], "area": 4000.0}
        person |= {"iscrowd": 0, "num_keypoints": int((joints[:, 2] > 0).sum()), "keypoints": joints.ravel().tolist()}
        annotations.append(person)
    annotations.append({**annotations[-1], "id": 99, "iscrowd": 1, "segmentation": {"counts": [], "size": [1, 1]}})
    names = [f"joint{joint}" for joint in range(17)]
    category = {"id": 1, "name": "person", "keypoints": names, "skeleton": []}
    document = {"images": images, "annotations": annotations, "categories": [category]}
    (root / "annotations" / f"person_keypoints_{part}.json").write_text(json.dumps(document))


def write_imagenet(root: Path) -> None:
    """Three classes, each of one colour: any encoder tells them apart."""
    rng = np.random.default_rng(0)
    for part, count in (("train", 6), ("val", 3)):
        for wnid, colour in COLOURS.items():
            (root / part / wnid).mkdir(parents=True)
            for number in range(count):
                image = np.clip(np.array(colour) + rng.normal(0, 15, (40, 48, 3)), 0, 255).astype(np.uint8)
                cv2.imwrite(str(root / part / wnid / f"{part}_{number}.JPEG"), image[:, :, ::-1])
