"""A scene in memory: triangles with texture coordinates, textures, and the node each triangle belongs to."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Tuple, Union

import numpy as np

from mimic_core.foreign import foreign
from mimic_core.simulators.textures import Texture

FAR_FROM_ORIGIN = 1000.0  # metres: beyond this, a renderer's 32-bit floats are too coarse


@dataclass(frozen=True)
class Scene:
    """All triangles of a scene, in world coordinates: metres, y up.

    Attributes:
        name: the scene's name in messages.
        vertices: Vx3 float64.
        faces: Fx3 int64; counter-clockwise seen from outside.
        uv: Vx2 float32, texture coordinates as in glTF: (0, 0) is the top left corner.
        colours: Vx3 float32, multiplied with the texture.
        face_texture: F int64, index into ``textures``.
        face_instance: F uint32, the node's number, counted from 1.
        textures: textures of the faces; the first is plain white.
        instance_names: names of the nodes, the first is instance 1.
        remarks: notes on the scene, such as how many faces were left out.
    """

    name: str
    vertices: np.ndarray
    faces: np.ndarray
    uv: np.ndarray
    colours: np.ndarray
    face_texture: np.ndarray
    face_instance: np.ndarray
    textures: Tuple[Texture, ...]
    instance_names: Tuple[str, ...]
    remarks: Tuple[str, ...] = ()

    def face_normals(self) -> np.ndarray:
        """Return Fx3 float64 unit normals; 0 for faces without area."""
        corners = self.vertices[self.faces]
        normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
        units: np.ndarray = normals / np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-20)
        return units

    def centred(self) -> Tuple[Scene, np.ndarray]:
        """Return the scene moved to the origin if it lies far away, and the subtracted offset (3 float64) or 0."""
        low, high = self.vertices.min(axis=0), self.vertices.max(axis=0)
        if max(np.abs(low).max(), np.abs(high).max()) <= FAR_FROM_ORIGIN:
            return self, np.zeros(3)
        origin = np.round((low + high) / 2)
        return replace(self, vertices=self.vertices - origin), origin


def load_scene(source: Union[str, Path, bytes], *, up: str = "y") -> Scene:
    """Read a GLB file, or its bytes; ``up`` is the file's upward axis, ``y`` or ``z``.

    Raises:
        UnreadableError: the file is missing, not a GLB, damaged or too large, needs unsupported extensions, or has no
            triangles.
    """
    from mimic_core.simulators.cleaning import clean
    from mimic_core.simulators.glb import AGAIN, DAMAGED, read_glb
    from mimic_core.simulators.reader import SceneReader

    glb = read_glb(source)
    with foreign(DAMAGED, glb.name, AGAIN), np.errstate(all="ignore"):
        return clean(SceneReader(glb, up).scene())
