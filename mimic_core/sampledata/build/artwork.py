"""Painters of single textures: posters, pictures, books, cupboard fronts, screens, rugs, views out of windows."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from mimic_core.sampledata.build.materials import Colour, Paint, shade

LETTERS = list("ABCDEFGHIJKLMNOPRSTUVWXYZ")


def speckle(rng: np.random.Generator, image: np.ndarray, amplitude: float = 9.0) -> np.ndarray:
    """Add grain of one and of three pixels to a painting."""
    height, width = image.shape[:2]
    fine = rng.standard_normal((height, width, 1), dtype=np.float32)
    coarse = rng.standard_normal((height // 3 + 2, width // 3 + 2), dtype=np.float32)
    coarse = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_LINEAR)[..., None]
    speckled: np.ndarray = np.clip(image + amplitude * fine + 1.3 * amplitude * coarse, 0, 255).astype(np.float32)
    return speckled


def canvas(height: int, width: int, colour: Colour) -> np.ndarray:
    """Make an image of one colour."""
    return np.ascontiguousarray(np.broadcast_to(np.asarray(colour, np.float32), (height, width, 3)))


def random_colour(rng: np.random.Generator) -> list[float]:
    """Draw a colour."""
    return [float(value) for value in rng.uniform(15, 245, 3)]


def random_pixel(rng: np.random.Generator, height: int, width: int) -> tuple[int, int]:
    """Draw a pixel, as (x, y)."""
    return int(rng.integers(0, width)), int(rng.integers(0, height))


def poster(rng: np.random.Generator, height: int, width: int) -> np.ndarray:
    """Paint a poster: shapes and a line of letters."""
    image = canvas(height, width, random_colour(rng))
    side = min(height, width)
    for _ in range(int(rng.integers(12, 40))):
        x, y = random_pixel(rng, height, width)
        size, colour = int(side * rng.uniform(0.05, 0.28)) + 1, random_colour(rng)
        kind = rng.integers(0, 4)
        if kind == 0:
            cv2.rectangle(image, (x, y), (x + size, y + int(size * rng.uniform(0.3, 1.5))), colour, -1)
        elif kind == 1:
            cv2.circle(image, (x, y), size // 2, colour, -1)
        elif kind == 2:
            corners = np.array([random_pixel(rng, height, width), (x, y), (x + size, y + size)])
            cv2.fillConvexPoly(image, corners, colour)
        else:
            cv2.line(image, (x, y), random_pixel(rng, height, width), colour, max(1, size // 8))
    word = "".join(rng.choice(LETTERS, int(rng.integers(3, 7))))
    scale = width / 25 / len(word)
    at = (int(width * 0.08), int(height * rng.uniform(0.2, 0.95)))
    image = image.astype(np.uint8)  # OpenCV draws text only on uint8
    cv2.putText(image, word, at, cv2.FONT_HERSHEY_DUPLEX, scale, random_colour(rng), max(1, int(scale * 2)))
    return framed(rng, speckle(rng, image))


def landscape(rng: np.random.Generator, height: int, width: int) -> np.ndarray:
    """Paint hills under a sky, in brush strokes."""
    top, bottom = rng.uniform(15, 245, (2, 3)).astype(np.float32)
    image = canvas(height, width, top) + (bottom - top) * np.linspace(0, 1, height, dtype=np.float32)[:, None, None]
    cv2.circle(image, random_pixel(rng, max(1, height // 2), width), max(2, height // 10), random_colour(rng), -1)
    x = np.arange(width)
    for layer in range(int(rng.integers(3, 6))):
        base = height * (0.35 + 0.14 * layer)
        wave = sum(height * 0.09 * rng.uniform(0.2, 1) * np.sin(x / width * f + rng.uniform(0, 7)) for f in (5, 11, 23))
        points = np.concatenate([np.stack([x, base + wave], 1), [(width, height), (0, height)]]).astype(np.int32)
        cv2.fillPoly(image, [points], random_colour(rng))
    for _ in range(60):
        x0, y0 = random_pixel(rng, height, width)
        tone = (image[y0, x0] * rng.uniform(0.6, 1.5)).clip(0, 255).tolist()
        cv2.line(image, (x0, y0), (x0 + int(rng.integers(-9, 10)), y0 + int(rng.integers(-5, 6))), tone, 2)
    return framed(rng, speckle(rng, image))


def framed(rng: np.random.Generator, image: np.ndarray) -> np.ndarray:
    """Add a frame to a picture, and at times a mount."""
    height, width = image.shape[:2]
    edge = max(2, min(height, width) // 18)
    if rng.random() < 0.5:
        mount = shade((228, 224, 214), rng.uniform(0.85, 1.05), rng).tolist()
        cv2.rectangle(image, (0, 0), (width - 1, height - 1), mount, 4 * edge)
    cv2.rectangle(image, (0, 0), (width - 1, height - 1), shade(random_colour(rng), 0.7, rng).tolist(), 2 * edge)
    return image


def books(rng: np.random.Generator, height: int, width: int) -> np.ndarray:
    """Paint book spines side by side, of different thickness and height."""
    image, x = canvas(height, width, (26, 22, 20)), 0
    while x < width:
        thick, tall = int(rng.integers(3, 10)), int(height * rng.uniform(0.72, 0.99))
        colour = np.asarray(random_colour(rng), np.float32)
        image[height - tall :, x : x + thick] = colour
        image[height - tall :, x : x + 1] *= 0.55
        for band in rng.uniform(0.1, 0.9, int(rng.integers(0, 4))):
            y = height - tall + int(tall * band)
            image[y : y + int(rng.integers(1, 5)), x : x + thick] = random_colour(rng)
        x += thick
    return speckle(rng, image, 7)


def fronts(surface: Paint, columns: int, rows: int) -> Paint:
    """Return a painter of doors or drawers: a grid of panels of one material, with joints and handles."""

    def paint(rng: np.random.Generator, height: int, width: int) -> np.ndarray:
        image = surface(rng, height, width).copy()
        handle = shade(rng.choice([40, 200]) * np.ones(3), 1, rng, 5).tolist()
        for row in range(rows):
            for column in range(columns):
                x0, x1 = width * column // columns, width * (column + 1) // columns
                y0, y1 = height * row // rows, height * (row + 1) // rows
                image[y0:y1, x0:x1] *= rng.uniform(0.88, 1.08)
                inset = max(2, min(x1 - x0, y1 - y0) // 9)
                cv2.rectangle(image, (x0, y0), (x1 - 1, y1 - 1), (25, 22, 20), 1)
                cv2.rectangle(image, (x0 + inset, y0 + inset), (x1 - inset, y1 - inset), (60, 52, 46), 1)
                if rows > columns or rows * columns == 1:
                    middle = ((x0 + x1) // 2, (y0 + y1) // 2)
                    cv2.line(image, (middle[0] - inset, middle[1]), (middle[0] + inset, middle[1]), handle, 2)
                else:
                    x = x1 - inset if column % 2 == 0 else x0 + inset
                    cv2.line(image, (x, (y0 + y1) // 2 - inset), (x, (y0 + y1) // 2 + inset), handle, 2)
        return image

    return paint


def rug(base: Colour, other: Colour, third: Colour) -> Paint:
    """Return a painter of a rug with borders and lozenges."""

    def paint(rng: np.random.Generator, height: int, width: int) -> np.ndarray:
        image = canvas(height, width, base)
        for number, colour in enumerate((other, base, third, base)):
            inset = int(min(height, width) * (0.03 + 0.035 * number))
            cv2.rectangle(image, (inset, inset), (width - inset, height - inset), list(map(float, colour)), -1)
        step = int(rng.integers(22, 44))
        for y in range(step, height - step // 2, step):
            for x in range(step, width - step // 2, step):
                size, tone = (
                    int(step * rng.uniform(0.25, 0.5)),
                    shade(other if rng.random() < 0.5 else third, 1, rng, 22),
                )
                corners = np.array([(x - size, y), (x, y - size), (x + size, y), (x, y + size)])
                cv2.fillConvexPoly(image, corners, tone.tolist())
        return speckle(rng, image, 14)

    return paint


def screen(rng: np.random.Generator, height: int, width: int) -> np.ndarray:
    """Paint a screen that is dark or shows a picture."""
    if rng.random() < 0.5:
        return landscape(rng, height, width)
    image = canvas(height, width, (22, 24, 29)) + np.linspace(0, 34, width, dtype=np.float32)[None, :, None]
    cv2.rectangle(image, (0, 0), (width - 1, height - 1), (12, 12, 12), 4)
    return speckle(rng, image, 3)


def outdoors(rng: np.random.Generator, height: int, width: int) -> np.ndarray:
    """Paint the view through a window: sky, houses across the street, trees, and the window's bars."""
    sky = np.asarray(shade((150, 190, 235), rng.uniform(0.85, 1.05), rng, 6))
    fade = np.linspace(1.0, 1.12, height, dtype=np.float32)[:, None, None]
    image = np.clip(canvas(height, width, sky) * fade, 0, 255)
    horizon, x = height * rng.uniform(0.35, 0.6), 0
    while x < width:
        wide, top = int(rng.integers(25, 70)), int(horizon - rng.uniform(-0.1, 0.22) * height)
        wall = shade((185, 165, 145), rng.uniform(0.6, 1.2), rng, 18)
        cv2.rectangle(image, (x, top), (x + wide, height), wall.tolist(), -1)
        for wy in range(top + 6, height, 13):
            for wx in range(x + 5, x + wide - 6, 11):
                cv2.rectangle(
                    image, (wx, wy), (wx + 4, wy + 6), shade((70, 80, 100), rng.uniform(0.6, 1.8), rng).tolist(), -1
                )
        x += wide
    for _ in range(int(rng.integers(0, 4))):
        cx = int(rng.integers(0, width))
        for _ in range(45):
            spot = (cx + int(rng.normal(0, 15)), int(height * 0.72 + rng.normal(0, 18)))
            cv2.circle(
                image, spot, int(rng.integers(2, 8)), shade((70, 120, 50), rng.uniform(0.6, 1.5), rng).tolist(), -1
            )
    image = speckle(rng, image, 5)
    for column in range(1, int(rng.integers(1, 4)) + 1):
        x = width * column // 3 if width > 120 else width // 2
        cv2.line(image, (x, 0), (x, height), (235, 233, 228), 4)
    if rng.random() < 0.4:
        cv2.line(image, (0, height // 3), (width, height // 3), (235, 233, 228), 4)
    return image


def clock(rng: np.random.Generator, height: int, width: int) -> np.ndarray:
    """Paint a clock face."""
    image, middle, radius = canvas(height, width, (236, 232, 222)), (width // 2, height // 2), min(height, width) // 2
    cv2.circle(image, middle, radius - 1, shade(random_colour(rng), 0.6, rng).tolist(), 3)
    for hour in range(12):
        edge = np.array([np.sin(hour * np.pi / 6), np.cos(hour * np.pi / 6)]) * radius * 0.75
        cv2.circle(image, (middle[0] + int(edge[0]), middle[1] + int(edge[1])), 2, (20, 20, 20), -1)
    for length in (0.4, 0.65):
        turn = rng.uniform(0, 2 * np.pi)
        tip = (middle[0] + int(np.sin(turn) * radius * length), middle[1] + int(np.cos(turn) * radius * length))
        cv2.line(image, middle, tip, (20, 20, 20), 2)
    return speckle(rng, image, 5)


PICTURES: tuple[Callable[[np.random.Generator, int, int], np.ndarray], ...] = (poster, landscape, poster, landscape)
