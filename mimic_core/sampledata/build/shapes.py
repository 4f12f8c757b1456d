"""Building blocks of a flat: textured patches, and pieces (a floor, a chair) made of them.

Coordinates are metres, y up. A piece is built around the origin with its foot at y = 0 and its front towards +z,
then moved into place with :meth:`Piece.placed`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache, partial

import numpy as np

from mimic_core.sampledata.build.materials import DENSITY, Paint

STANDS = 0.02  # metres; shapes that begin this close to y = 0 get no underside


@dataclass(frozen=True)
class Patch:
    """A one-sided surface with its own texture: a grid of points.

    Attributes:
        points: RxCx3, rows from top to bottom, columns from left to right as seen from the front.
        normals: RxCx3 unit vectors.
        s, t: C and R texture coordinates of the grid's columns and rows, 0 (left, top) to 1.
        size: width and height of the surface, metres; times ``density``, the texture's size.
        paint: painter of the texture.
        density: pixels per metre.
        open_cells: (R-1)x(C-1) bool, cells of the grid that are holes; None: no holes.
        shines: whether it ignores lighting (a lamp, a window).
    """

    points: np.ndarray
    normals: np.ndarray
    s: np.ndarray
    t: np.ndarray
    size: tuple[float, float]
    paint: Paint
    density: float = DENSITY
    open_cells: np.ndarray | None = None
    shines: bool = False

    def moved(self, turn: np.ndarray, by: np.ndarray) -> Patch:
        """Return the patch with its points, as rows, multiplied by ``turn`` (3x3) and shifted (metres)."""
        points, normals = self.points @ turn + by, self.normals @ turn
        return Patch(points, normals, self.s, self.t, self.size, self.paint, self.density, self.open_cells, self.shines)

    def faces(self) -> np.ndarray:
        """Return Fx3 indices into the flattened grid, counter-clockwise as seen from the front."""
        triangles = grid_faces(*self.points.shape[:2])
        if self.open_cells is not None:
            triangles = triangles[~self.open_cells]
        return triangles.reshape(-1, 3)

    def at(self, rows: int, columns: int) -> tuple[np.ndarray, np.ndarray]:
        """Sample points and normals at the cell centres of a rows x columns grid over the texture: NxMx3 each."""
        down, across = at_middles(rows, tuple(self.t.tolist())), at_middles(columns, tuple(self.s.tolist()))
        points, normals = (
            across @ (down @ grid.reshape(len(self.t), -1)).reshape(rows, -1, 3) for grid in (self.points, self.normals)
        )
        return points, normals / np.maximum(np.linalg.norm(normals, axis=-1, keepdims=True), 1e-9)


@lru_cache(256)  # a few shapes of grids are all that most patches have
def grid_faces(rows: int, columns: int) -> np.ndarray:
    """Return the two triangles of each cell of a grid: (R-1)x(C-1)x2x3 indices into the flattened grid."""
    index = np.arange(rows * columns).reshape(rows, columns)
    a, b, c, d = index[:-1, :-1], index[:-1, 1:], index[1:, :-1], index[1:, 1:]
    triangles = np.stack([np.stack([a, c, b], -1), np.stack([b, c, d], -1)], axis=2)
    triangles.flags.writeable = False
    return triangles


@lru_cache(1024)
def at_middles(count: int, knots: tuple[float, ...]) -> np.ndarray:
    """Return the matrix of linear interpolation between ``knots`` at the middles of ``count`` equal parts of 0..1."""
    matrix = interpolation((np.arange(count) + 0.5) / count, np.array(knots))
    matrix.flags.writeable = False
    return matrix


def interpolation(at: np.ndarray, knots: np.ndarray) -> np.ndarray:
    """Return the matrix of linear interpolation between ``knots`` (increasing) at the positions ``at``."""
    right = np.clip(np.searchsorted(knots, at, side="right"), 1, len(knots) - 1)
    share = (at - knots[right - 1]) / (knots[right] - knots[right - 1])
    matrix = np.zeros((len(at), len(knots)))
    matrix[np.arange(len(at)), right - 1] = 1 - share
    matrix[np.arange(len(at)), right] = share
    return matrix


def quad(
    top_left: Sequence[float] | np.ndarray,
    across: Sequence[float] | np.ndarray,
    down: Sequence[float] | np.ndarray,
    paint: Paint,
    *,
    density: float = DENSITY,
    shines: bool = False,
    holes: Iterable[tuple[float, float, float, float]] = (),
) -> Patch:
    """Make a flat rectangle, optionally with holes (left, top, right, bottom) in metres from its top left."""
    start, right, below = (np.asarray(vector, dtype=float) for vector in (top_left, across, down))
    width, height = math.sqrt(right @ right), math.sqrt(below @ below)
    s = t = np.array([0.0, 1.0])
    holes, open_cells = list(holes), None
    if holes:
        s = np.unique([0.0, 1.0] + [x / width for hole in holes for x in (hole[0], hole[2])])
        t = np.unique([0.0, 1.0] + [min(y / height, 1.0) for hole in holes for y in (hole[1], hole[3])])
        open_cells = np.zeros((len(t) - 1, len(s) - 1), bool)
        middle_s, middle_t = (s[1:] + s[:-1]) / 2 * width, (t[1:] + t[:-1]) / 2 * height
        for left, top, end, bottom in holes:
            open_cells |= ((middle_t > top) & (middle_t < bottom))[:, None] & ((middle_s > left) & (middle_s < end))
    points = start + t[:, None, None] * below + s[None, :, None] * right
    normal = below[[1, 2, 0]] * right[[2, 0, 1]] - below[[2, 0, 1]] * right[[1, 2, 0]]  # below x right
    normals = np.broadcast_to(normal / math.sqrt(normal @ normal), points.shape)
    return Patch(points, normals, s, t, (width, height), paint, density, open_cells, shines)


@dataclass(frozen=True)
class Piece:
    """A named object in a scene, built by chaining the methods below.

    Attributes:
        name: kind of object.
        patches: its surfaces.
        casts: whether it casts shadows and takes up floor space.
    """

    name: str
    patches: tuple[Patch, ...] = field(default=())
    casts: bool = True

    def with_patches(self, *patches: Patch) -> Piece:
        """Return the piece with more surfaces."""
        return replace(self, patches=self.patches + patches)

    def box(
        self,
        centre: tuple[float, float, float],
        size: tuple[float, float, float],
        paint: Paint,
        *,
        front: Paint | None = None,
        top: Paint | None = None,
        density: float = DENSITY,
        shines: bool = False,
    ) -> Piece:
        """Add a box: ``centre`` is (x, height of its bottom, z), ``size`` is (width, height, depth)."""
        w, h, d = size
        x, y, z = centre[0] - w / 2, centre[1], centre[2] - d / 2
        right, down, back = np.array([w, 0, 0]), np.array([0, -h, 0]), np.array([0, 0, d])
        low, high = np.array([x, y, z]), np.array([x, y + h, z])
        face = partial(quad, density=density, shines=shines)
        sides = [
            face(high + back, right, down, front or paint),
            face(high + right, -right, down, paint),
            face(high, back, down, paint),
            face(high + right + back, -back, down, paint),
            face(high, right, back, top or paint),
        ]
        if abs(y) > STANDS:
            sides.append(face(low + back, right, -back, paint))
        return self.with_patches(*sides)

    def cylinder(
        self,
        centre: tuple[float, float, float],
        radius: float,
        height: float,
        paint: Paint,
        *,
        top_radius: float | None = None,
        top: Paint | None = None,
        sides: int = 14,
        shines: bool = False,
    ) -> Piece:
        """Add an upright cylinder or cone; ``centre`` is (x, height of its bottom, z)."""
        upper = radius if top_radius is None else top_radius
        angle = np.linspace(0, 2 * np.pi, sides + 1)
        ring = np.stack([np.sin(angle), np.zeros_like(angle), np.cos(angle)], axis=1)
        foot = np.asarray(centre, dtype=float)
        points = np.stack([foot + np.array([0, height, 0]) + ring * upper, foot + ring * radius])
        lean = ring + np.array([0, (radius - upper) / height, 0])
        normals = np.broadcast_to(lean / np.linalg.norm(lean, axis=1, keepdims=True), points.shape)
        s, t = angle / (2 * np.pi), np.array([0.0, 1.0])
        patches = [Patch(points, normals, s, t, (np.pi * (radius + upper), height), paint, shines=shines)]
        for y, r, sign in ((height, upper, 1), (0.0, radius, -1)):
            if r > 0.01 and (sign > 0 or abs(centre[1]) > STANDS):
                patches.append(disc(foot + np.array([0, y, 0]), r, sign, top or paint, sides, shines))
        return self.with_patches(*patches)

    def ball(
        self,
        centre: tuple[float, float, float],
        radii: tuple[float, float, float],
        paint: Paint,
        *,
        sides: int = 14,
        shines: bool = False,
    ) -> Piece:
        """Add an ellipsoid around ``centre`` with half axes ``radii``."""
        s, t = np.linspace(0, 1, sides + 1), np.linspace(0, 1, sides // 2 + 1)
        around, down = np.meshgrid(s * 2 * np.pi, t * np.pi)
        unit = np.stack([np.sin(down) * np.sin(around), np.cos(down), np.sin(down) * np.cos(around)], axis=-1)
        normals = unit / np.asarray(radii)
        normals = normals / np.linalg.norm(normals, axis=-1, keepdims=True)
        size = (2 * np.pi * max(radii[0], radii[2]) * 0.8, np.pi * max(radii) * 0.9)
        points = np.asarray(centre) + unit * np.asarray(radii)
        return self.with_patches(Patch(points, normals, s, t, size, paint, shines=shines))

    def placed(self, x: float, z: float, yaw_degrees: float = 0.0, y: float = 0.0) -> Piece:
        """Return the piece turned about the vertical axis (its front goes from +z to +x) and moved."""
        yaw = np.radians(yaw_degrees)
        turn = np.array([[np.cos(yaw), 0, np.sin(yaw)], [0, 1, 0], [-np.sin(yaw), 0, np.cos(yaw)]])
        return self.moved(turn, (x, y, z))

    def leaning(self, degrees: float) -> Piece:
        """Return the piece tilted towards its front."""
        lean = np.radians(degrees)
        turn = np.array([[1, 0, 0], [0, np.cos(lean), -np.sin(lean)], [0, np.sin(lean), np.cos(lean)]])
        return self.moved(turn, (0.0, 0.0, 0.0))

    def moved(self, turn: np.ndarray, by: Sequence[float]) -> Piece:
        """Return the piece rotated (3x3) about the origin and shifted (metres)."""
        return replace(self, patches=tuple(patch.moved(turn.T, np.asarray(by)) for patch in self.patches))

    def bounds(self) -> np.ndarray:
        """Return the lowest and highest corner: 2x3."""
        points = np.concatenate([patch.points.reshape(-1, 3) for patch in self.patches])
        return np.stack([points.min(axis=0), points.max(axis=0)])


def disc(centre: np.ndarray, radius: float, sign: int, paint: Paint, sides: int, shines: bool) -> Patch:
    """Make a horizontal disc facing up (``sign`` 1) or down (-1), cut into strips from its far to its near end."""
    angle = np.linspace(0, np.pi, sides // 2 + 1)
    across = np.array([-1.0, 1.0]) * np.sin(angle)[:, None] * radius
    along = np.broadcast_to((-sign * np.cos(angle) * radius)[:, None], across.shape)
    points = centre + np.stack([across, np.zeros_like(across), along], axis=-1)
    normals = np.broadcast_to(np.array([0.0, sign, 0.0]), points.shape)
    t = (1 - np.cos(angle)) / 2
    return Patch(points, normals, np.array([0.0, 1.0]), t, (2 * radius, 2 * radius), paint, shines=shines)
