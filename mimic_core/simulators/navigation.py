"""The walkable area of a scene: a grid of floor cells with headroom, like the one that Recast finds for habitat-sim.

The main storey is the most common height of walkable surfaces. If stairs or ramps lead on, or there are other floors of
4 square metres or more, each cell has its own height (:mod:`storeys`). The same holds for a scene that comes with a
navigation mesh, which is used unchanged (:mod:`navmesh`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Optional, Tuple

import cv2
import numpy as np

from mimic_core.kit.errors import UnreadableError
from mimic_core.simulators.base import CELL, fits, format_extent, not_in_metres
from mimic_core.simulators.storeys import Layers, keep_storeys

SAMPLES_AT_ONCE = 2_000_000  # surface points held in memory at once
MOST_SAMPLES = 2_000_000_000  # surface points in total, which take minutes
LONGEST_EDGE = 50.0  # metres; triangles with longer edges are subdivided before sampling


@dataclass(frozen=True)
class Walker:
    """Size and abilities of the walker; radius, height, climb and slope are habitat-sim's defaults.

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
    cell: float = CELL


class WalkableGrid:
    """The walkable cells of a scene and the islands that they form.

    Args:
        vertices: Vx3, metres, y up.
        faces: Fx3 indices.
        walker: the walker.
        name: the scene's name, for errors.
        navmesh: Tx3x3, triangles of the navigation mesh if the scene comes with one; metres, y up.

    Attributes:
        floor: height of the main storey's floor, metres.
        islands: (x cells) x (z cells) int32, the island of each cell of the main storey, 0 for cells that are not
            walkable.
        clearance: the same shape, metres from a cell's centre to the nearest cell without floor or headroom.
        cells: Nx2 or, with several storeys, Nx3: (x, z) or (x, y, z) of every walkable cell.
        layers: cells of all storeys; None if there is only the main storey, whose floor is then treated as flat.
        radii: horizontal radius of each island, metres; the first entry stands for no island.

    Raises:
        UnreadableError: there is nothing to walk on, or the scene is too large to be in metres.
    """

    def __init__(
        self,
        vertices: np.ndarray,
        faces: np.ndarray,
        *,
        walker: Walker = Walker(),
        name: str = "",
        navmesh: Optional[np.ndarray] = None,
    ) -> None:
        self.walker, self.name = walker, name
        if navmesh is not None:  # it may extend beyond the scene's surfaces, such as onto a balcony
            vertices = np.concatenate([vertices, navmesh.reshape(-1, 3)])
        self.low = vertices.min(axis=0)
        self.layers: Optional[Layers] = None
        extent = vertices.max(axis=0) - self.low
        if not fits(extent, walker.cell):
            raise not_in_metres(extent, name)
        cells = np.ceil((vertices.max(axis=0) - self.low) / walker.cell).astype(int) + 1
        # memory pages of a large grid without surfaces are never written and so never allocated
        if navmesh is None:
            solid, walkable = self.voxels(vertices[faces], cells)
            x, y, z = np.unravel_index(np.flatnonzero(walkable), walkable.shape)
            good = self.headroom(solid, x, y, z)
        else:
            walkable = self.voxels(navmesh, cells)[0]
            x, y, z = np.unravel_index(np.flatnonzero(walkable), walkable.shape)
            good = (y == 0) | ~walkable[x, y - 1, z]  # only the lowest voxel of a slope in each column
        walkable[x[~good], y[~good], z[~good]] = False
        columns = np.bincount(y[good], minlength=cells[1])
        if not columns.any():
            what = f"this scene, {format_extent(extent)}, has no floor to walk on"
            raise UnreadableError(what, where=name, remedy="check its upward axis (up: y or z) and its unit (metres)")
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
        self.count = count - 1
        self.cells = np.argwhere(self.islands > 0)
        layers = Layers(walkable, step, 0.0 if navmesh is not None else walker.radius / walker.cell)
        if navmesh is not None or (len(layers.cells) and keep_storeys(layers, storey, step, walker.cell)):
            self.use_layers(layers, storey, step)
        elif count < 2:
            what = f"the floor of this scene, {format_extent(extent)}, is nowhere wide enough to walk on"
            raise UnreadableError(what, where=name, remedy="check its unit (metres), or leave this scene out")
        self.radii = np.array([0.0] + [self.radius_of(number) for number in range(1, self.count + 1)])

    def use_layers(self, layers: Layers, storey: int, step: int) -> None:
        """Make the cells of all storeys walkable."""
        self.layers, self.cells, self.count = layers, layers.cells, int(layers.islands.max())
        x, y, z = layers.cells.T
        main = np.abs(y - storey) <= step
        self.islands = np.zeros_like(self.islands)
        self.islands[x[main], z[main]] = layers.islands[main]

    def voxels(self, triangles: np.ndarray, cells: np.ndarray) -> Tuple[np.ndarray, np.ndarray]:
        """Return which voxels hold any surface, and which hold one flat enough to stand on: (x, y, z) bool arrays."""
        solid, level = np.zeros(cells, bool), np.zeros(cells, bool)
        triangles = subdivided(triangles, LONGEST_EDGE)
        normals = np.cross(triangles[:, 1] - triangles[:, 0], triangles[:, 2] - triangles[:, 0])
        area = np.linalg.norm(normals, axis=1)
        triangles, normals, area = triangles[area > 1e-12], normals[area > 1e-12], area[area > 1e-12]
        flat = normals[:, 1] / area > np.cos(np.radians(self.walker.slope))
        edge = np.linalg.norm(triangles - np.roll(triangles, 1, axis=1), axis=2).max(axis=1)
        divisions = np.ceil(edge / (self.walker.cell / 2)).astype(int)
        if (samples := float(((divisions + 1.0) * (divisions + 2.0) / 2).sum())) > MOST_SAMPLES:
            what = f"this scene needs {samples:,.0f} surface points; at most {MOST_SAMPLES:,} are computed"
            raise UnreadableError(what, where=self.name, remedy="cut it into pieces, or leave it out")
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

    def headroom(self, solid: np.ndarray, x: np.ndarray, y: np.ndarray, z: np.ndarray) -> np.ndarray:
        """Return whether the voxels above each place (N indices each) are free up to the walker's height."""
        free, voxels, levels, row = np.ones(len(x), bool), solid.reshape(-1), solid.shape[1], solid.shape[2]
        here = (x * levels + y) * row + z
        for above in range(1, int(np.ceil(self.walker.height / self.walker.cell))):
            inside = y + above < levels
            free &= ~(voxels[np.where(inside, here + above * row, 0)] & inside)
        return free

    def radius_of(self, island: int) -> float:
        """Return the greatest distance of an island's cells from their centroid, metres."""
        cells = np.argwhere(self.islands == island)
        if self.layers is not None:
            cells = self.layers.cells[self.layers.islands == island][:, [0, 2]]
        places = cells * self.walker.cell
        return float(np.linalg.norm(places - places.mean(axis=0), axis=1).max())

    def cell_of(self, point: np.ndarray) -> Tuple[int, int]:
        """Return the grid cell below a point, which may lie outside the grid."""
        x, z = np.floor((np.asarray(point)[[0, 2]] - self.low[[0, 2]]) / self.walker.cell).astype(int)
        return int(x), int(z)

    def island_at(self, point: np.ndarray) -> int:
        """Return the island below a point, 0 for none; with several storeys, that of the floor within one step."""
        if self.layers is not None:
            index = self.layer_cell(self.layers, point)
            return int(self.layers.islands[index]) if index >= 0 else 0
        x, z = self.cell_of(point)
        inside = 0 <= x < self.islands.shape[0] and 0 <= z < self.islands.shape[1]
        return int(self.islands[x, z]) if inside else 0

    def layer_cell(self, layers: Layers, point: np.ndarray) -> int:
        """Return the index in ``layers`` of the cell that a point stands on, -1 for none."""
        level = (float(point[1]) - self.low[1]) / self.walker.cell - 0.5
        return layers.nearest(*self.cell_of(point), level, self.walker.climb / self.walker.cell + 1e-6)

    def island_radius(self, point: np.ndarray) -> float:
        """Return the radius of the island below a point, metres; 0 if the point is not walkable."""
        return float(self.radii[self.island_at(point)])

    def point_in(self, cell: np.ndarray, share: np.ndarray) -> np.ndarray:
        """Return the point on the floor at ``share`` (0..1 along x and z) of a cell."""
        x, z = self.low[[0, 2]] + (np.asarray(cell)[[0, -1]] + share) * self.walker.cell
        return np.array([x, self.floor if len(cell) == 2 else self.height(cell[1]), z])

    def height(self, level: int) -> float:
        """Return the floor height of a voxel level, metres."""
        return float(self.low[1] + (level + 0.5) * self.walker.cell)

    def random_point(self, rng: np.random.Generator) -> np.ndarray:
        """Draw a point uniformly from all walkable cells."""
        return self.point_in(self.cells[rng.integers(len(self.cells))], rng.uniform(0.01, 0.99, 2))

    def try_step(self, point: np.ndarray, displacement: np.ndarray) -> np.ndarray:
        """Move as far as the point's island reaches, sliding along x or z at its border; a point off the grid stays.

        With several storeys the point follows the floor up and down.
        """
        point, move = np.array(point, dtype=float), np.asarray(displacement, dtype=float) * [1.0, 0.0, 1.0]
        island = self.island_at(point)
        pieces = max(1, int(np.ceil(np.linalg.norm(move) / (self.walker.cell / 2))))
        step = move / pieces
        for _ in range(pieces if island else 0):
            for attempt in (step, step * [1, 0, 0], step * [0, 0, 1]):
                if attempt.any() and self.island_at(point + attempt) == island:
                    point = point + attempt
                    if self.layers is not None:
                        point[1] = self.height(self.layers.cells[self.layer_cell(self.layers, point), 1])
                    break
            else:
                break
        return point


def subdivided(triangles: np.ndarray, longest: float) -> np.ndarray:
    """Cut triangles (Tx3x3) with an edge over ``longest`` into four, until none is left."""
    done = []
    while len(triangles):
        edge = np.linalg.norm(triangles - np.roll(triangles, 1, axis=1), axis=2).max(axis=1)
        done.append(triangles[edge <= longest])
        large = triangles[edge > longest]
        middles = (large + np.roll(large, -1, axis=1)) / 2
        corners = [np.stack([large[:, k], middles[:, k], middles[:, k - 1]], axis=1) for k in range(3)]
        triangles = np.concatenate([*corners, middles])
    return np.concatenate(done) if done else triangles
