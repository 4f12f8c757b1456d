"""Seats and beds."""

from __future__ import annotations

import numpy as np

from mimic_core.sampledata.build.materials import Paint
from mimic_core.sampledata.build.shapes import Piece
from mimic_core.sampledata.build.style import Style


def legs(piece: Piece, width: float, depth: float, height: float, thick: float, paint: Paint) -> Piece:
    """Add four square legs at the corners."""
    for x in (-1, 1):
        for z in (-1, 1):
            at = (x * (width - thick) / 2, 0.0, z * (depth - thick) / 2)
            piece = piece.box(at, (thick, height, thick), paint)
    return piece


def chair(rng: np.random.Generator, style: Style) -> list[Piece]:
    """A chair with four legs, a seat, and a back of slats or one board."""
    width, depth, seat, top = rng.uniform(0.4, 0.48), rng.uniform(0.4, 0.48), 0.45, rng.uniform(0.82, 1.02)
    wood = style.wood
    cover = style.fabric if rng.random() < 0.6 else wood
    piece = legs(Piece("chair"), width, depth, seat, 0.04, wood)
    piece = piece.box((0, seat, 0), (width, 0.05, depth), cover)
    back = -depth / 2 + 0.02
    if rng.random() < 0.5:
        for x in np.linspace(-width / 2 + 0.025, width / 2 - 0.025, int(rng.integers(3, 6))):
            piece = piece.box((x, seat + 0.05, back), (0.035, top - seat - 0.12, 0.025), wood)
        piece = piece.box((0, top - 0.08, back), (width, 0.09, 0.03), wood)
    else:
        piece = piece.box((0, seat + 0.14, back), (width, top - seat - 0.14, 0.035), cover)
        piece = piece.box((0, seat + 0.05, back), (width * 0.25, 0.09, 0.03), wood)
    return [piece]


def stool(rng: np.random.Generator, style: Style) -> list[Piece]:
    """A round stool or pouffe."""
    radius, height = rng.uniform(0.17, 0.27), rng.uniform(0.4, 0.5)
    piece = Piece("stool")
    if rng.random() < 0.5:
        return [piece.cylinder((0, 0, 0), radius, height, style.fabric, top=style.fabric)]
    piece = piece.cylinder((0, 0, 0), 0.16, 0.03, style.metal).cylinder((0, 0.03, 0), 0.03, height - 0.08, style.metal)
    return [piece.cylinder((0, height - 0.05, 0), radius, 0.05, style.wood)]


def sofa(rng: np.random.Generator, style: Style, seats: int = 0) -> list[Piece]:
    """A sofa with a cushion per seat and loose cushions; an armchair if ``seats`` is 1, random if 0."""
    seats = seats or int(rng.integers(2, 4))
    width, depth, seat = seats * rng.uniform(0.6, 0.75) + 0.3, rng.uniform(0.8, 0.95), rng.uniform(0.4, 0.46)
    arm, back, cover, loose = rng.uniform(0.1, 0.18), rng.uniform(0.74, 0.9), style.fabric, style.fabric
    piece = legs(Piece("sofa" if seats > 1 else "armchair"), width, depth, 0.1, 0.06, style.wood)
    piece = piece.box((0, 0.1, 0), (width, seat - 0.22, depth), cover)
    piece = piece.box((0, 0.1, -depth / 2 + 0.1), (width, back - 0.1, 0.2), cover)
    for side in (-1, 1):
        piece = piece.box((side * (width - arm) / 2, 0.1, 0.05), (arm, seat + 0.08, depth - 0.1), cover)
    inner = (width - 2 * arm) / seats
    for k in range(seats):
        x = -width / 2 + arm + inner * (k + 0.5)
        piece = piece.box((x, seat - 0.12, 0.1), (inner - 0.02, 0.14, depth - 0.22), cover)
        if rng.random() < 0.6:
            piece = piece.ball((x, seat + 0.18, -depth / 2 + 0.29), (0.2, 0.18, 0.08), loose)
    return [piece]


def armchair(rng: np.random.Generator, style: Style) -> list[Piece]:
    """An armchair."""
    return sofa(rng, style, seats=1)


def bed(rng: np.random.Generator, style: Style) -> list[Piece]:
    """A bed with blanket, pillows and headboard; a double bed has bedside tables."""
    double = rng.random() < 0.6
    width, depth, top = (rng.uniform(1.4, 1.8) if double else rng.uniform(0.9, 1.1)), 2.05, rng.uniform(0.45, 0.6)
    wood, sheet, blanket = style.wood, style.one_of([style.white, *style.fabrics]), style.fabric
    piece = Piece("bed").box((0, 0.08, 0), (width, top - 0.3, depth), wood)
    piece = piece.box((0, top - 0.22, 0.02), (width - 0.06, 0.2, depth - 0.1), sheet)
    cover = rng.uniform(1.0, 1.5)
    piece = piece.box((0, top - 0.2, depth / 2 - cover / 2), (width + 0.03, 0.22, cover), blanket)
    piece = piece.box(
        (0, 0, -depth / 2 + 0.03), (width + 0.06, rng.uniform(0.85, 1.25), 0.06), style.one_of([wood, blanket])
    )
    for x in np.linspace(-width / 4, width / 4, 2) if double else (0.0,):
        piece = piece.ball((x, top + 0.06, -depth / 2 + 0.36), (0.32, 0.09, 0.22), style.one_of([style.white, sheet]))
    pieces = [piece]
    for side in (-1, 1) if double else ():
        table = Piece("bedside table").box((0, 0, 0), (0.42, rng.uniform(0.42, 0.55), 0.38), wood)
        pieces.append(table.placed(side * (width / 2 + 0.27), -depth / 2 + 0.2))
    return pieces


MAKERS = {"chair": chair, "stool": stool, "sofa": sofa, "armchair": armchair, "bed": bed}
