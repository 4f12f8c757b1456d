"""Furniture made of boxes, cylinders and balls. A maker takes (rng, style) and returns pieces, front towards +z."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from mimic_core.sampledata.build.furniture import decoration, seats, storage, tables
from mimic_core.sampledata.build.shapes import Piece
from mimic_core.sampledata.build.style import Style

Maker = Callable[[np.random.Generator, Style], list[Piece]]

MAKERS: dict[str, Maker] = {
    **seats.MAKERS,
    **tables.MAKERS,
    **storage.MAKERS,
    **decoration.MAKERS,
}
