"""Painters of a street's textures: sky, glass, doors, shop signs and windows, road and pavement."""

from __future__ import annotations

import cv2
import numpy as np

from mimic_core.sampledata.build import artwork
from mimic_core.sampledata.build.materials import Paint, shade


def sky(rng: np.random.Generator, height: int, width: int) -> np.ndarray:
    """Paint a blue sky with clouds, paler towards the horizon."""
    fade = np.linspace(0.92, 1.25, height, dtype=np.float32)[:, None, None]
    image = np.minimum(artwork.canvas(height, width, (128, 168, 214)) * fade, 245)
    clouds = np.zeros((height, width), np.float32)
    for step in (2, 5, 12, 30):
        grain = rng.standard_normal((height // (height // step + 1) + 3, step + 3), dtype=np.float32)
        clouds += cv2.resize(grain, (width, height), interpolation=cv2.INTER_CUBIC) / np.sqrt(step)
    share = np.clip(clouds * 0.9, 0, 0.85)[..., None]
    painting: np.ndarray = np.clip(image * (1 - share) + 244 * share, 0, 255).astype(np.float32)
    return painting


def glass(rng: np.random.Generator, height: int, width: int) -> np.ndarray:
    """Paint a window from outside: reflected sky and houses, curtains or a blind, and bars."""
    image = np.ascontiguousarray(canvas_fade(height, width, shade((96, 120, 148), rng.uniform(0.7, 1.3), rng, 10)))
    for _ in range(int(rng.integers(2, 5))):
        x, wide, top = rng.uniform(0, width), rng.uniform(0.15, 0.5) * width, rng.uniform(0.2, 0.8) * height
        tone = shade((120, 110, 100), rng.uniform(0.4, 1.5), rng, 14).tolist()
        cv2.rectangle(image, (int(x), int(top)), (int(x + wide), height), tone, -1)
    cloth = shade((215, 208, 190), rng.uniform(0.6, 1.1), rng, 18).tolist()
    drawn = rng.random()
    if drawn < 0.45:
        for side in (0.0, 1.0):
            reach = rng.uniform(0.12, 0.38) * width
            corners = np.array([(side * width, 0), (abs(side * width - reach), 0), (side * width, height)])
            cv2.fillConvexPoly(image, corners.astype(np.int32), cloth)
    elif drawn < 0.7:
        low = int(height * rng.uniform(0.2, 0.9))
        for y in range(0, low, max(3, height // 24)):
            cv2.rectangle(image, (0, y), (width, y + max(1, height // 40)), cloth, -1)
    image = artwork.speckle(rng, image, 6)
    frame = shade((232, 230, 224), rng.uniform(0.3, 1.0), rng, 12).tolist()
    bar = max(2, width // 22)
    cv2.rectangle(image, (0, 0), (width - 1, height - 1), frame, 2 * bar)
    for column in range(1, int(rng.integers(1, 4))):
        cv2.line(image, (width * column // 3, 0), (width * column // 3, height), frame, bar)
    for row in rng.choice([0.3, 0.5, 0.66], int(rng.integers(0, 3)), replace=False):
        cv2.line(image, (0, int(height * row)), (width, int(height * row)), frame, bar)
    return image


def canvas_fade(height: int, width: int, colour: np.ndarray) -> np.ndarray:
    """Make an image of one colour that brightens upwards."""
    fade = np.linspace(1.35, 0.75, height, dtype=np.float32)[:, None, None]
    return np.clip(artwork.canvas(height, width, colour) * fade, 0, 255)


def door(rng: np.random.Generator, height: int, width: int) -> np.ndarray:
    """Paint a panelled front door with a window above it and a number."""
    colour = shade(((96, 42, 38), (38, 62, 84), (40, 74, 52), (92, 66, 44))[int(rng.integers(4))], 1, rng, 12)
    image = artwork.speckle(rng, artwork.canvas(height, width, colour), 11)
    light = int(height * 0.17)
    image[:light] = glass(rng, light, width)
    dark, bright = (colour * 0.45).tolist(), (colour * 1.5).tolist()
    for column in (0, 1):
        for top, end in ((0.22, 0.48), (0.53, 0.7), (0.75, 0.95)):
            first = (int(width * (0.1 + 0.45 * column)), int(height * top))
            last = (int(width * (0.45 + 0.45 * column)), int(height * end))
            cv2.rectangle(image, first, last, dark, 2)
            cv2.line(image, (first[0], last[1]), last, bright, 1)
    cv2.circle(image, (int(width * 0.88), int(height * 0.58)), max(2, width // 22), (214, 180, 90), -1)
    text = str(int(rng.integers(1, 99)))
    return lettered(image, text, (width // 3, height // 2), cv2.FONT_HERSHEY_DUPLEX, width / 90, (225, 215, 190), 2)


def lettered(
    image: np.ndarray,
    text: str,
    origin: tuple[int, int],
    font: int,
    scale: float,
    colour: tuple[int, int, int],
    thickness: int,
) -> np.ndarray:
    """Write a text on an image; ``origin`` is the (x, y) of its lower left."""
    grey_levels: np.ndarray = np.clip(image, 0, 255).astype(np.uint8)  # OpenCV draws text only on uint8
    cv2.putText(grey_levels, text, origin, font, scale, colour, thickness, cv2.LINE_AA)
    return grey_levels.astype(np.float32)


def sign(rng: np.random.Generator, height: int, width: int) -> np.ndarray:
    """Paint a shop's name on a board."""
    ground = np.asarray(artwork.random_colour(rng))
    ink = (250, 245, 225) if ground.mean() < 130 else (30, 26, 34)
    image = artwork.canvas(height, width, ground)
    cv2.rectangle(image, (2, 2), (width - 3, height - 3), ink, 2)
    name = "".join(rng.choice(artwork.LETTERS, int(rng.integers(4, 9))))
    font = (cv2.FONT_HERSHEY_DUPLEX, cv2.FONT_HERSHEY_TRIPLEX, cv2.FONT_HERSHEY_SIMPLEX)[int(rng.integers(3))]
    (wide, tall), _ = cv2.getTextSize(name, font, 1.0, 2)
    scale = min(0.82 * width / wide, 0.6 * height / tall)
    origin = (int((width - wide * scale) / 2), int((height + tall * scale) / 2))
    image = lettered(image, name, origin, font, scale, ink, max(2, height // 14))
    for x in (0.05, 0.95):
        cv2.circle(image, (int(width * x), height // 2), height // 5, artwork.random_colour(rng), -1)
    return artwork.speckle(rng, image, 8)


def shop_window(rng: np.random.Generator, height: int, width: int) -> np.ndarray:
    """Paint a shop window: goods on shelves, and posters."""
    image = canvas_fade(height, width, shade((74, 66, 60), rng.uniform(0.7, 1.3), rng, 12))
    image = np.ascontiguousarray(image)
    shelves = int(rng.integers(2, 5))
    for shelf in range(shelves):
        base, x = int(height * (shelf + 0.95) / shelves), 4
        cv2.line(image, (0, base), (width, base), (188, 160, 120), 3)
        while x < width - 6:
            wide, tall = int(rng.integers(5, 22)), int(height / shelves * rng.uniform(0.25, 0.8))
            tone = artwork.random_colour(rng)
            if rng.random() < 0.35:
                cv2.ellipse(image, (x + wide // 2, base - tall // 2), (wide // 2, tall // 2), 0, 0, 360, tone, -1)
            else:
                cv2.rectangle(image, (x, base - tall), (x + wide - 2, base - 2), tone, -1)
            x += wide + int(rng.integers(0, 5))
    for _ in range(int(rng.integers(0, 3))):
        tall, wide = int(height * rng.uniform(0.2, 0.4)), int(width * rng.uniform(0.12, 0.25))
        y, x = int(rng.integers(0, height - tall)), int(rng.integers(0, width - wide))
        image[y : y + tall, x : x + wide] = artwork.poster(rng, tall, wide)
    cv2.rectangle(image, (0, 0), (width - 1, height - 1), shade((60, 60, 64), 1, rng, 20).tolist(), 7)
    return artwork.speckle(rng, image, 5)


def awning(rng: np.random.Generator, height: int, width: int) -> np.ndarray:
    """Paint striped cloth."""
    one, other, step = artwork.random_colour(rng), (238, 234, 222), int(rng.integers(12, 26))
    image = artwork.canvas(height, width, one)
    for x in range(0, width, 2 * step):
        image[:, x : x + step] = other
    return artwork.speckle(rng, image, 8)


def asphalt(surface: Paint) -> Paint:
    """Return a painter of a road along the image's width: patched asphalt, dashed middle line, cracks and manholes."""

    def paint(rng: np.random.Generator, height: int, width: int) -> np.ndarray:
        image = surface(rng, height, width).copy()
        for _ in range(width // 60):
            x, y = artwork.random_pixel(rng, height, width)
            size = (int(rng.integers(20, 90)), int(rng.integers(12, 50)))
            image[y : y + size[1], x : x + size[0]] *= rng.uniform(0.6, 1.3)
            if rng.random() < 0.3:
                cv2.circle(image, (x, y), 14, (58, 56, 54), -1)
                cv2.circle(image, (x, y), 11, (110, 106, 100), 2)
                cv2.circle(image, (x, y), 5, (120, 116, 108), 2)
        for _ in range(width // 50):
            path = np.cumsum(rng.normal(0, 12, (9, 2)), axis=0) + np.array(artwork.random_pixel(rng, height, width))
            cv2.polylines(image, [path.astype(np.int32)], False, (44, 43, 42), 2)
        for x in range(0, width, 130):
            cv2.rectangle(image, (x, height // 2 - 3), (x + 70, height // 2 + 3), (224, 222, 214), -1)
        return np.clip(image, 0, 255)

    return paint


def masonry(surface: Paint, storeys: int, plinth: Paint) -> Paint:
    """Return a painter of a house front without windows: plinth, bands between the storeys, cornice and stains."""

    def paint(rng: np.random.Generator, height: int, width: int) -> np.ndarray:
        image = surface(rng, height, width).copy()
        foot = height // (storeys * 4)
        image[height - foot :] = plinth(rng, foot, width)
        band = shade((214, 206, 190), rng.uniform(0.5, 1.05), rng, 14)
        thick = max(4, height // 60)
        for storey in range(1, storeys):
            y = height - height * storey // storeys
            image[y : y + thick] = band
            image[y + thick : y + thick + 2] *= 0.55
        image[: 2 * thick] = band * 0.9
        for x in range(0, width, 3 * thick):
            image[thick : 3 * thick, x : x + thick + 2] = band * 0.65
        for _ in range(int(rng.integers(3, 9))):
            x, y = artwork.random_pixel(rng, height, width)
            long, wide = int(rng.integers(20, height // 3)), int(rng.integers(3, 16))
            image[y : y + long, x : x + wide] *= np.linspace(0.72, 1.0, long)[: max(0, height - y), None, None]
        return artwork.speckle(rng, image, 6)

    return paint
