"""People's joints in the layout of COCO's person keypoints (T.-Y. Lin et al., ECCV 2014)."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from mimic_core.kit.errors import MimicError
from mimic_core.kit.files import atomic_folder
from mimic_core.kit.progress import Progress
from mimic_core.kit.seeding import generator
from mimic_core.sampledata.build.people import JOINTS, Person, flat_with_people
from mimic_core.sampledata.film.pictures import write_jpeg
from mimic_core.sampledata.film.views import pose_towards, some_flats
from mimic_core.sampledata.names import flat_names, shares, write_marker
from mimic_core.simulators import Rendering, Simulator, open_simulator

HFOV, SIDE = 65.0, 256  # degrees, pixels
PEOPLE = 4  # per flat
DISTANCES = (1.3, 3.5)  # metres from the camera to the main person
EYE_HEIGHTS = (1.0, 1.7)  # metres
SPREAD = 6.0  # degrees, deviation of the camera's aim
SMALLEST_SHARE, FEWEST_VISIBLE = 0.025, 6  # least share of the picture and joints that the main person shows
MIN_AREA = 30  # visible pixels of a person to be annotated
TRIES = 400  # positions drawn for one picture
FOLDERS = {"train": "train2017", "test": "val2017"}
OUTSIDE, HIDDEN, VISIBLE = 0, 1, 2  # COCO's visibility
# Largest distance in metres from a visible joint to the surface in front of it: small on the face, large in the trunk.
THICKNESS = np.array([0.04] * 3 + [0.07] * 2 + [0.14] * 2 + [0.09] * 4 + [0.18] * 2 + [0.11] * 4)
# Pairs of joints, counted from 1, to connect in drawings.
SKELETON = (
    *((16, 14), (14, 12), (17, 15), (15, 13), (12, 13), (6, 12), (7, 13), (6, 7), (6, 8), (7, 9)),
    *((8, 10), (9, 11), (2, 3), (1, 2), (1, 3), (2, 4), (3, 5), (4, 6), (5, 7)),
)


def write_coco(folder: str | Path, settings: Mapping[str, Any]) -> None:
    """Write pictures of people in the train and the test flats.

    ``train2017/000000000001.jpg``, ``val2017/...`` (256x256) and ``annotations/person_keypoints_{train,val}2017.json``:
    for each person with at least 30 visible pixels ``bbox`` (x, y, width, height), ``area`` and ``segmentation`` of the
    visible part, and ``keypoints``: 17 times x, y (pixels, integers at pixel centres) and visibility (0 outside the
    picture, 1 occluded, 2 visible).

    Args:
        settings: ``seed``, ``flats``, ``pose_images`` (``train``, ``test``).
    """
    names, wanted = flat_names(settings), settings["pose_images"]
    total = wanted["train"] + wanted["test"]
    image_id = 0
    with atomic_folder(folder) as temporary, Progress(total, "pictures of people") as progress:
        (temporary / "annotations").mkdir()
        for split, part in FOLDERS.items():
            images: list[dict[str, Any]] = []
            annotations: list[dict[str, Any]] = []
            flats = shares(wanted[split], some_flats(names[split], wanted[split]), "pictures of people")
            for name, count in flats.items():
                for view, found in people_views(name, count, settings):
                    image_id += 1
                    file = f"{image_id:012d}.jpg"
                    write_jpeg(temporary / part / file, view.rgb)
                    images.append({"id": image_id, "file_name": file, "height": SIDE, "width": SIDE})
                    for number, annotation in enumerate(found):
                        ids = {"id": 100 * image_id + number, "image_id": image_id, "category_id": 1, "iscrowd": 0}
                        annotations.append(ids | annotation)
                    progress.step(note=name)
            text = json.dumps(document(images, annotations), separators=(",", ":"))
            (temporary / "annotations" / f"person_keypoints_{part}.json").write_text(text, encoding="utf-8")
        write_marker(temporary, settings, "COCO keypoints")


def document(images: Sequence[dict[str, Any]], annotations: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return the content of an annotation file."""
    person = {"id": 1, "name": "person", "supercategory": "person", "keypoints": JOINTS, "skeleton": SKELETON}
    info = {"description": "MIMIC sample world in the layout of COCO 2017 person keypoints", "version": "1.0"}
    return {"info": info, "licenses": [], "images": images, "annotations": annotations, "categories": [person]}


def people_views(
    name: str, count: int, settings: Mapping[str, Any]
) -> Iterator[tuple[Rendering, list[dict[str, Any]]]]:
    """Yield ``count`` pictures of the people in a flat, each with the annotations of everyone visible.

    Raises:
        MimicError: nobody can be seen well from any position tried.
    """
    if not count:
        return
    glb, people = flat_with_people(name, settings, PEOPLE)
    with open_simulator(glb, resolution=SIDE, hfov=HFOV) as simulator:
        nodes = [node.partition(": ")[2] for node in simulator.scene.instance_names]
        numbers = [nodes.index(someone.pieces[0].name) + 1 for someone in people]
        for number in range(count):
            rng = generator(int(settings["seed"]), "view", "pose", name, number)
            view, pose = portrait(simulator, people, numbers, rng, name)
            found = [annotate(someone, view, pose, node) for someone, node in zip(people, numbers, strict=True)]
            yield view, [annotation for annotation in found if annotation]


def portrait(
    simulator: Simulator, people: Sequence[Person], numbers: Sequence[int], rng: np.random.Generator, where: str
) -> tuple[Rendering, np.ndarray]:
    """Take a picture of a person; return it and the camera's pose. ``numbers`` are the nodes of the people."""
    for _ in range(TRIES):
        index = int(rng.integers(len(people)))
        centre = people[index].joints.mean(axis=0)
        feet = simulator.random_navigable_point(rng)
        distance = np.linalg.norm((centre - feet)[[0, 2]])
        eye = feet + np.array([0.0, rng.uniform(*EYE_HEIGHTS), 0.0])
        if not DISTANCES[0] < distance < DISTANCES[1]:
            continue
        pose = pose_towards(eye, centre, rng, SPREAD)
        view = simulator.render(pose)
        if (view.instances == numbers[index]).mean() < SMALLEST_SHARE:
            continue
        if (keypoints(people[index].joints, view, pose)[:, 2] == VISIBLE).sum() >= FEWEST_VISIBLE:
            return view, pose
    raise MimicError("nobody can be seen well", where=where, remedy="change the seed")


def keypoints(joints: np.ndarray, view: Rendering, pose: np.ndarray) -> np.ndarray:
    """Project joints: (17, 3), x, y in pixels (integers at pixel centres) and visibility; zeros outside the picture."""
    height, width = view.depth.shape
    x, y, z = ((joints - pose[:3, 3]) @ pose[:3, :3]).T
    depth = np.maximum(-z, 1e-6)
    focal = width / 2 / np.tan(np.radians(HFOV) / 2)
    u, v = width / 2 + focal * x / depth - 0.5, height / 2 - focal * y / depth - 0.5
    column, row = (np.rint(np.clip(value, -9, 99999)).astype(int) for value in (u, v))
    inside = (-z > 0.05) & (column >= 0) & (column < width) & (row >= 0) & (row < height)
    seen = view.depth[row.clip(0, height - 1), column.clip(0, width - 1)]
    visibility = np.where(seen >= depth - THICKNESS, VISIBLE, HIDDEN)
    points = np.stack([u.round(2), v.round(2), visibility], axis=1)
    return np.where(inside[:, None], points, 0.0)


def annotate(someone: Person, view: Rendering, pose: np.ndarray, node: int) -> dict[str, Any] | None:
    """Return COCO's annotation of a person; None if hardly any of the person is visible."""
    mask = (view.instances == node).astype(np.uint8)
    area = int(mask.sum())
    if area < MIN_AREA:
        return None
    points = keypoints(someone.joints, view, pose)
    outlines, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    return {
        "bbox": [int(value) for value in cv2.boundingRect(mask)],
        "area": area,
        "segmentation": [outline.reshape(-1).tolist() for outline in outlines if len(outline) > 2],
        "keypoints": [int(value) if value == int(value) else float(value) for value in points.reshape(-1)],
        "num_keypoints": int((points[:, 2] > 0).sum()),
    }
