"""Synthetic inputs for ``real_size.py``: datasets of the real size, made of many links to a few files."""

import json
from pathlib import Path

import cv2
import h5py
import numpy as np
import scipy.io

PERSON = {"id": 1, "name": "person", "keypoints": [f"joint {number}" for number in range(17)]}
IMAGENET_IMAGES = 1_281_167


def write_coco(folder: Path) -> Path:
    """Write COCO's training annotations: 118,287 images, 262,465 people."""
    root = folder / "coco"
    (root / "annotations").mkdir(parents=True, exist_ok=True)
    (root / "train2017").mkdir(exist_ok=True)
    images = [
        {"id": n, "file_name": f"{n:012d}.jpg", "height": 480, "width": 640, "coco_url": "x" * 60, "license": 3}
        for n in range(118_287)
    ]
    joints = [coordinate for joint in range(17) for coordinate in (100 + joint, 200 + joint, 2)]
    people = [
        {
            "id": 900_000 + n,
            "image_id": n % 118_287,
            "category_id": 1,
            "iscrowd": 0,
            "area": 9000.5,
            "bbox": [10.5, 20.5, 200.0, 300.0],
            "keypoints": joints,
            "num_keypoints": 17,
            "segmentation": [[float(k) for k in range(60)]],
        }
        for n in range(262_465)
    ]
    document = {"images": images, "annotations": people, "categories": [PERSON]}
    (root / "annotations" / "person_keypoints_train2017.json").write_text(json.dumps(document))
    return root


def write_taskonomy(folder: Path) -> Path:
    """Write Taskonomy's 800, 200 and 54,514 images, with lists in MultiMAE's format."""
    root = folder / "taskonomy"
    if (root / "splits").is_dir():
        return root
    rng = np.random.default_rng(0)
    (root / "splits").mkdir(parents=True)
    kinds = {"rgb": "rgb", "normal": "normal", "mask_valid": "depth_zbuffer"}
    for kind in kinds:
        (root / kind / "allen").mkdir(parents=True)
    for number in range(8):
        normal = rng.normal(size=(512, 512, 3)) * 0.2 + [0, 0, 1]
        normal /= np.linalg.norm(normal, axis=2, keepdims=True)
        pictures = {
            "rgb": rng.integers(0, 256, (512, 512, 3), np.uint8),
            "normal": ((normal * 0.5 + 0.5) * 255).round().astype(np.uint8)[..., ::-1],
            "mask_valid": np.full((512, 512), 255, np.uint8),
        }
        for kind, picture in pictures.items():
            cv2.imwrite(str(root / kind / f"{number}.png"), picture)
    start = 0
    for part, count in (("train", 800), ("val", 200), ("test", 54_514)):
        rows = ["building,point,view"]
        for number in range(start, start + count):
            rows.append(f"allen,{number},0")
            for kind, domain in kinds.items():
                (root / kind / "allen" / f"point_{number}_view_0_domain_{domain}.png").hardlink_to(
                    root / kind / f"{number % 8}.png"
                )
        (root / "splits" / f"tiny_{part}.csv").write_text("\n".join(rows) + "\n")
        start += count
    return root


def write_nyuv2(folder: Path) -> Path:
    """Write NYUv2's 1,449 labelled images."""
    root = folder / "nyuv2"
    if not root.is_dir():
        root.mkdir()
        rng = np.random.default_rng(0)
        with h5py.File(root / "nyu_depth_v2_labeled.mat", "w") as file:
            images = file.create_dataset("images", (1449, 3, 640, 480), "u1", chunks=(1, 3, 640, 480))
            depths = file.create_dataset("depths", (1449, 640, 480), "f4", chunks=(1, 640, 480))
            for number in range(1449):
                images[number] = rng.integers(0, 256, (3, 640, 480), np.uint8)
                depths[number] = rng.uniform(0.7, 10, (640, 480)).astype(np.float32)
        numbers = np.arange(1, 1450)[:, None]
        scipy.io.savemat(root / "splits.mat", {"trainNdxs": numbers[:795], "testNdxs": numbers[795:]})
    return root


def write_imagenet(folder: Path) -> Path:
    """Write ImageNet's training images, one folder per class."""
    root, classes = folder / "imagenet", 1000
    if not root.is_dir():
        (root / "train").mkdir(parents=True)
        for number in range(classes):
            place = root / "train" / f"n{number:08d}"
            place.mkdir()
            first = place / f"n{number:08d}_0.JPEG"
            cv2.imwrite(str(first.with_suffix(".jpg")), np.zeros((8, 8, 3), np.uint8))
            first.with_suffix(".jpg").rename(first)
            for image in range(1, len(range(number, IMAGENET_IMAGES, classes))):
                (place / f"n{number:08d}_{image}.JPEG").hardlink_to(first)
    return root
