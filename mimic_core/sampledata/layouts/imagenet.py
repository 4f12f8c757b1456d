"""Pictures of single pieces of furniture in the layout of ImageNet's ILSVRC 2012 (O. Russakovsky et al., IJCV 2015)."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mimic_core.kit.errors import MimicError
from mimic_core.kit.files import atomic_folder
from mimic_core.kit.progress import Progress
from mimic_core.kit.seeding import generator
from mimic_core.sampledata.build.flat import flat_glb
from mimic_core.sampledata.film.pictures import write_jpeg
from mimic_core.sampledata.film.views import pose_towards
from mimic_core.sampledata.names import flat_names, shares, write_marker
from mimic_core.simulators import open_simulator
from mimic_core.simulators.embedded import EmbeddedSimulator

HFOV, SIDE = 55.0, 256  # degrees, pixels
# Pieces of a flat by class; no real WordNet id begins with n9.
CLASSES = {
    "n90000001": "bookcase",
    "n90000002": "cartons",
    "n90000003": "chair",
    "n90000004": "chest of drawers",
    "n90000005": "picture",
    "n90000006": "plant",
    "n90000007": "sofa",
    "n90000008": "window",
}
PER_FLAT = 3  # pictures of a class from a flat in one round
ROUNDS = 12  # most passes over all flats
DISTANCES = (0.7, 2.8)  # metres from the camera to the middle of a piece
EYE_HEIGHTS = (1.1, 1.6)  # metres
SMALLEST_SHARE, MIN_DEPTH = 0.1, 0.35  # share of the picture that the piece fills; metres, 5th percentile of depth
TRIES = 80  # positions drawn for one picture
SPREAD = 4.0  # degrees, deviation of the camera's aim


def write_imagenet(folder: str | Path, settings: Mapping[str, Any]) -> None:
    """Write pictures of furniture in the train and the test flats, each filling at least a tenth of its picture.

    ``train/<wnid>/<wnid>_<n>.JPEG``, ``val/<wnid>/ILSVRC2012_val_<8 digits>.JPEG`` (256x256) and
    ``LOC_synset_mapping.txt`` (wnid and name).

    Args:
        settings: ``seed``, ``flats``, ``class_images`` (``train``, ``test``).

    Raises:
        MimicError: the flats do not contain enough pieces of a class.
    """
    names, wanted = flat_names(settings), settings["class_images"]
    total = wanted["train"] + wanted["test"]
    with atomic_folder(folder) as temporary, Progress(total, "pictures of things") as progress:
        for split, part in (("train", "train"), ("test", "val")):
            missing = shares(wanted[split], list(CLASSES), "pictures of things")
            numbers = itertools.count(1)
            for wnid, rgb in pictures(names[split], missing, settings, split):
                number = next(numbers)
                stem = f"{wnid}_{number}" if part == "train" else f"ILSVRC2012_val_{number:08d}"
                write_jpeg(temporary / part / wnid / f"{stem}.JPEG", rgb)
                progress.step(note=CLASSES[wnid])
        mapping = "".join(f"{wnid} {name}\n" for wnid, name in CLASSES.items())
        (temporary / "LOC_synset_mapping.txt").write_text(mapping, encoding="utf-8")
        write_marker(temporary, settings, "ImageNet")


def pictures(
    flats: Sequence[str], wanted: Mapping[str, int], settings: Mapping[str, Any], split: str
) -> Iterator[tuple[str, np.ndarray]]:
    """Yield class and picture (HxWx3 uint8), as many of each class as wanted, flat by flat.

    If they have too few pieces of a class, further flats ``<name>-<round>`` are built, which are in no other split.
    """
    missing = dict(wanted)
    for turn, first in itertools.product(range(ROUNDS), flats):
        name = f"{first}-{turn}" if turn else first
        if not any(missing.values()):
            return
        with open_simulator(flat_glb(name, settings), resolution=SIDE, hfov=HFOV) as simulator:
            for wnid, piece in CLASSES.items():
                rng = generator(int(settings["seed"]), "view", "classification", name, piece)
                for rgb in itertools.islice(close_ups(simulator, piece, rng), min(PER_FLAT, missing.get(wnid, 0))):
                    missing[wnid] -= 1
                    yield wnid, rgb
    if any(missing.values()):
        lacking = ", ".join(f"{count} of {CLASSES[wnid]}" for wnid, count in missing.items() if count)
        remedy = "set fewer class_images or more flats"
        raise MimicError(f"pictures are missing: {lacking}", where=f"sample.flats.{split}", remedy=remedy)


def close_ups(simulator: EmbeddedSimulator, piece: str, rng: np.random.Generator) -> Iterator[np.ndarray]:
    """Yield one picture of each piece of this name, in random order, skipping pieces that cannot be seen well."""
    scene = simulator.scene
    nodes = [number for number, node in enumerate(scene.instance_names, 1) if node.partition(": ")[2] == piece]
    for node in rng.permutation(nodes):
        corners = scene.vertices[scene.faces[scene.face_instance == node]].reshape(-1, 3)
        centre = (corners.min(axis=0) + corners.max(axis=0)) / 2
        for _ in range(TRIES):
            feet = simulator.random_navigable_point(rng)
            eye = feet + np.array([0.0, rng.uniform(*EYE_HEIGHTS), 0.0])
            if not DISTANCES[0] < np.linalg.norm((centre - feet)[[0, 2]]) < DISTANCES[1]:
                continue
            view = simulator.render(pose_towards(eye, centre, rng, SPREAD))
            if (view.instances == node).mean() >= SMALLEST_SHARE and np.percentile(view.depth, 5) >= MIN_DEPTH:
                yield view.rgb
                break
