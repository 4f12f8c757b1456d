"""Draw the picture in docs/sample_world.md from the results of a run: views of each source, and samples of each task.

snakemake --cores all frames results/sample/receipts/{depth,normals,segmentation,pose,classification}.json
python docs/draw_sample_world.py results docs/sample_world.png
"""

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from mimic_core.finetune.layouts import ADE20K, CocoKeypoints, ImageNet, NYUv2, Taskonomy
from mimic_core.frames.views import decode_image
from mimic_core.kit.archive import read_at
from mimic_core.kit.files import atomic_path
from mimic_core.sources.registry import read_registry

Picture = NDArray[np.uint8]

COLUMNS, TILE, GAP, LABEL = 8, 112, 4, 136  # pictures in a row; pixels
INK = (25, 25, 25)
LIMBS = ((5, 7), (7, 9), (6, 8), (8, 10), (11, 13), (13, 15), (12, 14), (14, 16), (5, 6), (11, 12), (5, 11), (6, 12))


def spread(count: int, wanted: int = COLUMNS) -> list[int]:
    """Return evenly spaced numbers below ``count``."""
    return [int(number) for number in np.linspace(0, count - 1, wanted).round()]


def source_row(results: Path, source: str) -> Iterator[Picture]:
    """Yield views of a source, as the mining sees them."""
    for shard in sorted((results / "frames" / source).glob("*.tar"))[:1]:
        views = pd.read_parquet(shard.with_suffix(".views.parquet"))
        views = views[views["status"] == "ok"]
        with shard.open("rb") as stream:
            for row in views.iloc[spread(len(views))].itertuples():
                yield decode_image(read_at(stream, row.offset, row.size))


def depth_row(sample: Path) -> Iterator[Picture]:
    """Yield images of NYUv2, each followed by its depth; near is bright."""
    split = NYUv2(sample / "nyuv2", "train")
    seen = split.load(spread(len(split), COLUMNS // 2), TILE)
    for image, depth in zip(seen.images, seen.target[:, 0], strict=True):
        yield image
        near = np.clip(255 * (1 - depth / 7.0), 0, 255).astype(np.uint8)
        yield cv2.applyColorMap(near, cv2.COLORMAP_INFERNO)[..., ::-1]


def normals_row(sample: Path) -> Iterator[Picture]:
    """Yield images of Taskonomy, each followed by its normals."""
    split = Taskonomy(sample / "taskonomy", "train")
    seen = split.load(spread(len(split), COLUMNS // 2), TILE)
    for image, normals in zip(seen.images, seen.target, strict=True):
        yield image
        yield np.clip(255 * normals.transpose(1, 2, 0), 0, 255).astype(np.uint8)


def segmentation_row(sample: Path) -> Iterator[Picture]:
    """Yield images of ADE20K, each followed by its classes, one colour per class."""
    split = ADE20K(sample / "ade20k", "train")
    seen = split.load(spread(len(split), COLUMNS // 2), TILE)
    colours = np.random.default_rng(5).integers(40, 256, (256, 3)).astype(np.uint8)
    for image, classes in zip(seen.images, seen.labels, strict=True):
        yield image
        yield np.where((classes == 255)[..., None], 0, colours[classes]).astype(np.uint8)


def pose_row(sample: Path) -> Iterator[Picture]:
    """Yield people of COCO with their joints; hidden joints are dark."""
    split = CocoKeypoints(sample / "coco", "train")
    seen = split.load(spread(len(split)), 2 * TILE)
    for image, joints in zip(seen.images, seen.keypoints, strict=True):
        drawn = np.ascontiguousarray(image)
        places = [(int(x), int(y)) for x, y in joints[:, :2]]
        for one, other in LIMBS:
            if joints[one, 2] and joints[other, 2]:
                cv2.line(drawn, places[one], places[other], (255, 220, 60), 3, cv2.LINE_AA)
        for place, label in zip(places, joints[:, 2], strict=True):
            if label:
                cv2.circle(drawn, place, 5, (40, 230, 90) if label == 2 else (90, 20, 20), -1, cv2.LINE_AA)
        yield drawn


def classes_row(sample: Path) -> Iterator[Picture]:
    """Yield one image of each class."""
    split = ImageNet(sample / "imagenet", "train")
    first = [int(np.flatnonzero(split.labels == number)[0]) for number in range(min(COLUMNS, len(split.wnids)))]
    yield from split.load(first, TILE).images


TASKS = {
    "NYUv2": depth_row,
    "Taskonomy": normals_row,
    "ADE20K": segmentation_row,
    "COCO": pose_row,
    "ImageNet": classes_row,
}


def main(argv: Sequence[str] | None = None) -> None:
    """Write the picture."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("results", type=Path)
    parser.add_argument("out", type=Path)
    arguments = parser.parse_args(argv)
    rows = {
        entry.dataset: list(source_row(arguments.results, entry.name))
        for entry in read_registry().values()
        if entry.in_paper
    }
    rows |= {name: list(row(arguments.results / "sample")) for name, row in TASKS.items()}
    figure = Image.new("RGB", (LABEL + COLUMNS * (TILE + GAP), len(rows) * (TILE + GAP) + GAP), "white")
    draw, font = ImageDraw.Draw(figure), ImageFont.load_default(15)
    for number, (name, pictures) in enumerate(rows.items()):
        top = GAP + number * (TILE + GAP)
        label = name.replace("Challenge", "\nChallenge")
        draw.text((2, top + TILE // 2), label, INK, font, anchor="lm")
        for column, picture in enumerate(pictures):
            small = Image.fromarray(picture).resize((TILE, TILE), Image.Resampling.LANCZOS)
            figure.paste(small, (LABEL + column * (TILE + GAP), top))
    with atomic_path(arguments.out) as temporary:
        figure.quantize(256, dither=Image.Dither.FLOYDSTEINBERG).save(temporary, "PNG", optimize=True)


if __name__ == "__main__":
    main()
