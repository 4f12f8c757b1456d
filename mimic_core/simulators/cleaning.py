"""Clean up scans: remove faces with invalid coordinates, and specks far away from everything else."""

from __future__ import annotations

from dataclasses import replace
from typing import List

import numpy as np

from mimic_core.kit.errors import UnreadableError
from mimic_core.simulators.base import fits
from mimic_core.simulators.scene import Scene

SPECKS_AREA, SPECKS_COUNT = 0.001, 0.01  # specks are at most this share of the area, or of the faces


def clean(scene: Scene) -> Scene:
    """Remove faces that cannot be shown and, if they make the scene too large, distant specks.

    Raises:
        UnreadableError: no face is left.
    """
    return without_specks(without_bad_faces(scene))


def without_bad_faces(scene: Scene) -> Scene:
    """Remove faces with corners that are not finite."""
    finite = np.asarray(np.isfinite(scene.vertices).all(axis=1))
    if finite.all():
        return scene
    good = np.asarray(finite[scene.faces].all(axis=1))
    if not good.any():
        what = "no face of this scene has coordinates that are numbers"
        raise UnreadableError(what, where=scene.name, remedy="export it again")
    vertices = np.where(finite[:, None], scene.vertices, scene.vertices[finite][0])
    text = removal_remark(len(good) - int(good.sum()), "with coordinates that are not numbers")
    return keep_faces(replace(scene, vertices=vertices), good, text)


def without_specks(scene: Scene) -> Scene:
    """Remove distant specks from a scene that is too large to walk through with them."""
    low, high = scene.vertices.min(axis=0), scene.vertices.max(axis=0)
    if fits(high - low):
        return scene
    corners = scene.vertices[scene.faces]
    area = np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1)
    for weights, share in ((area, SPECKS_AREA), (np.ones(len(area)), SPECKS_COUNT)):
        near = near_the_rest(corners, weights, share)
        if near.all() or weights[~near].sum() > share * weights.sum():
            continue
        chosen = corners[near].reshape(-1, 3)
        if fits(chosen.max(axis=0) - chosen.min(axis=0)):
            away = np.abs(corners[~near] - chosen.mean(axis=0)).max()
            text = removal_remark(int((~near).sum()), f"up to {away:,.0f} m away from all others")
            return keep_faces(scene, near, text)
    return scene


def near_the_rest(corners: np.ndarray, weights: np.ndarray, share: float) -> np.ndarray:
    """Return which faces (corners Fx3x3) lie in the box of nearly all weight, enlarged threefold about its centre."""
    middles = corners.mean(axis=1)
    near = np.ones(len(middles), bool)
    for axis in range(3):
        order = np.argsort(middles[:, axis], kind="stable")
        below = np.cumsum(weights[order])
        inside = (below >= share / 2 * below[-1]) & (below - weights[order] <= (1 - share / 2) * below[-1])
        bulk = corners[order[inside], :, axis]
        low, high = bulk.min(initial=np.inf), bulk.max(initial=-np.inf)
        room = max(high - low, 1.0)
        near &= ((corners[:, :, axis] >= low - room) & (corners[:, :, axis] <= high + room)).all(axis=1)
    return near


def keep_faces(scene: Scene, chosen: np.ndarray, remark: str) -> Scene:
    """Return the scene with only the chosen faces (F bool) and their vertices."""
    used, faces = np.unique(scene.faces[chosen], return_inverse=True)
    columns: List[str] = ["vertices", "uv", "colours"]
    return replace(
        scene,
        faces=faces.reshape(-1, 3),
        face_texture=scene.face_texture[chosen],
        face_instance=scene.face_instance[chosen],
        remarks=(*scene.remarks, remark),
        **{name: getattr(scene, name)[used] for name in columns},
    )


def removal_remark(count: int, which: str) -> str:
    """Return the remark on removed faces."""
    return f"{count:,} face{' ' if count == 1 else 's '}{which} {'was' if count == 1 else 'were'} left out"
