"""House fronts as pieces of a street, built with their foot along x and their front towards +z."""

from __future__ import annotations

import numpy as np

from mimic_core.sampledata.build import street_art
from mimic_core.sampledata.build.materials import Paint
from mimic_core.sampledata.build.shapes import Piece, quad
from mimic_core.sampledata.build.style import LIGHT, QUIET, STRONG, WALLS, Style

DEPTH = 5.0  # of a house, metres
STOREY_HEIGHTS, GROUND_HEIGHTS = (2.7, 3.3), (3.0, 3.6)  # metres
WALL_DENSITY, DETAIL_DENSITY = 48.0, 72.0  # pixels per metre


def house(rng: np.random.Generator, style: Style, width: float) -> list[Piece]:
    """Build a house of two to four storeys with windows, and a door or a shop on the ground floor."""
    storeys = int(rng.integers(2, 5))
    ground = rng.uniform(*GROUND_HEIGHTS)
    high = rng.uniform(*STOREY_HEIGHTS)
    height = ground + high * (storeys - 1)
    front = street_art.masonry(wall_paint(rng, style), storeys, style.one_of(style.stones))
    walls = Piece("house").with_patches(
        quad((-width / 2, height, 0), (width, 0, 0), (0, -height, 0), front, density=WALL_DENSITY),
        quad((width / 2, height, 0), (0, 0, -DEPTH), (0, -height, 0), front, density=WALL_DENSITY / 2),
        quad((-width / 2, height, -DEPTH), (0, 0, DEPTH), (0, -height, 0), front, density=WALL_DENSITY / 2),
    )
    walls = walls.box((0, height - 0.25, 0.1), (width + 0.1, 0.25, 0.36), style.one_of(style.stones))
    pieces = [walls]
    columns = max(2, round(width / rng.uniform(1.7, 2.5)))
    wide, tall = rng.uniform(0.85, 1.15), rng.uniform(1.4, 1.8)
    kind = int(rng.integers(4))
    for storey in range(1, storeys):
        base = ground + high * (storey - 1) + 0.75
        for column in range(columns):
            x = (column + 0.5) * width / columns - width / 2
            pieces.append(window(rng, style, wide, tall, kind).placed(x, 0.0, 0.0, base))
    shop = rng.random() < 0.6
    pieces += shop_front(rng, style, width, ground) if shop else ground_floor(rng, style, width, columns, (wide, tall))
    if rng.random() < 0.6:
        pieces.append(pipe(style, width / 2 - 0.12, height))
    return pieces


def wall_paint(rng: np.random.Generator, style: Style) -> Paint:
    """Draw the material of a front."""
    made, kind = style.materials, rng.random()
    if kind < 0.4:
        brick = style.colour(((150, 82, 62), (172, 110, 84), (120, 92, 80), (186, 160, 128)))
        return made.bricks(brick, style.colour(LIGHT), int(rng.choice([16, 32])), 8)
    if kind < 0.6:
        return made.bricks(style.colour(WALLS), style.colour(QUIET), 64, 32)
    if kind < 0.75:
        return made.planks(style.colour(STRONG + LIGHT), 16, 512)
    return made.plaster(style.colour(WALLS + STRONG), 1.5)


def window(rng: np.random.Generator, style: Style, width: float, height: float, kind: int) -> Piece:
    """Build a window with frame and sill; ``kind`` may add shutters, a balcony, a cornice or flowers."""
    stone = style.one_of(style.stones)
    piece = Piece("window").with_patches(
        quad((-width / 2, height, 0.02), (width, 0, 0), (0, -height, 0), street_art.glass, density=DETAIL_DENSITY)
    )
    for end in (-1, 1):
        piece = piece.box((end * (width / 2 + 0.05), -0.02, 0.04), (0.1, height + 0.1, 0.09), stone)
    piece = piece.box((0, height, 0.05), (width + 0.2, 0.14, 0.12), stone)
    piece = piece.box((0, -0.1, 0.1), (width + 0.3, 0.1, 0.22), stone)
    if kind == 0:
        leaf = style.one_of(style.fabrics)
        for end in (-1, 1):
            piece = piece.box((end * (width * 0.75 + 0.12), 0.02, 0.04), (width / 2, height - 0.02, 0.05), leaf)
    elif kind == 1 and rng.random() < 0.5:
        piece = piece.box((0, -0.18, 0.42), (width + 0.5, 0.1, 0.85), stone)
        for x in np.linspace(-width / 2 - 0.2, width / 2 + 0.2, 9):
            piece = piece.box((float(x), -0.08, 0.8), (0.035, 0.95, 0.035), style.metal)
        piece = piece.box((0, 0.87, 0.8), (width + 0.5, 0.06, 0.06), style.metal)
    elif kind == 2:
        piece = piece.box((0, height + 0.14, 0.1), (width + 0.36, 0.09, 0.26), stone)
    elif rng.random() < 0.7:
        piece = piece.box((0, 0.0, 0.17), (width, 0.16, 0.2), style.one_of(style.clays))
        for x in np.linspace(-width / 2 + 0.1, width / 2 - 0.1, 5):
            bush = style.one_of(style.leaves + style.fabrics[:2])
            piece = piece.ball((float(x), 0.2, 0.17), (0.14, 0.12 + rng.uniform(0, 0.08), 0.12), bush, sides=8)
    return piece


def front_door(rng: np.random.Generator, style: Style) -> Piece:
    """Build a door with two steps, posts and a small roof."""
    width, height, stone = rng.uniform(1.0, 1.25), rng.uniform(2.2, 2.5), style.one_of(style.stones)
    face = quad((-width / 2, height + 0.3, 0.03), (width, 0, 0), (0, -height, 0), street_art.door, density=96)
    piece = Piece("door").with_patches(face)
    piece = piece.box((0, 0, 0.4), (width + 0.6, 0.15, 0.8), stone).box(
        (0, 0.15, 0.25), (width + 0.3, 0.15, 0.5), stone
    )
    for end in (-1, 1):
        piece = piece.box((end * (width / 2 + 0.1), 0.3, 0.08), (0.2, height, 0.16), stone)
    return piece.box((0, height + 0.3, 0.25), (width + 0.7, 0.16, 0.6), stone)


def ground_floor(
    rng: np.random.Generator, style: Style, width: float, columns: int, size: tuple[float, float]
) -> list[Piece]:
    """Build a door, and windows beside it."""
    entrance = int(rng.integers(columns))
    pieces = []
    for column in range(columns):
        x = (column + 0.5) * width / columns - width / 2
        if column == entrance:
            pieces.append(front_door(rng, style).placed(x, 0.0))
        else:
            pieces.append(window(rng, style, *size, 2).placed(x, 0.0, 0.0, 0.95))
    return pieces


def shop_front(rng: np.random.Generator, style: Style, width: float, ground: float) -> list[Piece]:
    """Build a shop: window, door, sign, and perhaps an awning and a hanging sign."""
    side, stone = (1.0 if rng.random() < 0.5 else -1.0), style.one_of(style.stones)
    wide, tall = width - 2.1, ground - 1.25
    x = -side * 0.75
    pane = quad(
        (x - wide / 2, 0.45 + tall, 0.03), (wide, 0, 0), (0, -tall, 0), street_art.shop_window, density=DETAIL_DENSITY
    )
    shop = Piece("shop window").with_patches(pane).box((x, 0, 0.1), (wide + 0.1, 0.45, 0.2), stone)
    board = Piece("sign").box(
        (0, ground - 0.7, 0.1), (width - 0.4, 0.55, 0.2), style.wood, front=street_art.sign, density=DETAIL_DENSITY
    )
    pieces = [shop, board, front_door(rng, style).placed(side * (width / 2 - 1.0), 0.0)]
    if rng.random() < 0.5:
        slope = quad(
            (x - wide / 2, ground - 0.75, 0.06),
            (wide, 0, 0),
            (0, -0.45, 1.0),
            street_art.awning,
            density=DETAIL_DENSITY,
        )
        below = quad((x + wide / 2, ground - 0.75, 0.05), (-wide, 0, 0), (0, -0.45, 1.0), street_art.awning, density=24)
        pieces.append(Piece("awning").with_patches(slope, below))
    if rng.random() < 0.6:
        hung = Piece("sign").box((0, 0, 0), (0.8, 0.6, 0.06), style.metal, front=street_art.sign, density=96)
        back = Piece("back").box((0, 0, 0), (0.8, 0.6, 0.05), style.metal, front=street_art.sign, density=96)
        hung = hung.with_patches(*back.placed(0, -0.01, 180).patches)
        pieces.append(hung.placed(-side * (width / 2 - 0.3), 0.55, 90, ground + 0.1))
    return pieces


def pipe(style: Style, x: float, height: float) -> Piece:
    """Build a rain pipe."""
    piece = Piece("pipe").cylinder((x, 0, 0.08), 0.05, height - 0.3, style.metal, sides=8)
    for y in np.arange(0.8, height - 0.5, 1.4):
        piece = piece.box((x, float(y), 0.06), (0.16, 0.06, 0.12), style.metal)
    return piece
