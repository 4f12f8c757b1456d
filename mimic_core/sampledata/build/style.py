"""The style of a flat: the materials of its rooms and furniture."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from mimic_core.sampledata.build.materials import Materials, Paint, shade

WOODS = ((176, 128, 82), (120, 78, 48), (205, 170, 122), (148, 98, 66), (92, 66, 50), (190, 150, 110))
WALLS = (
    (206, 196, 178),
    (182, 192, 186),
    (198, 180, 166),
    (176, 186, 204),
    (204, 188, 150),
    (170, 160, 150),
    (194, 170, 176),
)
STRONG = ((128, 60, 52), (58, 88, 122), (72, 108, 80), (176, 124, 48), (102, 66, 104), (54, 112, 116), (150, 84, 60))
QUIET = ((150, 144, 134), (112, 116, 122), (168, 152, 130), (128, 132, 116), (92, 88, 90))
LIGHT = ((214, 208, 198), (196, 190, 180), (210, 210, 206))


class Style:
    """Draw a flat's materials.

    Args:
        rng: source of all random draws.
    """

    def __init__(self, rng: np.random.Generator) -> None:
        self.rng = rng
        self.materials = made = Materials(rng)
        self.woods = [made.wood(self.colour(WOODS, 0.12)) for _ in range(3)]
        self.lacquers = [made.plaster(self.colour(LIGHT + QUIET + STRONG), 0.8) for _ in range(3)]
        self.fabrics = [made.fabric(self.colour(STRONG + QUIET), self.colour(LIGHT + STRONG)) for _ in range(5)]
        self.metals = [made.metal(self.colour(((70, 70, 74), (150, 150, 152), (160, 130, 80))))]
        self.stones = [made.marble(self.colour(LIGHT + QUIET)), made.terrazzo(self.colour(QUIET))]
        self.leaves = [made.foliage(self.colour(((64, 104, 48), (84, 120, 66), (58, 92, 66)))) for _ in range(2)]
        self.clays = [made.plaster(self.colour(((172, 98, 66), (200, 190, 176), (90, 96, 104))), 1.0)]
        self.white = made.plaster((222, 220, 214), 0.5)
        self.skirting = self.colour(LIGHT + WOODS)

    def colour(self, choices: tuple[tuple[int, int, int], ...], spread: float = 0.15) -> np.ndarray:
        """Pick one of the colours and vary it a little."""
        chosen = choices[int(self.rng.integers(len(choices)))]
        return shade(chosen, self.rng.uniform(1 - spread, 1 + spread), self.rng, 6)

    def one_of(self, paints: Sequence[Paint]) -> Paint:
        """Pick one of the paints."""
        return paints[int(self.rng.integers(len(paints)))]

    @property
    def wood(self) -> Paint:
        """One of the flat's woods."""
        return self.one_of(self.woods)

    @property
    def fabric(self) -> Paint:
        """One of the flat's fabrics."""
        return self.one_of(self.fabrics)

    @property
    def body(self) -> Paint:
        """One of the flat's materials for cupboards, wood or lacquer."""
        return self.one_of(self.woods + self.lacquers)

    @property
    def metal(self) -> Paint:
        """The flat's metal."""
        return self.metals[0]

    def floor(self, kind: str) -> Paint:
        """Draw a floor for a room of this kind."""
        made, rng = self.materials, self.rng
        if kind in ("bath", "kitchen", "hall"):
            tile = int(rng.choice([16, 32, 64]))
            wet: list[Callable[[], Paint]] = [
                lambda: made.tiles(self.colour(QUIET + LIGHT), self.colour(STRONG), tile),
                lambda: made.terrazzo(self.colour(QUIET)),
                lambda: made.bricks(self.colour(((150, 80, 60), (120, 110, 100))), (120, 115, 108), 32, 16),
            ]
            return wet[int(rng.integers(len(wet)))]()
        dry: list[Callable[[], Paint]] = [
            lambda: made.planks(self.colour(WOODS), int(rng.choice([8, 16, 16])), int(rng.choice([128, 256]))),
            lambda: made.parquet(self.colour(WOODS), int(rng.choice([32, 64]))),
            lambda: made.carpet(self.colour(QUIET + STRONG), self.colour(LIGHT + STRONG)),
            lambda: made.planks(self.colour(WOODS), 16, 128).turned(),
        ]
        return dry[int(rng.integers(len(dry)))]()

    def wall(self, kind: str) -> Paint:
        """Draw a wall material for a room of this kind."""
        made, rng, base = self.materials, self.rng, self.colour(WALLS)
        draw = rng.random()
        if kind in ("bath", "kitchen") and draw < 0.65:
            return made.tiles(self.colour(LIGHT + WALLS), self.colour(STRONG + QUIET), int(rng.choice([16, 32])))
        if draw < 0.5:
            return made.wallpaper(base, self.colour(STRONG + LIGHT + QUIET))
        if draw < 0.7:
            return made.plaster(base, 1.15)
        if draw < 0.8:
            return made.bricks(self.colour(((160, 92, 70), (200, 192, 184), (140, 120, 100))), (168, 162, 154))
        if draw < 0.9:
            return made.panels(self.colour(WOODS + LIGHT), int(rng.choice([16, 32])))
        return made.concrete(self.colour(QUIET))

    def ceiling(self) -> Paint:
        """Draw a ceiling: usually plaster, else boards."""
        if self.rng.random() < 0.75:
            return self.materials.plaster((218, 215, 208), 0.75)
        return self.materials.planks(self.colour(LIGHT + WOODS), 32, 256)

    def with_skirting(self, wall: Paint, wall_height: float, dado: Paint | None) -> Paint:
        """Add a skirting board to a wall's paint and, if given, another material up to a rail at 1.1 m."""
        board = self.skirting

        def paint(rng: np.random.Generator, height: int, width: int) -> np.ndarray:
            image = wall(rng, height, width).copy()
            metre = height / wall_height
            if dado is not None:
                top = height - int(1.1 * metre)
                image[top:] = dado(rng, height - top, width)
                image[top - 3 : top + 3] = board * 0.85
            image[height - int(0.09 * metre) :] *= 0.2
            image[height - int(0.09 * metre) :] += board * 0.8
            image[height - int(0.09 * metre) - 1 : height - int(0.09 * metre)] *= 0.6
            return image

        return paint
