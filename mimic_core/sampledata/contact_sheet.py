"""A picture of the sample world: views, their depth and normals, and a strip of a walkthrough.

``python -m mimic_core.sampledata.contact_sheet docs/sample_world.png`` writes the one that the documentation shows.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from mimic_core.files import atomic_path
from mimic_core.sampledata.flat import flat_glb
from mimic_core.sampledata.taskonomy import encode_normals
from mimic_core.sampledata.views import random_views
from mimic_core.sampledata.walkthrough import FPS, HFOV, SIZE, camera_poses
from mimic_core.seeding import generator
from mimic_core.simulators import View, open_simulator

COLUMNS, TILE, GAP = 7, 112, 3  # pictures in a row; pixels
FARTHEST = 7.0  # metres: the darkest depth


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
    sheet = contact_sheet({"seed": arguments.seed})
    with atomic_path(arguments.out) as temporary:
        temporary.write_bytes(cv2.imencode(".png", sheet[..., ::-1], [cv2.IMWRITE_PNG_COMPRESSION, 9])[1].tobytes())


if __name__ == "__main__":
    main()
