"""Where one can walk in a scene: a grid of floor cells with headroom, as Recast finds it for habitat-sim.

One storey: the floor is the most common height of walkable surfaces; stairs and other storeys are not walked on.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Tuple

import cv2
import numpy as np

from mimic_core.errors import UnreadableError

SAMPLES_AT_ONCE = 2_000_000  # points on surfaces held in memory together


@dataclass(frozen=True)
class Walker:
    """Size and abilities of who walks; radius, height, climb and slope are habitat-sim's defaults.

    Attributes:
        radius: distance kept from obstacles, metres.
        height: headroom needed, metres.
        climb: highest step, metres.
        slope: steepest floor, degrees.
        cell: side of a grid cell, metres.
    """

    radius: float = 0.1
    height: float = 1.5
    climb: float = 0.2
    slope: float = 45.0
    cell: float = 0.05


class WalkableGrid:
    """The walkable cells of a scene and the islands that they form.

    Args:
        vertices: Vx3, metres, y up.
        faces: Fx3 indices.
        walker: who walks.
        name: the scene, for the error.

    Attributes:
        floor: height of the storey's floor, metres.
        islands: (x cells) x (z cells) int32, the island that a cell belongs to, 0 where one cannot walk.
        clearance: the same shape, metres from a cell's centre to the nearest cell without floor or headroom.
        radii: radius of each island, metres; the first entry stands for no island.

    Raises:
        UnreadableError: there is nothing to walk on.
    """

    def __init__(self, vertices: np.ndarray, faces: np.ndarray, *, walker: Walker = Walker(), name: str = "") -> None:
        self.walker = walker
        self.low = vertices.min(axis=0)
        cells = np.ceil((vertices.max(axis=0) - self.low) / walker.cell).astype(int) + 1
        solid, level = self.voxels(vertices[faces], cells)
        headroom = self.headroom(solid)
        walkable = level & headroom
        columns = walkable.sum(axis=(0, 2))
        if not columns.any():
            raise UnreadableError(
                "this scene has no floor to walk on", where=name, remedy="check its upward axis (up: y or z) and scale"
            )
        storey = int(columns.argmax())
        self.floor = float(self.low[1] + (storey + 0.5) * walker.cell)
        step = int(walker.climb / walker.cell)
        near = walkable[:, max(0, storey - step) : storey + step + 1]
        ground = np.ascontiguousarray(near.any(axis=1)).astype(np.uint8)
        padded = np.pad(ground, 1)  # the scene's border is an obstacle, too
        distance = cv2.distanceTransform(padded, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)[1:-1, 1:-1]
        self.clearance = distance * walker.cell
        free = (self.clearance > walker.radius).astype(np.uint8)
        count, self.islands = cv2.connectedComponents(free, connectivity=4)
        if count < 2:
            raise UnreadableError(
                "the floor of this scene is nowhere wide enough to walk on", where=name, remedy="leave this scene out"
            )
        self.cells = np.argwhere(self.islands > 0)
        self.radii = np.array([0.0] + [self.radius_of(number) for number in range(1, count)])

    def voxels(self, triangles: np.ndarray, cells: np.ndarray) -> Tuple[np.ndarray, np.ndarray]:
        """Which voxels hold any surface, and which hold one flat enough to stand on: (x, y, z) bool arrays."""
        solid, level = np.zeros(cells, bool), np.zeros(cells, bool)
        normals = np.cross(triangles[:, 1] - triangles[:, 0], triangles[:, 2] - triangles[:, 0])
        area = np.linalg.norm(normals, axis=1)
        triangles, normals, area = triangles[area > 1e-12], normals[area > 1e-12], area[area > 1e-12]
        flat = normals[:, 1] / area > np.cos(np.radians(self.walker.slope))
        edge = np.linalg.norm(triangles - np.roll(triangles, 1, axis=1), axis=2).max(axis=1)
        divisions = np.ceil(edge / (self.walker.cell / 2)).astype(int)
        triangles = (triangles - self.low) / self.walker.cell + 1e-6
        strides = np.array([cells[1] * cells[2], cells[2], 1])
        for count in np.unique(divisions):
            first, second = np.meshgrid(np.arange(count + 1), np.arange(count + 1), indexing="ij")
            inside = first + second <= count
            share = np.stack([count - first[inside] - second[inside], first[inside], second[inside]]) / count
            chosen = np.flatnonzero(divisions == count)
            pieces = -(-len(chosen) * share.shape[1] // SAMPLES_AT_ONCE)
            for part in np.array_split(chosen, pieces):
                voxel = np.minimum((share.T @ triangles[part]).astype(np.int32), cells - 1)
                index = voxel @ strides
                solid.reshape(-1)[index] = True
                level.reshape(-1)[index[flat[part]]] = True
        return solid, level

    def headroom(self, solid: np.ndarray) -> np.ndarray:
        """Whether the voxels above each one are free up to the walker's height."""
        tall = int(np.ceil(self.walker.height / self.walker.cell))
        below = np.cumsum(np.pad(solid, ((0, 0), (1, tall), (0, 0))), axis=1, dtype=np.int32)
        levels = solid.shape[1]
        return below[:, tall : tall + levels] == below[:, 1 : 1 + levels]

    def radius_of(self, island: int) -> float:
        """The greatest distance of an island's cells from their centroid, metres."""
        cells = np.argwhere(self.islands == island) * self.walker.cell
        return float(np.linalg.norm(cells - cells.mean(axis=0), axis=1).max())

    def cell_of(self, point: np.ndarray) -> Tuple[int, int]:
        """The grid cell below a point; it may lie outside the grid."""
        x, z = np.floor((np.asarray(point)[[0, 2]] - self.low[[0, 2]]) / self.walker.cell).astype(int)
        return int(x), int(z)

    def island_at(self, point: np.ndarray) -> int:
        """The island below a point, 0 for none."""
        x, z = self.cell_of(point)
        inside = 0 <= x < self.islands.shape[0] and 0 <= z < self.islands.shape[1]
        return int(self.islands[x, z]) if inside else 0

    def island_radius(self, point: np.ndarray) -> float:
        """Radius of the island below a point, metres; 0 where one cannot walk."""
        return float(self.radii[self.island_at(point)])

    def point_in(self, cell: np.ndarray, share: np.ndarray) -> np.ndarray:
        """The point on the floor at ``share`` (0..1 along x and z) of a cell."""
        x, z = self.low[[0, 2]] + (np.asarray(cell) + share) * self.walker.cell
        return np.array([x, self.floor, z])

    def random_point(self, rng: np.random.Generator) -> np.ndarray:
        """A point drawn uniformly from all walkable cells."""
        return self.point_in(self.cells[rng.integers(len(self.cells))], rng.uniform(0.01, 0.99, 2))

    def try_step(self, point: np.ndarray, displacement: np.ndarray) -> np.ndarray:
        """Move as far as the point's island goes; at its border slide along x or z. A point off the grid stays."""
        point, move = np.array(point, dtype=float), np.asarray(displacement, dtype=float) * [1.0, 0.0, 1.0]
        island = self.island_at(point)
        pieces = max(1, int(np.ceil(np.linalg.norm(move) / (self.walker.cell / 2))))
        step = move / pieces
        for _ in range(pieces if island else 0):
            for attempt in (step, step * [1, 0, 0], step * [0, 0, 1]):
                if attempt.any() and self.island_at(point + attempt) == island:
                    point = point + attempt
                    break
            else:
                break
        return point
