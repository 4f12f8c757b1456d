"""Plants, lamps, rugs, pictures and small objects."""

from __future__ import annotations

import numpy as np

from mimic_core.sampledata.build import artwork
from mimic_core.sampledata.build.shapes import Piece
from mimic_core.sampledata.build.style import LIGHT, QUIET, STRONG, Style


def glow(rng: np.random.Generator, height: int, width: int) -> np.ndarray:
    """Paint a lamp shade lit from inside."""
    fade = 1 - 0.25 * np.abs(np.linspace(-1, 1, height, dtype=np.float32))[:, None, None]
    return artwork.speckle(rng, artwork.canvas(height, width, (250, 232, 190)) * fade, 6)


def clutter(
    rng: np.random.Generator, style: Style, width: float, depth: float, height: float, count: int
) -> list[Piece]:
    """Scatter small objects over a surface of width x depth at ``height``: books, vases, cups, boxes, fruit bowls."""
    pieces: list[Piece] = []
    spots = rng.permutation(max(count, 1) + 1)[:count]
    for spot in spots:
        x, z = (float(spot) + 0.5) / (count + 1) * width - width / 2, rng.uniform(-depth, depth) / 2
        kind = rng.integers(0, 5)
        if kind == 0:
            piece, y = Piece("books"), 0.0
            for _ in range(int(rng.integers(1, 5))):
                thick = rng.uniform(0.015, 0.04)
                cover = artwork.poster if rng.random() < 0.5 else style.fabric
                piece = piece.box((0, y, 0), (0.2, thick, 0.14), style.fabric, top=cover)
                y += thick
        elif kind == 1:
            radius, tall = rng.uniform(0.035, 0.07), rng.uniform(0.12, 0.3)
            piece = Piece("vase").cylinder((0, 0, 0), radius * 0.7, tall * 0.6, style.clays[0], top_radius=radius)
            piece = piece.cylinder((0, tall * 0.6, 0), radius, tall * 0.4, style.clays[0], top_radius=radius * 0.5)
        elif kind == 2:
            piece = Piece("cup").cylinder(
                (0, 0, 0), 0.035, 0.09, style.one_of(style.lacquers), top_radius=0.042, sides=10
            )
        elif kind == 3:
            size = rng.uniform(0.08, 0.16)
            piece = Piece("box").box((0, 0, 0), (size * 1.4, size, size), style.body)
        else:
            piece = Piece("bowl").cylinder((0, 0, 0), 0.05, 0.07, style.clays[0], top_radius=0.12)
            for _ in range(4):
                at = (rng.uniform(-0.05, 0.05), 0.09, rng.uniform(-0.05, 0.05))
                piece = piece.ball(at, (0.035, 0.035, 0.035), style.fabric, sides=8)
        pieces.append(piece.placed(x, z, rng.uniform(-40, 40), height))
    return pieces


def plant(rng: np.random.Generator, style: Style) -> list[Piece]:
    """A pot with a bush, or with long leaves."""
    radius, pot, leaf = rng.uniform(0.13, 0.2), rng.uniform(0.22, 0.38), style.one_of(style.leaves)
    piece = Piece("plant").cylinder((0, 0, 0), radius * 0.75, pot, style.clays[0], top_radius=radius)
    tall = rng.uniform(0.5, 1.3)
    if rng.random() < 0.5:
        piece = piece.cylinder((0, pot, 0), 0.02, tall * 0.6, style.wood, sides=8)
        for _ in range(int(rng.integers(5, 10))):
            at = (rng.normal(0, 0.11), pot + tall * rng.uniform(0.4, 0.95), rng.normal(0, 0.11))
            size = rng.uniform(0.08, 0.17)
            piece = piece.ball(at, (size, size * rng.uniform(0.5, 0.9), size), leaf, sides=10)
    else:
        for turn in np.linspace(0, 360, int(rng.integers(7, 13)), endpoint=False):
            blade = Piece("leaf").box((0, 0, 0.03), (0.05, tall * rng.uniform(0.6, 1.0), 0.012), leaf)
            blade = blade.leaning(rng.uniform(4, 22)).placed(0, 0, float(turn) + rng.uniform(-9, 9), pot - 0.02)
            piece = piece.with_patches(*blade.patches)
    return [piece]


def floor_lamp(rng: np.random.Generator, style: Style) -> list[Piece]:
    """A stand with a lit shade."""
    height, radius = rng.uniform(1.3, 1.7), rng.uniform(0.14, 0.22)
    piece = Piece("floor lamp").cylinder((0, 0, 0), 0.14, 0.03, style.metal)
    piece = piece.cylinder((0, 0.03, 0), 0.015, height - 0.2, style.metal, sides=8)
    return [piece.cylinder((0, height - 0.25, 0), radius, 0.27, glow, top_radius=radius * 0.7, shines=True)]


def ball(rng: np.random.Generator, style: Style) -> list[Piece]:
    """A toy ball."""
    radius = rng.uniform(0.1, 0.2)
    paint = artwork.poster if rng.random() < 0.5 else style.fabric
    return [Piece("ball").ball((0, radius, 0), (radius, radius, radius), paint, sides=18)]


def basket(rng: np.random.Generator, style: Style) -> list[Piece]:
    """A basket with a blanket in it."""
    radius, height = rng.uniform(0.16, 0.26), rng.uniform(0.25, 0.45)
    piece = Piece("basket").cylinder((0, 0, 0), radius * 0.85, height, style.fabric, top_radius=radius)
    return [piece.ball((0, height, 0), (radius * 0.8, 0.08, radius * 0.8), style.fabric)]


def rug(rng: np.random.Generator, style: Style) -> list[Piece]:
    """A carpet, one centimetre thick."""
    paint = artwork.rug(style.colour(STRONG), style.colour(LIGHT + STRONG), style.colour(QUIET + STRONG))
    if rng.random() < 0.25:
        return [Piece("rug", casts=False).cylinder((0, 0, 0), rng.uniform(0.6, 1.0), 0.012, paint, sides=28)]
    size = (rng.uniform(1.2, 2.4), 0.012, rng.uniform(0.9, 1.7))
    return [Piece("rug", casts=False).box((0, 0, 0), size, style.fabric, top=paint)]


def picture(rng: np.random.Generator, style: Style) -> list[Piece]:
    """A picture or poster in its frame, its back at z = 0 and its middle at y = 0."""
    width, height = rng.uniform(0.3, 1.2), rng.uniform(0.3, 0.9)
    paint = artwork.PICTURES[int(rng.integers(len(artwork.PICTURES)))]
    piece = Piece("picture", casts=False)
    return [piece.box((0, -height / 2, 0.015), (width, height, 0.03), style.wood, front=paint, density=130)]


def clock(rng: np.random.Generator, style: Style) -> list[Piece]:
    """A clock on the wall."""
    size = rng.uniform(0.24, 0.36)
    piece = Piece("clock", casts=False)
    return [piece.box((0, -size / 2, 0.02), (size, size, 0.04), style.metal, front=artwork.clock, density=130)]


def ceiling_lamp(rng: np.random.Generator, style: Style) -> list[Piece]:
    """A lamp hanging from y = 0."""
    drop = rng.uniform(0.1, 0.5)
    if rng.random() < 0.5:
        piece = Piece("ceiling lamp", casts=False).cylinder((0, -drop, 0), 0.008, drop, style.metal, sides=6)
        return [piece.ball((0, -drop, 0), (0.16, 0.13, 0.16), glow, shines=True)]
    piece = Piece("ceiling lamp", casts=False)
    return [piece.cylinder((0, -0.1, 0), rng.uniform(0.15, 0.25), 0.095, glow, sides=18, shines=True)]


MAKERS = {"plant": plant, "floor lamp": floor_lamp, "ball": ball, "basket": basket, "rug": rug}
