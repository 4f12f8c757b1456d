"""Ground-truth correspondences between two rendered views, computed from depth maps and camera poses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mimic_core.pairs import GRID, IMAGE_SIZE, PATCH_SIZE, PATCHES

OCCLUSION_TOLERANCE = 0.03  # relative difference of depth above which a point is occluded in the other view

Positions = NDArray[np.float64]


@dataclass(frozen=True)
class Shot:
    """A rendered view with its ground truth.

    Attributes:
        image: (224, 224, 3) uint8 RGB.
        depth: (224, 224) metres along the viewing axis; 0 where there is no surface.
        instances: (224, 224), number of the object at each pixel.
        pose: 4x4, camera to world; the camera looks along its -z axis, y up.
        focal: focal length in pixels.
    """

    image: NDArray[np.uint8]
    depth: NDArray[np.float32]
    instances: NDArray[np.uint32]
    pose: NDArray[np.float64]
    focal: float


def true_positions(first: Shot, second: Shot, moved: Mapping[int, NDArray[np.float64]] | None = None) -> Positions:
    """Project each pixel of ``first`` into ``second``: (224, 224, 2), x and y in pixels; NaN where it is not visible.

    Pixel centres have integer coordinates, as OpenCV's keypoints do.

    Args:
        moved: displacement (metres, x y z) of each object that moved between the shots, by instance number.
    """
    world = unproject(first)
    for instance, shift in (moved or {}).items():
        world[first.instances == instance] += shift
    inverse = np.linalg.inv(second.pose)
    camera = world @ inverse[:3, :3].T + inverse[:3, 3]
    ahead = -camera[..., 2]
    with np.errstate(divide="ignore", invalid="ignore"):
        x = second.focal * camera[..., 0] / ahead + (IMAGE_SIZE - 1) / 2
        y = -second.focal * camera[..., 1] / ahead + (IMAGE_SIZE - 1) / 2
    with np.errstate(invalid="ignore"):
        inside = (first.depth > 0) & (ahead > 0) & (x >= 0) & (x <= IMAGE_SIZE - 1) & (y >= 0) & (y <= IMAGE_SIZE - 1)
    column, row = (np.where(inside, value, 0).round().astype(int) for value in (x, y))
    seen = inside & (np.abs(second.depth[row, column] - ahead) < OCCLUSION_TOLERANCE * np.abs(ahead))
    return np.where(seen[..., None], np.stack([x, y], axis=-1), np.nan)


def unproject(shot: Shot) -> Positions:
    """Return the world point of each pixel: (224, 224, 3), metres."""
    centre = (IMAGE_SIZE - 1) / 2
    y, x = np.mgrid[:IMAGE_SIZE, :IMAGE_SIZE]
    depth = shot.depth.astype(float)
    camera = np.stack([(x - centre) / shot.focal * depth, -(y - centre) / shot.focal * depth, -depth], axis=-1)
    return camera @ shot.pose[:3, :3].T + shot.pose[:3, 3]


def covisibility(positions: Positions) -> float:
    """Return the share of pixels that are visible in the other view."""
    return float(np.isfinite(positions[..., 0]).mean())


def patches_of(positions: Positions) -> Positions:
    """Group the positions by patch: (196, 256, 2)."""
    cut = positions.reshape(GRID, PATCH_SIZE, GRID, PATCH_SIZE, 2).swapaxes(1, 2)
    return cut.reshape(PATCHES, PATCH_SIZE * PATCH_SIZE, 2)


def true_patches(positions: Positions) -> NDArray[np.intp]:
    """Return the patch of the other view with most pixels of each patch: (196,), -1 where most are not visible."""
    places = patches_of(positions)
    seen = np.isfinite(places[..., 0])
    column, row = (np.where(seen, places[..., axis], 0) // PATCH_SIZE for axis in (0, 1))
    target = np.where(seen, row * GRID + column, PATCHES).astype(np.intp)
    votes = np.zeros((PATCHES, PATCHES + 1), np.intp)
    np.add.at(votes, (np.arange(PATCHES)[:, None], target), 1)
    winners = votes.argmax(axis=1)
    return np.where(winners == PATCHES, -1, winners)
