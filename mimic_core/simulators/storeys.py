"""Walkable cells on several storeys, linked wherever a walker can step from one cell to the next."""

from __future__ import annotations

from typing import Tuple

import numpy as np

MINIMAL_AREA = 4.0  # square metres: smaller surfaces off the main storey are taken for furniture


class Layers:
    """Walkable cells at all heights, except those too close to an edge, and the islands that they form.

    Args:
        walkable: (x, y, z) bool, voxels to stand on, with headroom above.
        step: largest height difference between neighbouring cells, voxels.
        reach: distance kept from edges and obstacles, cells.

    Attributes:
        cells: Nx3 int64, voxel (x, y, z) of each free cell, sorted by x, z, y.
        islands: N int64, the island of each free cell, counted from 1 in the order of their first cells.
    """

    def __init__(self, walkable: np.ndarray, step: int, reach: float) -> None:
        from scipy.sparse import coo_matrix
        from scipy.sparse.csgraph import connected_components

        x, z, y = np.nonzero(walkable.transpose(0, 2, 1))
        self.cells = np.stack([x, y, z], axis=1)
        # headroom keeps a column's cells apart, so each offset has at most one neighbour
        self.index(walkable.shape)
        side = int(reach)
        free = np.ones(len(self.cells), bool)
        for dx in range(-side, side + 1):
            for dz in range(-side, side + 1):
                if 0 < np.hypot(dx, dz) <= reach:
                    free &= self.neighbours(dx, dz, step * (abs(dx) + abs(dz))) >= 0
        self.cells = self.cells[free]
        self.index(walkable.shape)
        ends = [self.neighbours(1, 0, step), self.neighbours(0, 1, step)]
        starts = [np.flatnonzero(end >= 0) for end in ends]
        rows, columns = np.concatenate(starts), np.concatenate([end[end >= 0] for end in ends])
        links = coo_matrix((np.ones(len(rows), bool), (rows, columns)), shape=(len(self.cells),) * 2)
        labels = connected_components(links, directed=False)[1]
        _, first, inverse = np.unique(labels, return_index=True, return_inverse=True)
        self.islands = np.argsort(np.argsort(first))[inverse] + 1 if len(labels) else labels

    def index(self, shape: Tuple[int, ...]) -> None:
        """Index the cells by column; a column's cells are adjacent, from the lowest to the highest."""
        self.shape = (int(shape[0]), int(shape[2]))
        column = self.cells[:, 0] * self.shape[1] + self.cells[:, 2]
        self.start = np.searchsorted(column, np.arange(self.shape[0] * self.shape[1] + 1))

    def neighbours(self, dx: int, dz: int, step: int) -> np.ndarray:
        """Return N indices of the cells at an offset with at most ``step`` voxels of height difference; -1 for none."""
        x, z, y = self.cells[:, 0] + dx, self.cells[:, 2] + dz, self.cells[:, 1]
        inside = (x >= 0) & (x < self.shape[0]) & (z >= 0) & (z < self.shape[1])
        column = np.where(inside, x * self.shape[1] + z, 0)
        found, best = np.full(len(y), -1), np.full(len(y), step + 1)
        at, end = self.start[column], np.where(inside, self.start[column + 1], 0)
        while (at < end).any():
            valid = at < end
            difference = np.where(valid, np.abs(self.cells[np.where(valid, at, 0), 1] - y), step + 1)
            nearer = difference < best
            found[nearer], best[nearer] = at[nearer], difference[nearer]
            at = at + 1
        return found

    def nearest(self, x: int, z: int, level: float, step: float) -> int:
        """Return the index of a column's cell nearest to a height (voxels, at most ``step`` away), -1 for none."""
        if not (0 <= x < self.shape[0] and 0 <= z < self.shape[1]):
            return -1
        column = x * self.shape[1] + z
        start, end = int(self.start[column]), int(self.start[column + 1])
        difference = np.abs(self.cells[start:end, 1] - level)
        if not len(difference) or difference.min() > step:
            return -1
        return start + int(difference.argmin())

    def keep_only(self, kept: np.ndarray) -> None:
        """Keep only the cells ``kept`` (N bool) and renumber the islands."""
        shape = (self.shape[0], 0, self.shape[1])
        self.cells = self.cells[kept]
        self.islands = np.unique(self.islands[kept], return_inverse=True)[1] + 1
        self.index(shape)


def keep_storeys(layers: Layers, storey: int, step: int, cell: float) -> bool:
    """Keep the main storey and other storeys that are large enough; return whether there are any others.

    Args:
        layers: all cells; cells of small islands away from the main storey are removed from it.
        storey: the main storey's voxel level; cells up to ``step`` above or below belong to it.
        step: voxels.
        cell: side of a cell, metres.
    """
    away = np.abs(layers.cells[:, 1] - storey) > step
    outside = np.bincount(layers.islands, weights=away) * cell**2
    large = outside[layers.islands] >= MINIMAL_AREA
    if not (away & large).any():
        return False
    layers.keep_only(~away | large)
    return True
