"""Tables and what belongs around them."""

from __future__ import annotations

import numpy as np

from mimic_core.sampledata.build import artwork
from mimic_core.sampledata.build.furniture.decoration import clutter
from mimic_core.sampledata.build.furniture.seats import chair, legs
from mimic_core.sampledata.build.shapes import Piece
from mimic_core.sampledata.build.style import Style


def table_top(rng: np.random.Generator, style: Style, width: float, depth: float, height: float, name: str) -> Piece:
    """A table with four legs, or often a round one on a foot if it is about as deep as wide."""
    wood = style.wood
    surface = style.one_of([wood, *style.stones]) if rng.random() < 0.3 else wood
    if abs(width - depth) < 0.15 and rng.random() < 0.7:
        radius = width / 2
        piece = Piece(name).cylinder((0, 0, 0), radius * 0.5, 0.04, wood)
        piece = piece.cylinder((0, 0.04, 0), 0.05, height - 0.08, wood, sides=10)
        return piece.cylinder((0, height - 0.04, 0), radius, 0.04, surface, sides=20)
    piece = legs(Piece(name), width - 0.06, depth - 0.06, height - 0.04, rng.uniform(0.045, 0.08), wood)
    piece = piece.box((0, height - 0.13, 0), (width - 0.12, 0.09, depth - 0.12), wood)
    return piece.box((0, height - 0.04, 0), (width, 0.04, depth), surface)


def dining_set(rng: np.random.Generator, style: Style) -> list[Piece]:
    """A table with chairs around it, some pulled back or turned, and objects on it."""
    width, depth = rng.uniform(0.9, 1.7), rng.uniform(0.75, 0.95)
    pieces = [table_top(rng, style, width, depth, 0.75, "dining table")]
    seats = [(x, side) for side in (-1, 1) for x in ((-0.3, 0.3) if width > 1.25 else (0.0,))]
    template = chair(rng, style)[0]
    for x, side in seats:
        if rng.random() < 0.9:
            back = depth / 2 + rng.uniform(0.0, 0.16)
            yaw = (180.0 if side > 0 else 0.0) + rng.uniform(-18, 18)
            pieces.append(template.placed(x * width / 1.25, side * back, yaw))
    return pieces + clutter(rng, style, width * 0.8, depth * 0.7, 0.75, int(rng.integers(2, 6)))


def coffee_table(rng: np.random.Generator, style: Style) -> list[Piece]:
    """A low table with objects on it."""
    width, depth, height = rng.uniform(0.7, 1.1), rng.uniform(0.5, 0.75), rng.uniform(0.36, 0.46)
    pieces = [table_top(rng, style, width, depth, height, "coffee table")]
    pieces += clutter(rng, style, width * 0.7, depth * 0.6, height, int(rng.integers(1, 4)))
    return pieces


def desk(rng: np.random.Generator, style: Style) -> list[Piece]:
    """A desk with a monitor, a chair and small objects."""
    width, depth = rng.uniform(1.1, 1.5), rng.uniform(0.6, 0.7)
    pieces = [table_top(rng, style, width, depth, 0.74, "desk")]
    x = rng.uniform(-0.25, 0.25)
    monitor = Piece("monitor").box((0, 0.74, 0), (0.22, 0.015, 0.16), style.metal)
    monitor = monitor.box((0, 0.755, -0.02), (0.04, 0.14, 0.03), style.metal)
    monitor = monitor.box((0, 0.86, 0), (0.56, 0.34, 0.03), style.metal, front=artwork.screen, density=160)
    pieces.append(monitor.placed(x, -depth / 2 + 0.18, rng.uniform(-15, 15)))
    pieces.append(chair(rng, style)[0].placed(x, depth / 2 + rng.uniform(0.05, 0.25), 180 + rng.uniform(-35, 35)))
    pieces += [
        piece.placed(0.0, 0.1) for piece in clutter(rng, style, width * 0.8, 0.25, 0.74, int(rng.integers(2, 5)))
    ]
    return pieces


def side_table(rng: np.random.Generator, style: Style) -> list[Piece]:
    """A small table with something on it."""
    side, height = rng.uniform(0.38, 0.55), rng.uniform(0.45, 0.7)
    pieces = [table_top(rng, style, side, side, height, "side table")]
    return pieces + clutter(rng, style, side * 0.5, side * 0.5, height, int(rng.integers(1, 3)))


MAKERS = {"dining set": dining_set, "coffee table": coffee_table, "desk": desk, "side table": side_table}
