"""Navigation meshes in the format of Recast's Detour, which HM3D, Gibson and Matterport3D ship for habitat-sim.

A ``.navmesh`` holds the walkable surface of a scene, already kept away from obstacles: a set (version 1, or version 2
since April 2022) of tiles (version 7) of convex polygons, each with a finer mesh of its height.
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Iterator, Optional, Tuple

import numpy as np

from mimic_core.foreign import foreign, read_regular
from mimic_core.kit.errors import UnreadableError

SET_MAGIC, TILE_MAGIC = b"TESM", b"VAND"  # MSET and DNAV, little-endian
SET_HEADER = struct.Struct("<4sii28x")  # magic, version, number of tiles; the rest is for path queries
SETTINGS = {1: 0, 2: 56}  # version -> bytes of build settings after that header
TILE_HEADER = struct.Struct("<4si12x4x9i40x")  # magic, version; nine counts; walker sizes, bounds
# header of a tile in its set: reference, size; and the size of a link
REFERENCES = ((struct.Struct("<Ii"), 12), (struct.Struct("<Qi4x"), 16))
POLYGON = np.dtype("<u4, 6<u2, 6<u2, <u2, u1, u1")
CORNERS, FLAGS, COUNT, KIND = "f1", "f3", "f4", "f5"
DETAIL = np.dtype("<u4, <u4, u1, u1, <u2")
FIRST_VERTEX, FIRST_TRIANGLE, TRIANGLES = "f0", "f1", "f3"
LARGEST = 2**28  # bytes of a file


def navmesh_beside(path: Path) -> Optional[Path]:
    """Return the navigation mesh next to a scene, if any: for ``a.glb``, ``a.navmesh`` or ``a.basis.navmesh``."""
    for candidate in (path.with_suffix(".navmesh"), path.with_suffix(".basis.navmesh")):
        if candidate.is_file():
            return candidate
    return None


def read_navmesh(path: Path) -> np.ndarray:
    """Read the triangles of a navigation mesh: Tx3x3 float64, metres, y up.

    Raises:
        UnreadableError: the file is damaged, has an unknown version, or holds nothing to walk on.
    """
    remedy = "fetch it again, or delete it to have it computed"
    data = read_regular(path, "a navigation mesh", LARGEST)
    with foreign("this navigation mesh is damaged", path, remedy):
        found = np.concatenate([np.zeros((0, 3, 3)), *map(triangles_of, tiles(data))])
    if not len(found):
        raise UnreadableError("this navigation mesh holds nothing to walk on", where=path, remedy=remedy)
    return found


def tiles(data: bytes) -> Iterator[Tuple[bytes, int]]:
    """Yield each tile's bytes and the size of a link in it.

    Raises:
        ValueError: the header is invalid, or a tile is missing or cut off.
    """
    if len(data) < SET_HEADER.size:
        raise ValueError("it ends too early")
    magic, version, count = SET_HEADER.unpack_from(data)
    if magic != SET_MAGIC or version not in SETTINGS:
        raise ValueError("it does not begin as a set of tiles of version 1 or 2")
    at = SET_HEADER.size + SETTINGS[version]
    for _ in range(count):
        fitting = [(before, link) for before, link in REFERENCES if data.startswith(TILE_MAGIC, at + before.size)]
        if not fitting:
            raise ValueError(f"there is no tile at byte {at}")
        before, link = fitting[0]
        start, size = at + before.size, before.unpack_from(data, at)[1]
        at = start + size
        if size < TILE_HEADER.size or at > len(data):
            raise ValueError(f"it ends within the tile at byte {start}")
        yield data[start:at], link


def triangles_of(tile: Tuple[bytes, int]) -> np.ndarray:
    """Return the triangles of a tile's walkable polygons: Tx3x3 float64."""
    data, link = tile
    _, version, *counts = TILE_HEADER.unpack_from(data)
    polygons, vertices, links, details, fine, triangles = counts[:6]
    if version != 7:
        raise ValueError(f"its tiles have version {version}, not 7")
    if min(counts) < 0:
        raise ValueError("one of its counts is negative")
    at = TILE_HEADER.size
    blocks = []
    for dtype, count in (
        *(("<3f4", vertices), (POLYGON, polygons), (f"V{link}", links)),
        *((DETAIL, details), ("<3f4", fine), ("4u1", triangles)),
    ):
        blocks.append(np.frombuffer(data, dtype, count, at))
        at += blocks[-1].nbytes
    places, shapes, _, heights, raised, corners = blocks
    if len(heights) < (shapes[KIND] < 64).sum():
        raise ValueError("its height mesh is missing")
    if heights[TRIANGLES].sum(dtype=int) > len(corners):
        raise ValueError("its polygons use more triangles than it has")
    # corners are numbered through the polygon's own vertices first, then through the finer mesh's
    polygon = np.repeat(np.arange(len(heights)), heights[TRIANGLES])
    within = np.arange(len(polygon)) - np.repeat(np.cumsum(heights[TRIANGLES], dtype=int), heights[TRIANGLES])
    within += np.repeat(heights[TRIANGLES].astype(int), heights[TRIANGLES])
    corner = corners[heights[FIRST_TRIANGLE][polygon].astype(int) + within][:, :3].astype(int)
    own = shapes[COUNT][polygon].astype(int)[:, None]
    coarse = shapes[CORNERS][polygon[:, None], np.minimum(corner, 5)].astype(int)
    finer = heights[FIRST_VERTEX][polygon].astype(int)[:, None] + corner - own
    everything = np.concatenate([places, raised]).astype(float)
    index = np.where(corner < own, coarse, len(places) + finer)
    walkable = (shapes[FLAGS] > 0) & (shapes[KIND] < 64)  # 64 and more are off-mesh connections
    chosen: np.ndarray = everything[index[walkable[polygon]]]
    if not np.isfinite(chosen).all():
        raise ValueError("it has coordinates that are not numbers")
    return chosen
