"""Semantic segmentation in the layout of ADE20K's scene parsing benchmark (B. Zhou et al., CVPR 2017): 150 classes."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mimic_core.kit.files import atomic_folder
from mimic_core.kit.progress import Progress
from mimic_core.kit.seeding import generator
from mimic_core.sampledata.build.people import flat_with_people
from mimic_core.sampledata.film.pictures import write_jpeg, write_labels
from mimic_core.sampledata.film.views import random_view, some_flats
from mimic_core.sampledata.names import flat_names, shares, write_marker
from mimic_core.simulators import Rendering, open_simulator

HFOV, SIDE = 75.0, 256  # degrees, pixels
PEOPLE = 3  # per flat
FOLDERS = {"train": ("training", "ADE_train"), "test": ("validation", "ADE_val")}
ROOT = "ADEChallengeData2016"

# First name of each of the 150 classes, in the order of the class numbers.
CLASSES = tuple(
    """wall|building|sky|floor|tree|ceiling|road|bed|windowpane|grass|cabinet|sidewalk|person|earth|door|table|
mountain|plant|curtain|chair|car|water|painting|sofa|shelf|house|sea|mirror|rug|field|armchair|seat|fence|desk|
rock|wardrobe|lamp|bathtub|railing|cushion|base|box|column|signboard|chest of drawers|counter|sand|sink|
skyscraper|fireplace|refrigerator|grandstand|path|stairs|runway|case|pool table|pillow|screen door|stairway|
river|bridge|bookcase|blind|coffee table|toilet|flower|book|hill|bench|countertop|stove|palm|kitchen island|
computer|swivel chair|boat|bar|arcade machine|hovel|bus|towel|light|truck|tower|chandelier|awning|streetlight|
booth|television receiver|airplane|dirt track|apparel|pole|land|bannister|escalator|ottoman|bottle|buffet|
poster|stage|van|ship|fountain|conveyer belt|canopy|washer|plaything|swimming pool|stool|barrel|basket|
waterfall|tent|bag|minibike|cradle|oven|ball|food|step|tank|trade name|microwave|pot|animal|bicycle|lake|
dishwasher|screen|blanket|sculpture|hood|sconce|vase|traffic light|tray|ashcan|fan|pier|crt screen|plate|
monitor|bulletin board|shower|radiator|glass|clock|flag""".replace("\n", "").split("|")
)

# ADE20K's names for the pieces of a flat; pieces whose name is a class are not listed, the rest have no class.
PIECES = {
    "north wall": "wall",
    "south wall": "wall",
    "west wall": "wall",
    "east wall": "wall",
    "door frame": "door",
    "window": "windowpane",
    "curtains": "curtain",
    "picture": "painting",
    "ceiling lamp": "light",
    "floor lamp": "lamp",
    "dining table": "table",
    "side table": "table",
    "bedside table": "table",
    "sideboard": "buffet",
    "kitchen units": "cabinet",
    "wall units": "cabinet",
    "fridge": "refrigerator",
    "washstand": "sink",
    "television": "television receiver",
    "cartons": "box",
    "books": "book",
}
SCENES = {
    "living": "living_room",
    "bedroom": "bedroom",
    "kitchen": "kitchen",
    "study": "office",
    "dining": "dining_room",
    "bath": "bathroom",
    "hall": "corridor",
}


def class_of(node: str) -> int:
    """Return the class (1..150) of a node of a flat, ``<room kind> <room>: <piece>``; 0 if it has none."""
    piece = re.sub(r" \d+$", "", node.partition(": ")[2])
    name = PIECES.get(piece, piece)
    return CLASSES.index(name) + 1 if name in CLASSES else 0


def write_ade20k(folder: str | Path, settings: Mapping[str, Any]) -> None:
    """Write views of the train and the test flats, with people in them, and the class of every pixel.

    Below ``ADEChallengeData2016/``: ``images/{training,validation}/ADE_{train,val}_00000001.jpg`` (256x256),
    ``annotations/{training,validation}/*.png`` (uint8: 0 other, 1..150 a class), ``objectInfo150.txt`` (number, share
    of pixels, number of images of each split that show it, name) and ``sceneCategories.txt``.

    Args:
        settings: ``seed``, ``flats``, ``segmentation_images`` (``train``, ``test``).
    """
    names, wanted = flat_names(settings), settings["segmentation_images"]
    total = wanted["train"] + wanted["test"]
    pixels, shown = np.zeros(151, np.int64), {split: np.zeros(151, np.int64) for split in FOLDERS}
    scenes: list[str] = []
    with atomic_folder(folder) as temporary, Progress(total, "class maps") as progress:
        root = temporary / ROOT
        for split, (part, prefix) in FOLDERS.items():
            number = 0
            flats = shares(wanted[split], some_flats(names[split], wanted[split]), "class maps")
            for name, count in flats.items():
                for view, labels, scene in labelled_views(name, count, settings):
                    number += 1
                    stem = f"{prefix}_{number:08d}"
                    write_jpeg(root / "images" / part / f"{stem}.jpg", view.rgb)
                    write_labels(root / "annotations" / part / f"{stem}.png", labels)
                    counts = np.bincount(labels.reshape(-1), minlength=151)
                    pixels += counts
                    shown[split] += counts > 0
                    scenes.append(f"{stem} {scene}")
                    progress.step(note=name)
        root.mkdir(exist_ok=True)
        (root / "sceneCategories.txt").write_text("".join(f"{line}\n" for line in scenes), encoding="utf-8")
        (root / "objectInfo150.txt").write_text(object_info(pixels, shown), encoding="utf-8")
        write_marker(temporary, settings, "ADE20K")


def labelled_views(name: str, count: int, settings: Mapping[str, Any]) -> Iterator[tuple[Rendering, np.ndarray, str]]:
    """Yield views of a flat, the class of every pixel (HxW uint8) and the kind of room that fills most of the view."""
    if not count:
        return
    glb, _ = flat_with_people(name, settings, PEOPLE)
    with open_simulator(glb, resolution=SIDE, hfov=HFOV) as simulator:
        nodes = simulator.scene.instance_names
        classes = np.array([0, *map(class_of, nodes)], np.uint8)
        rooms = np.array(["", *(node.split(" ")[0] for node in nodes)])
        for number in range(count):
            view = random_view(simulator, generator(int(settings["seed"]), "view", "segmentation", name, number), name)
            yield view, classes[view.instances], SCENES.get(most_common(rooms[view.instances]), "misc")


def most_common(values: np.ndarray) -> str:
    """Return the value that occurs most often."""
    found, counts = np.unique(values, return_counts=True)
    return str(found[counts.argmax()])


def object_info(pixels: np.ndarray, shown: Mapping[str, Sequence[int] | np.ndarray]) -> str:
    """Return the tab-separated table of classes; ``pixels`` and ``shown`` are counts by class, starting with other."""
    lines = ["Idx\tRatio\tTrain\tVal\tName"]
    labelled = max(int(pixels[1:].sum()), 1)
    for index, name in enumerate(CLASSES, 1):
        share = pixels[index] / labelled
        lines.append(f"{index}\t{share:.4f}\t{shown['train'][index]}\t{shown['test'][index]}\t{name}")
    return "\n".join(lines) + "\n"
