"""Objects to view from all sides. A maker takes (rng, style) and returns pieces that stand at the origin."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from mimic_core.sampledata.build import artwork
from mimic_core.sampledata.build.furniture import MAKERS, Maker
from mimic_core.sampledata.build.materials import shade
from mimic_core.sampledata.build.shapes import Piece
from mimic_core.sampledata.build.style import Style

FINE = 420.0  # pixels per metre of objects seen from nearby


def fine(pieces: Sequence[Piece], density: float = FINE) -> list[Piece]:
    """Return the pieces with a finer texture density."""
    return [
        replace(piece, patches=tuple(replace(patch, density=density) for patch in piece.patches)) for piece in pieces
    ]


def cereal_box(rng: np.random.Generator, style: Style) -> list[Piece]:
    """A printed cardboard box."""
    size = (rng.uniform(0.17, 0.22), rng.uniform(0.26, 0.34), rng.uniform(0.06, 0.1))
    return [Piece("cereal box").box((0, 0, 0), size, artwork.poster, front=artwork.landscape, top=artwork.poster)]


def cup(rng: np.random.Generator, style: Style) -> list[Piece]:
    """A mug with a handle on a saucer."""
    radius, height, glaze = rng.uniform(0.045, 0.06), rng.uniform(0.1, 0.14), style.fabric
    piece = Piece("cup").cylinder((0, 0, 0), radius * 2.1, 0.012, style.one_of(style.stones), sides=24)
    piece = piece.cylinder((0, 0.012, 0), radius * 0.85, height, artwork.poster, top_radius=radius, top=glaze, sides=20)
    for turn in np.radians(np.linspace(-75, 75, 6)):
        place = (radius + 0.035 * np.cos(turn), 0.012 + height / 2 + 0.035 * np.sin(turn), 0)
        piece = piece.ball(place, (0.011, 0.011, 0.011), glaze, sides=8)
    return [piece]


def bottle(rng: np.random.Generator, style: Style) -> list[Piece]:
    """A bottle with a label."""
    radius, height, glass = rng.uniform(0.035, 0.045), rng.uniform(0.24, 0.3), style.one_of(style.leaves + style.clays)
    piece = Piece("bottle").cylinder((0, 0, 0), radius, height * 0.62, artwork.poster, sides=20)
    piece = piece.cylinder((0, height * 0.62, 0), radius, height * 0.14, glass, top_radius=radius * 0.4, sides=20)
    piece = piece.cylinder((0, height * 0.76, 0), radius * 0.4, height * 0.2, glass, sides=14)
    return [piece.cylinder((0, height * 0.96, 0), radius * 0.45, height * 0.04, style.metal, sides=14)]


def book(rng: np.random.Generator, style: Style) -> list[Piece]:
    """A pile of books, each turned a little."""
    piece, y = Piece("book"), 0.0
    for _ in range(int(rng.integers(2, 5))):
        thick, width = rng.uniform(0.025, 0.055), rng.uniform(0.16, 0.22)
        size = (width, thick, width * 1.35)
        volume = Piece("volume").box((0, 0, 0), size, style.fabric, front=artwork.books, top=artwork.poster)
        piece = piece.with_patches(*volume.placed(0, 0, float(rng.uniform(-25, 25)), y).patches)
        y += thick
    return [piece]


def laptop(rng: np.random.Generator, style: Style) -> list[Piece]:
    """An open laptop."""
    width, depth = rng.uniform(0.32, 0.38), rng.uniform(0.22, 0.26)
    piece = Piece("laptop").box((0, 0, 0), (width, 0.02, depth), style.metal, top=keys)
    lid = Piece("lid").box((0, 0, 0), (width, depth, 0.012), style.metal, front=artwork.landscape)
    return [piece.with_patches(*lid.leaning(-18).moved(np.eye(3), (0, 0.02, -depth / 2 + 0.01)).patches)]


def keys(rng: np.random.Generator, height: int, width: int) -> np.ndarray:
    """Paint the keyboard and touchpad of a laptop."""
    image = artwork.canvas(height, width, (150, 150, 155))
    side = max(4, width // 15)
    for y in range(side // 2, int(height * 0.6), side):
        for x in range(side // 2, width - side, side):
            image[y : y + side - 2, x : x + side - 2] = shade((50, 50, 55), rng.uniform(0.6, 1.7), rng, 8)
            image[y + side // 3 : y + side // 3 + 2, x + side // 4 : x + side // 2] = 230
    image[int(height * 0.68) : int(height * 0.95), width // 3 : 2 * width // 3] = 110
    return artwork.speckle(rng, image, 6)


def truck(rng: np.random.Generator, style: Style) -> list[Piece]:
    """A wooden toy truck."""
    body, cabin, load = style.wood, style.one_of(style.fabrics), style.one_of(style.fabrics)
    piece = Piece("toy truck").box((0, 0.05, 0), (0.36, 0.03, 0.13), body)
    piece = piece.box((0.12, 0.08, 0), (0.1, 0.13, 0.13), cabin, front=artwork.poster)
    for x in (-0.13, -0.05, 0.03):
        size = rng.uniform(0.05, 0.085)
        piece = piece.box((x, 0.08, rng.uniform(-0.02, 0.02)), (0.07, size, 0.1), load, front=artwork.poster)
    for x in (-0.12, 0.12):
        for z in (-0.075, 0.075):
            piece = piece.ball((x, 0.04, z), (0.04, 0.04, 0.018), style.metal, sides=12)
    return [piece]


def vase(rng: np.random.Generator, style: Style) -> list[Piece]:
    """A painted vase with flowers."""
    radius, height, paint = rng.uniform(0.06, 0.09), rng.uniform(0.16, 0.24), style.fabric
    piece = Piece("vase").cylinder((0, 0, 0), radius * 0.6, height * 0.6, paint, top_radius=radius, sides=20)
    piece = piece.cylinder((0, height * 0.6, 0), radius, height * 0.4, artwork.poster, top_radius=radius * 0.6)
    for _ in range(7):
        x, z = rng.uniform(-0.09, 0.09, 2)
        y = height + rng.uniform(0.05, 0.14)
        piece = piece.ball((x, y, z), (0.035, 0.03, 0.035), style.fabric, sides=8)
        piece = piece.ball((x * 0.6, y - 0.05, z * 0.6), (0.02, 0.05, 0.02), style.one_of(style.leaves), sides=8)
    return [piece]


SMALL: dict[str, Maker] = {  # on a table
    "bottle": bottle,
    "book": book,
    "cereal_box": cereal_box,
    "cup": cup,
    "laptop": laptop,
    "toytruck": truck,
    "vase": vase,
}
LARGE: dict[str, Maker] = {name: MAKERS[name] for name in ("ball", "basket", "chair", "armchair", "plant")}  # on floors
