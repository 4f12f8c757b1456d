"""Cupboards, shelves and boxes, and the fittings of kitchens and baths."""

from __future__ import annotations

import numpy as np

from mimic_core.sampledata.build import artwork
from mimic_core.sampledata.build.furniture.decoration import clutter
from mimic_core.sampledata.build.shapes import Piece
from mimic_core.sampledata.build.style import Style


def bookcase(rng: np.random.Generator, style: Style) -> list[Piece]:
    """A bookcase with rows of books and boxes."""
    width, depth, height = rng.uniform(0.7, 1.4), rng.uniform(0.26, 0.34), rng.uniform(1.1, 2.15)
    wood, board = style.body, 0.025
    piece = Piece("bookcase").box((0, 0, -depth / 2 + 0.01), (width, height, 0.02), wood)
    for side in (-1, 1):
        piece = piece.box((side * (width - board) / 2, 0, 0), (board, height, depth), wood)
    shelves = max(3, round(height / 0.36))
    for y in np.linspace(0.05, height - board, shelves + 1):
        piece = piece.box((0, float(y), 0), (width - 2 * board, board, depth), wood)
    step = (height - board - 0.05) / shelves
    for k in range(shelves):
        left, end = -width / 2 + board, width / 2 - board
        while left < end - 0.12:
            wide = min(rng.uniform(0.15, 0.6), end - left)
            bottom, draw = 0.05 + board + k * step, rng.random()
            at = (left + wide / 2, bottom, rng.uniform(-0.02, 0.02))
            if draw < 0.72:
                tall = (step - board) * rng.uniform(0.7, 0.95)
                piece = piece.box(at, (wide, tall, depth * 0.7), style.wood, front=artwork.books, density=150)
            elif draw < 0.88:
                piece = piece.box(at, (wide * 0.8, (step - board) * 0.6, depth * 0.7), style.fabric)
            left += wide
    return [piece]


def wardrobe(rng: np.random.Generator, style: Style) -> list[Piece]:
    """A tall cupboard with doors."""
    doors = int(rng.integers(2, 5))
    width, depth, height = doors * rng.uniform(0.42, 0.52), rng.uniform(0.55, 0.62), rng.uniform(1.85, 2.2)
    body = style.body
    piece = Piece("wardrobe").box(
        (0, 0.07, 0), (width, height - 0.07, depth), body, front=artwork.fronts(body, doors, 1)
    )
    piece = piece.box((0, 0, 0), (width - 0.04, 0.07, depth - 0.06), body)
    return [piece.box((0, height, 0), (width + 0.04, 0.03, depth + 0.02), body)]


def drawers(rng: np.random.Generator, style: Style) -> list[Piece]:
    """A chest of drawers with things on it."""
    width, depth, height, body = rng.uniform(0.7, 1.3), rng.uniform(0.4, 0.5), rng.uniform(0.7, 1.05), style.body
    front = artwork.fronts(body, int(rng.integers(1, 3)), int(rng.integers(3, 5)))
    piece = Piece("chest of drawers").box((0, 0.06, 0), (width, height - 0.09, depth), body, front=front)
    piece = piece.box((0, 0, 0), (width - 0.06, 0.06, depth - 0.06), body)
    piece = piece.box((0, height - 0.03, 0), (width + 0.03, 0.03, depth + 0.02), style.wood)
    return [piece, *clutter(rng, style, width * 0.8, depth * 0.6, height, int(rng.integers(1, 5)))]


def sideboard(rng: np.random.Generator, style: Style) -> list[Piece]:
    """A low cupboard with a television on it."""
    width, depth, height, body = rng.uniform(1.2, 1.8), 0.42, rng.uniform(0.42, 0.6), style.body
    piece = Piece("sideboard").box((0, 0.1, 0), (width, height - 0.1, depth), body, front=artwork.fronts(body, 3, 1))
    for x in (-width / 2 + 0.1, width / 2 - 0.1):
        piece = piece.box((x, 0, 0), (0.05, 0.1, depth - 0.1), style.metal)
    wide = rng.uniform(0.8, 1.15)
    television = Piece("television").box((0, height, 0), (0.4, 0.02, 0.2), style.metal)
    television = television.box((0, height + 0.02, 0), (0.06, 0.06, 0.04), style.metal)
    television = television.box(
        (0, height + 0.07, 0), (wide, wide * 0.57, 0.05), style.metal, front=artwork.screen, density=130
    )
    return [piece, television.placed(rng.uniform(-0.1, 0.1), 0.0)]


def kitchen_row(rng: np.random.Generator, style: Style) -> list[Piece]:
    """Base units with worktop and stove, often wall units above, and a fridge at one end."""
    units = int(rng.integers(3, 6))
    width, depth, body, worktop = units * 0.6, 0.6, style.body, style.one_of(style.stones)
    base = Piece("kitchen units").box((0, 0, -0.02), (width, 0.1, depth - 0.1), style.metal)
    base = base.box((0, 0.1, 0), (width, 0.76, depth), body, front=artwork.fronts(body, units, 1))
    base = base.box((0, 0.86, 0.01), (width, 0.04, depth + 0.02), worktop)
    stove_x = -width / 2 + 0.6 * (int(rng.integers(0, units)) + 0.5)
    stove = Piece("stove").box((stove_x, 0.9, 0), (0.56, 0.012, 0.5), style.metal)
    for x in (-0.13, 0.13):
        for z in (-0.12, 0.12):
            stove = stove.cylinder((stove_x + x, 0.912, z), 0.08, 0.008, style.metal, sides=12)
    pot = Piece("pot").cylinder((0, 0.92, 0), rng.uniform(0.08, 0.13), rng.uniform(0.08, 0.18), style.metal)
    pieces = [base, stove, pot.placed(stove_x + 0.13, -0.12)]
    if rng.random() < 0.7:
        upper = Piece("wall units").box(
            (0, 1.45, -0.12), (width, 0.65, 0.34), body, front=artwork.fronts(body, units, 1)
        )
        pieces.append(upper)
    side = 1 if rng.random() < 0.5 else -1
    tall = rng.uniform(1.5, 1.95)
    door = artwork.fronts(style.lacquers[0], 1, 2)
    pieces.append(
        Piece("fridge").box((side * (width / 2 + 0.32), 0, 0.01), (0.62, tall, 0.62), style.lacquers[0], front=door)
    )
    return pieces + clutter(rng, style, width * 0.9, 0.2, 0.9, int(rng.integers(2, 6)))


def washstand(rng: np.random.Generator, style: Style) -> list[Piece]:
    """A cupboard with a basin."""
    width, body = rng.uniform(0.6, 0.95), style.body
    piece = Piece("washstand").box((0, 0.15, 0), (width, 0.63, 0.46), body, front=artwork.fronts(body, 2, 1))
    piece = piece.box((0, 0.78, 0), (width + 0.03, 0.04, 0.48), style.one_of(style.stones))
    piece = piece.cylinder((0, 0.82, 0.02), 0.17, 0.1, style.white, top_radius=0.2)
    return [piece.cylinder((0, 0.82, -0.2), 0.015, 0.25, style.metal, sides=8)]


def bathtub(rng: np.random.Generator, style: Style) -> list[Piece]:
    """A tub in a panelled frame."""
    width, depth = rng.uniform(1.4, 1.7), rng.uniform(0.68, 0.8)
    side = style.materials.tiles(style.colour(((180, 190, 190), (120, 140, 150))), (90, 100, 110), 16)
    piece = Piece("bathtub").box((0, 0, 0), (width, 0.5, depth), side)
    for z in (-1, 1):
        piece = piece.box((0, 0.5, z * (depth / 2 - 0.04)), (width, 0.05, 0.08), style.white)
    for x in (-1, 1):
        piece = piece.box((x * (width / 2 - 0.04), 0.5, 0), (0.08, 0.05, depth - 0.16), style.white)
    return [piece]


def toilet(rng: np.random.Generator, style: Style) -> list[Piece]:
    """A toilet with a cistern."""
    piece = Piece("toilet").cylinder((0, 0, 0.1), 0.14, 0.38, style.white, top_radius=0.19)
    piece = piece.cylinder((0, 0.38, 0.1), 0.2, 0.035, style.body)
    return [piece.box((0, 0.3, -0.2), (0.38, rng.uniform(0.45, 0.6), 0.17), style.white)]


def boxes(rng: np.random.Generator, style: Style) -> list[Piece]:
    """A stack of cartons."""
    card, piece, y = style.materials.plaster(style.colour(((176, 138, 96), (150, 120, 90))), 0.9), Piece("cartons"), 0.0
    for _ in range(int(rng.integers(1, 4))):
        w, h, d = rng.uniform(0.3, 0.5), rng.uniform(0.2, 0.4), rng.uniform(0.3, 0.42)
        piece = piece.box((rng.uniform(-0.04, 0.04), y, 0), (w, h, d), card, front=artwork.fronts(card, 1, 1))
        y += h
    return [piece]


MAKERS = {
    "bookcase": bookcase,
    "wardrobe": wardrobe,
    "drawers": drawers,
    "sideboard": sideboard,
    "kitchen row": kitchen_row,
    "washstand": washstand,
    "bathtub": bathtub,
    "toilet": toilet,
    "boxes": boxes,
}
