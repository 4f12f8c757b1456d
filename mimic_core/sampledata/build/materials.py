"""Materials: colours with grain at every scale from a centimetre to a metre, so that pictures of them have keypoints.

A material is a square image that repeats; surfaces cut their textures out of it. All materials of a flat share a few
layers of noise, which keeps them cheap.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import cv2
import numpy as np

DENSITY = 96.0  # default pixels per metre of a surface
SIDE = 512  # pixels of a material's image
WOODEN = (1.0, 0.85, 0.65)  # strength of grain in red, green and blue
OCTAVES = 7  # layers of noise; layer n has grains of 2^n pixels, n from 0

Paint = Callable[[np.random.Generator, int, int], np.ndarray]  # (rng, height, width) -> HxWx3 float32, 0..255
Colour = Sequence[float] | np.ndarray


class Tiled:
    """A painter that cuts a random part out of a repeating image."""

    def __init__(self, image: np.ndarray) -> None:
        self.image = np.ascontiguousarray(np.clip(image, 0, 255), dtype=np.float32)

    def __call__(self, rng: np.random.Generator, height: int, width: int) -> np.ndarray:
        """Return HxWx3 float32, 0..255."""
        top, left = rng.integers(0, SIDE, 2)
        if top + height <= SIDE and left + width <= SIDE:
            return self.image[top : top + height, left : left + width]
        rows, columns = (top + np.arange(height)) % SIDE, (left + np.arange(width)) % SIDE
        part: np.ndarray = self.image[rows[:, None], columns[None]]
        return part

    def turned(self) -> Tiled:
        """Return the material with rows and columns swapped."""
        return Tiled(self.image.transpose(1, 0, 2))


def shade(colour: Colour, brightness: float, rng: np.random.Generator, spread: float = 0.0) -> np.ndarray:
    """Scale the brightness of a colour and vary it a little at random."""
    varied = np.asarray(colour, dtype=float) * brightness + rng.normal(0, 1, 3) * spread
    return np.minimum(np.maximum(varied, 8.0), 250.0)


class Materials:
    """Draws materials at random.

    Args:
        rng: source of all random draws.
        contrast: scales all grain; at 1 most 224-pixel views of a room have a Laplacian variance over 1000.
    """

    def __init__(self, rng: np.random.Generator, contrast: float = 1.25) -> None:
        self.rng, self.contrast = rng, contrast
        self.noise = [self.octave(2**n) for n in range(OCTAVES)]

    def octave(self, grain: int) -> np.ndarray:
        """Draw noise with grains of this many pixels, deviation 1, repeated once so that any part can be cut."""
        cells = SIDE // grain
        values = np.pad(self.rng.standard_normal((cells, cells), dtype=np.float32), 2, mode="wrap")
        smooth = cv2.resize(values, None, fx=grain, fy=grain, interpolation=cv2.INTER_CUBIC) if grain > 1 else values
        smooth = smooth[2 * grain : 2 * grain + SIDE, 2 * grain : 2 * grain + SIDE]
        return np.tile(smooth / smooth.std(), (2, 2))

    def random_part(self, layer: np.ndarray) -> np.ndarray:
        """Cut a SIDExSIDE part out of a layer of noise and mirror it, both at random."""
        top, left = self.rng.integers(0, SIDE, 2)
        down, right = self.rng.integers(0, 2, 2) * 2 - 1
        return layer[top : top + SIDE, left : left + SIDE][::down, ::right]

    def grain(self, *amplitudes: float) -> np.ndarray:
        """Return noise with the given standard deviation (grey levels) in each octave, finest first: SIDExSIDE."""
        total = np.zeros((SIDE, SIDE), np.float32)
        for layer, amplitude in zip(self.noise, amplitudes, strict=False):
            if amplitude:
                total += self.random_part(layer) * (amplitude * self.contrast)
        return total

    def plain(self, colour: Colour, amplitudes: Sequence[float]) -> np.ndarray:
        """Return a colour with grain: SIDExSIDEx3 float32."""
        base = np.asarray(colour, dtype=np.float32)
        tint = 0.6 + 0.4 * base / max(float(base.max()), 1.0)
        grain = self.grain(*amplitudes)
        tinted: np.ndarray = cv2.merge(
            [grain * float(share) + float(level) for share, level in zip(tint, base, strict=True)]
        )
        return tinted

    def streaks(self, length: int, amplitude: float) -> np.ndarray:
        """Return grain stretched sideways over this many pixels, as in wood."""
        lines = cv2.blur(
            np.ascontiguousarray(self.random_part(self.noise[1])), (length, 1), borderType=cv2.BORDER_REFLECT
        )
        drawn: np.ndarray = lines / lines.std() * (amplitude * self.contrast)
        return drawn

    # ------------------------------------------------------------------ walls and ceilings

    def plaster(self, colour: Colour, strength: float = 1.0) -> Tiled:
        """Rough plaster."""
        return Tiled(self.plain(colour, [value * strength for value in (12, 15, 12, 7, 4, 3, 3)]))

    def concrete(self, colour: Colour) -> Tiled:
        """Concrete with pores and formwork joints."""
        image = self.plain(colour, [13, 15, 11, 7, 6, 6, 5])
        image[self.random_part(self.noise[2]) > 2.2] *= 0.6
        image[:: SIDE // 2] *= 0.6
        return Tiled(image)

    def wallpaper(self, colour: Colour, other: Colour) -> Tiled:
        """Wallpaper with stripes, lines, dots, lozenges or leaves."""
        rng, image = self.rng, self.plain(colour, [11, 13, 9, 5, 3, 2, 2])
        kind = rng.choice(["stripes", "dots", "lozenges", "leaves", "lines"])
        step = int(rng.choice([32, 64]))
        ink = np.asarray(other, dtype=float)
        if kind == "stripes":
            for x in range(0, SIDE, step):
                image[:, x : x + step // 3] += (ink - colour) * rng.uniform(0.5, 0.9)
        elif kind == "lines":
            for y in range(0, SIDE, step // 2):
                cv2.line(image, (0, y), (SIDE, y), shade(ink, 1, rng, 15).tolist(), int(rng.integers(2, 5)))
        else:
            for y in range(step // 2, SIDE, step):
                for x in range(step // 2 + (y // step % 2) * step // 2, SIDE, step):
                    size, spot = int(step * rng.uniform(0.13, 0.3)), shade(ink, 1, rng, 25).tolist()
                    if kind == "dots":
                        cv2.circle(image, (x, y), size, spot, -1)
                    elif kind == "lozenges":
                        corners = np.array([(x - size, y), (x, y - 2 * size), (x + size, y), (x, y + 2 * size)])
                        cv2.fillConvexPoly(image, corners, spot)
                    else:
                        turn = float(rng.uniform(0, 360))
                        cv2.ellipse(image, (x, y), (size, size // 2), turn, 0, 360, spot, -1)
                        cv2.ellipse(image, (x, y), (size * 2, size // 4 + 1), turn + 60, 0, 360, spot, -1)
        return Tiled(image + self.grain(9, 9, 5)[..., None])

    def bricks(self, colour: Colour, mortar: Colour, length: int = 24, height: int = 8) -> Tiled:
        """Bricks laid in a running bond."""
        rng, image = self.rng, self.plain(mortar, [8, 8, 6, 4])
        for row, y in enumerate(range(0, SIDE, height)):
            for x in range(-length // 2 * (row % 2), SIDE, length):
                image[y : y + height - 2, max(x, 0) : max(x, 0) + length - 2] = shade(
                    colour, rng.uniform(0.7, 1.2), rng, 9
                )
        return Tiled(image + self.grain(14, 15, 9, 5, 3, 3)[..., None])

    def panels(self, colour: Colour, width: int = 64) -> Tiled:
        """Upright wooden boards."""
        return self.planks(colour, width, SIDE).turned()

    # ------------------------------------------------------------------ floors

    def planks(self, colour: Colour, width: int = 16, length: int = 128) -> Tiled:
        """Boards running sideways, each in its own tone."""
        rng, image = self.rng, np.empty((SIDE, SIDE, 3), np.float32)
        for y in range(0, SIDE, width):
            start = int(rng.integers(0, length))
            for x in range(start - length, SIDE, length):
                image[y : y + width, max(x, 0) : x + length] = shade(colour, rng.uniform(0.7, 1.2), rng, 6)
                image[y : y + width, max(x, 0) : max(x, 0) + 2] *= 0.5
            image[y : y + 2] *= 0.55
        wood = self.streaks(19, 13) + self.streaks(5, 13) + self.grain(10, 10, 7, 4, 3)
        return Tiled(image + cv2.merge([wood * share for share in WOODEN]))

    def parquet(self, colour: Colour, block: int = 32) -> Tiled:
        """Square blocks of strips, laid crosswise."""
        rng, image, strip = self.rng, np.empty((SIDE, SIDE, 3), np.float32), block // 4
        for row in range(0, SIDE, block):
            for column in range(0, SIDE, block):
                for k in range(0, block, strip):
                    tone = shade(colour, rng.uniform(0.7, 1.2), rng, 6)
                    if (row + column) // block % 2:
                        image[row + k : row + k + strip, column : column + block] = tone
                        image[row + k, column : column + block] *= 0.6
                    else:
                        image[row : row + block, column + k : column + k + strip] = tone
                        image[row : row + block, column + k] *= 0.6
        return Tiled(image + self.grain(13, 14, 9, 5, 3)[..., None])

    def tiles(self, colour: Colour, other: Colour, size: int = 32, joint: Colour = (205, 203, 198)) -> Tiled:
        """Square tiles, plain, chequered or with a printed figure."""
        rng, image = self.rng, self.plain(joint, [6, 6, 4])
        kind = rng.choice(["plain", "chequered", "figure"])
        for row in range(0, SIDE, size):
            for column in range(0, SIDE, size):
                odd = (row + column) // size % 2
                base = other if kind == "chequered" and odd else colour
                cell = image[row + 1 : row + size - 1, column + 1 : column + size - 1]
                cell[:] = shade(base, rng.uniform(0.85, 1.1), rng, 5)
                if kind == "figure":
                    spot = shade(other, rng.uniform(0.8, 1.2), rng, 8).tolist()
                    middle = (column + size // 2, row + size // 2)
                    cv2.circle(image, middle, size // 3, spot, max(2, size // 12))
                    cv2.circle(image, middle, size // 9, spot, -1)
        return Tiled(image + self.grain(14, 16, 10, 5, 3, 3)[..., None])

    def carpet(self, colour: Colour, other: Colour) -> Tiled:
        """Deep pile with woven figures."""
        image = self.plain(colour, [18, 19, 11, 5, 3, 3, 3])
        figures = self.random_part(self.noise[4]) + 0.6 * self.random_part(self.noise[3])
        image[figures > 1.3] = image[figures > 1.3] * 0.4 + np.asarray(other) * 0.6
        return Tiled(image)

    def terrazzo(self, colour: Colour) -> Tiled:
        """Terrazzo: chips of stone in cement."""
        rng, image = self.rng, self.plain(colour, [11, 12, 8, 4, 3])
        for _ in range(900):
            x, y, a, b = rng.integers(0, SIDE), rng.integers(0, SIDE), rng.integers(2, 8), rng.integers(2, 5)
            tone = shade(rng.uniform(60, 240, 3), 1, rng).tolist()
            cv2.ellipse(image, (int(x), int(y)), (int(a), int(b)), float(rng.uniform(0, 180)), 0, 360, tone, -1)
        return Tiled(image + self.grain(9, 8)[..., None])

    # ------------------------------------------------------------------ furniture

    def wood(self, colour: Colour) -> Tiled:
        """Sawn wood with its grain sideways."""
        rings = np.sin(self.random_part(self.noise[6]) * 9 + self.streaks(60, 0.6)) * 9
        wood = self.streaks(31, 12) + self.streaks(7, 13) + rings + self.grain(11, 11, 7, 3, 3)
        return Tiled(cv2.merge([wood * share + float(level) for share, level in zip(WOODEN, colour, strict=True)]))

    def fabric(self, colour: Colour, other: Colour) -> Tiled:
        """Cloth: woven, striped, chequered or spotted."""
        rng, image = self.rng, self.plain(colour, [17, 18, 10, 5, 3, 3])
        kind, step = rng.choice(["woven", "stripes", "checks", "spots"]), int(rng.choice([8, 16, 32]))
        bars = (np.arange(SIDE) // step % 2).astype(bool)
        change = (np.asarray(other) - np.asarray(colour)).astype(np.float32)
        if kind == "stripes":
            image[:, bars] += change * 0.7
        elif kind == "checks":
            image[bars] += change * 0.35
            image[:, bars] += change * 0.35
        elif kind == "spots":
            image[self.random_part(self.noise[3]) > 1.2] += change * 0.8
        return Tiled(image)

    def marble(self, colour: Colour) -> Tiled:
        """Marble: stone with veins."""
        veins = np.exp(-np.abs(self.random_part(self.noise[5]) + 0.5 * self.random_part(self.noise[3])) * 9)
        return Tiled(self.plain(colour, [12, 13, 9, 5, 4, 4]) - veins[..., None] * 70)

    def metal(self, colour: Colour) -> Tiled:
        """Brushed metal."""
        return Tiled(np.asarray(colour, np.float32) + (self.streaks(31, 8) + self.grain(9, 9, 6, 3, 3, 3))[..., None])

    def foliage(self, colour: Colour) -> Tiled:
        """Leaves in light and shadow."""
        image = self.plain(colour, [10, 18, 20, 16, 8])
        image[self.random_part(self.noise[2]) > 0.9] *= 0.45
        return Tiled(image)
