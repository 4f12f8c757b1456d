"""A picture of the sample world: views, their depth and normals, a strip of a walkthrough, and its raw data.

``python -m mimic_core.sampledata.contact_sheet docs/sample_world.png`` writes the one that the documentation shows.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import av
import cv2
import h5py
import numpy as np

from mimic_core.files import atomic_path
from mimic_core.frames.views import decode_image
from mimic_core.sampledata.flat import flat_glb
from mimic_core.sampledata.names import RAW, part
from mimic_core.sampledata.raw import write_source
from mimic_core.sampledata.taskonomy import encode_normals
from mimic_core.sampledata.views import random_views
from mimic_core.sampledata.walkthrough import FPS, HFOV, SIZE, camera_poses
from mimic_core.seeding import generator
from mimic_core.simulators import View, camera_pose, open_simulator
from mimic_core.sources.base import natural

COLUMNS, TILE, GAP = 7, 112, 3  # pictures in a row; pixels
FARTHEST = 7.0  # metres: the darkest depth
RAW_SETTINGS: dict[str, Any] = {
    "flats": {"matterport3d": 1, "mannequin": 1, "scannet": 2, "demon": 1},
    "objects": {"objectron": 4, "co3d": 1},
    "streets": {"count": 1, "targets": 1, "photos": COLUMNS},
    "video_seconds": {"mannequin": 14, "objectron": 2},
    "sequence_frames": {"scannet": 200, "co3d": 60},
    "demon_samples": 4,
    "camera": {},
}


def contact_sheet(settings: Mapping[str, Any]) -> np.ndarray:
    """Two rows of views, one of depths, one of normals, one of video frames a second apart: HxWx3 uint8."""
    views = [view for number in range(COLUMNS) for view in two_views(f"flat{number:03d}", settings)]
    rows = [
        [view.rgb for view in views[0::2]],
        [view.rgb for view in views[1::2]],
        [coloured(view.depth) for view in views[1::2]],
        [encode_normals(view.normals) for view in views[1::2]],
        strip("flat003", settings),
    ]
    lines = [np.hstack([framed(picture) for picture in row]) for row in rows]
    return np.vstack(lines)


def raw_sheet(settings: Mapping[str, Any]) -> np.ndarray:
    """A row of pictures for each raw layout that is not a plain flat, read back from what is written: HxWx3 uint8.

    The rows: Matterport3D (a house of two storeys), MannequinChallenge, Objectron, CO3D, ScanNet, DeMoN (as many
    groups as fit) and 3DStreetView (photos of one target).

    Args:
        settings: ``seed``.
    """
    small = {**RAW_SETTINGS, "seed": settings["seed"]}
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        for source in RAW_ROWS:
            write_source(source, root / source, {**part(small, *RAW[source].reads), "seed": small["seed"]})
        rows = [list(read(root / source)) for source, read in RAW_ROWS.items()]
    return np.vstack([np.hstack([framed(cropped(picture)) for picture in row[:COLUMNS]]) for row in rows])


def house_views(folder: Path) -> Iterator[np.ndarray]:
    """Views of a scene, every other one from the upper floor."""
    rng = generator(0, "contact sheet", "house")
    with open_simulator(next(folder.rglob("*.glb")).read_bytes(), resolution=(168, 224), hfov=80.0) as simulator:
        for number in range(COLUMNS):
            while True:
                feet = simulator.random_navigable_point(rng)
                view = simulator.render(camera_pose(feet + np.array([0, 1.5, 0]), rng.uniform(0, 360), -12.0))
                if (feet[1] > 1.0) == bool(number % 2) and np.median(view.depth) > 1.3:
                    break
            yield view.rgb


def video_frames(folder: Path) -> Iterator[np.ndarray]:
    """Frames of a folder's videos, evenly spread."""
    files = sorted(path for path in folder.rglob("*") if path.suffix.lower() in (".mp4", ".mov"))
    for file in files:
        with av.open(str(file)) as container:
            frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
        yield from (frames[at] for at in np.linspace(0, len(frames) - 1, COLUMNS // len(files) + 1).astype(int))


def photos(folder: Path) -> Iterator[np.ndarray]:
    """A folder's JPEGs, evenly spread."""
    files = sorted(folder.rglob("*.jpg"), key=natural)
    for at in np.linspace(0, len(files) - 1, COLUMNS).astype(int):
        yield decode_image(files[at].read_bytes())


def groups(folder: Path) -> Iterator[np.ndarray]:
    """The views of the first samples of an HDF5 file."""
    with h5py.File(folder / "rooms.h5", "r") as file:
        for sample in sorted(file):
            for view in file[sample]["frames/t0"].values():
                yield decode_image(view["image"][()].tobytes())


RAW_ROWS: dict[str, Callable[[Path], Iterator[np.ndarray]]] = {
    "matterport3d": house_views,
    "mannequin": video_frames,
    "objectron": video_frames,
    "co3d": photos,
    "scannet": photos,
    "demon": groups,
    "3dstreetview": photos,
}


def cropped(picture: np.ndarray) -> np.ndarray:
    """The picture at 4 to 3, from its top."""
    return picture[: round(picture.shape[1] * 3 / 4)]


def two_views(name: str, settings: Mapping[str, Any]) -> list[View]:
    """Two views of one flat."""
    return list(random_views(name, 2, settings, purpose="contact sheet", resolution=TILE * 2, hfov=80.0))


def strip(name: str, settings: Mapping[str, Any]) -> list[np.ndarray]:
    """Frames of a walkthrough, a second apart."""
    with open_simulator(flat_glb(name, settings), resolution=SIZE, hfov=HFOV) as simulator:
        poses = camera_poses(simulator.grid, COLUMNS * FPS, generator(int(settings["seed"]), "walkthrough", name))
        return [simulator.render_rgb(pose) for pose in poses[::FPS]]


def coloured(depth: np.ndarray) -> np.ndarray:
    """A depth map in colours, near is bright: HxWx3 uint8."""
    near = np.clip(255 * (1 - depth / FARTHEST), 0, 255).astype(np.uint8)
    return np.ascontiguousarray(cv2.applyColorMap(near, cv2.COLORMAP_INFERNO)[..., ::-1])


def framed(picture: np.ndarray) -> np.ndarray:
    """A picture shrunk to the width of a tile, with a white edge."""
    height = round(TILE * picture.shape[0] / picture.shape[1])
    small = cv2.resize(picture, (TILE, height), interpolation=cv2.INTER_AREA)
    return cv2.copyMakeBorder(small, GAP, GAP, GAP, GAP, cv2.BORDER_CONSTANT, value=(255, 255, 255))


def main(argv: Sequence[str] | None = None) -> None:
    """Write the contact sheet."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args(argv)
    settings = {"seed": arguments.seed}
    sheet = np.vstack([contact_sheet(settings), raw_sheet(settings)])
    with atomic_path(arguments.out) as temporary:
        temporary.write_bytes(cv2.imencode(".png", sheet[..., ::-1], [cv2.IMWRITE_PNG_COMPRESSION, 9])[1].tobytes())


if __name__ == "__main__":
    main()
