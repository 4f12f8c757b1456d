"""Build a procedural furnished flat from a seed and a name, as a GLB file."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mimic_core.kit.files import atomic_path
from mimic_core.kit.seeding import generator
from mimic_core.sampledata.build.atlas import Atlas
from mimic_core.sampledata.build.floor_plan import Plan, draw_plan
from mimic_core.sampledata.build.furnish import RoomFurnisher
from mimic_core.sampledata.build.gltf import Part, glb_bytes
from mimic_core.sampledata.build.lighting import RoomLight, draw_sun
from mimic_core.sampledata.build.shapes import Patch, Piece
from mimic_core.sampledata.build.shell import shells_of
from mimic_core.sampledata.build.style import Style

SHELL_LIGHT_STEP, FURNITURE_LIGHT_STEP = 0.08, 0.25  # metres between two samples of the light
JPEG_QUALITY = 90


def flat_glb(name: str, settings: Mapping[str, Any]) -> bytes:
    """Return the GLB file of flat ``name``, which depends only on the name and ``settings["seed"]``."""
    seed = int(settings["seed"])
    plan = draw_plan(generator(seed, "flat", name, "plan"))
    rooms = build_rooms(plan, generator(seed, "flat", name, "furniture"))
    return bake(plan, rooms, generator(seed, "flat", name, "light"), {"flat": name, "seed": seed})


def write_flat(name: str, path: str | Path, settings: Mapping[str, Any]) -> None:
    """Write flat ``name`` to ``path`` (a .glb file), atomically."""
    with atomic_path(path) as temporary:
        temporary.write_bytes(flat_glb(name, settings))


def build_rooms(plan: Plan, rng: np.random.Generator) -> list[list[Piece]]:
    """Build the pieces of every room, the shell first."""
    style = Style(rng)
    shells, leaves = shells_of(plan, style, rng)
    return [
        shells[room.number] + RoomFurnisher(room, plan, style, rng, leaves[room.number]).furnish()
        for room in plan.rooms
    ]


def texture_size(patch: Patch) -> tuple[int, int]:
    """Return the height and width of a patch's texture, pixels."""
    width, height = patch.size
    return max(3, round(height * patch.density)), max(3, round(width * patch.density))


def bake(plan: Plan, rooms: Sequence[Sequence[Piece]], rng: np.random.Generator, extras: dict[str, Any]) -> bytes:
    """Paint and light all patches and pack them into one GLB file."""
    sun = draw_sun(rng)
    lit = (
        (f"{room.kind} {room.number}", pieces, light_maps(pieces, RoomLight(room, plan, pieces, sun, rng)))
        for room, pieces in zip(plan.rooms, rooms, strict=True)
    )
    return paint_all(lit, [piece for pieces in rooms for piece in pieces], rng, extras)


def paint_all(
    lit: Iterable[tuple[str, Sequence[Piece], list[np.ndarray]]],
    pieces: Sequence[Piece],
    rng: np.random.Generator,
    extras: dict[str, Any],
) -> bytes:
    """Paint lit pieces and pack them into one GLB file.

    Args:
        lit: name, pieces and light maps of each room or place.
        pieces: the pieces of all places, in the same order.
        rng: for the paints.
        extras: provenance to record in the file.
    """
    atlas = Atlas([texture_size(patch) for piece in pieces for patch in piece.patches])
    nodes, index = [], 0
    for place, members, lights in lit:
        maps = iter(lights)
        for piece in members:
            first = index
            for patch in piece.patches:
                atlas.paste(index, patch.paint(rng, *texture_size(patch)), next(maps))
                index += 1
            nodes.append((f"{place}: {piece.name}", merge(piece, first, atlas)))
    return glb_bytes(nodes, atlas.encoded(JPEG_QUALITY), extras)


def light_maps(pieces: Sequence[Piece], light: RoomLight) -> list[np.ndarray]:
    """Compute the light maps of all patches in a room, in order; together, since most are tiny."""
    shapes, points, normals, own = [], [], [], []
    casting = -1
    for piece in pieces:
        casting += piece.casts
        step = FURNITURE_LIGHT_STEP if piece.casts else SHELL_LIGHT_STEP
        for patch in piece.patches:
            rows, columns = (max(1, round(side / step)) for side in (patch.size[1], patch.size[0]))
            rows, columns = (1, 1) if patch.shines else (rows, columns)
            at, facing = patch.at(rows, columns)
            shapes.append((rows, columns, patch.shines))
            points.append(at.reshape(-1, 3))
            normals.append(facing.reshape(-1, 3))
            own.append(np.full(rows * columns, casting if piece.casts else -1))
    values = light.at(np.concatenate(points), np.concatenate(normals), np.concatenate(own))
    maps, start = [], 0
    for rows, columns, shines in shapes:
        part = values[start : start + rows * columns].reshape(rows, columns, 3)
        maps.append(np.ones_like(part) if shines else part)
        start += rows * columns
    return maps


def merge(piece: Piece, first: int, atlas: Atlas) -> list[Part]:
    """Merge a piece's patches into one part per texture page; ``first`` is the atlas index of its first patch."""
    pages: dict[int, list[tuple[np.ndarray, np.ndarray, np.ndarray]]] = {}
    for number, patch in enumerate(piece.patches, first):
        page, uv = atlas.uv(number, patch.s, patch.t)
        pages.setdefault(page, []).append((patch.points.reshape(-1, 3), uv.reshape(-1, 2), patch.faces()))
    parts = []
    for page, entries in sorted(pages.items()):
        offsets = np.cumsum([0] + [len(points) for points, _, _ in entries])
        faces = np.concatenate([face + offset for (_, _, face), offset in zip(entries, offsets, strict=False)])
        vertices, uv = (np.concatenate([entry[k] for entry in entries]) for k in (0, 1))
        parts.append(Part(page, vertices, uv, faces))
    return parts
