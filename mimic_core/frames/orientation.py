"""How a frame is turned and mirrored before it is looked at."""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass
from functools import lru_cache

import av
import numpy as np
from av.sidedata.sidedata import SideDataContainer

from mimic_core.frames.views import Image

ONE_DEGREE = 1.0  # a display matrix that is farther from a multiple of 90 degrees is remarked


@dataclass(frozen=True)
class Orientation:
    """What brings a stored picture upright: mirror it (left to right) where it says so, then turn it.

    Attributes:
        quarters: quarter turns counter-clockwise, 0 to 3, after mirroring.
        mirrored: whether it is mirrored first.
        remark: what of a display matrix is not followed; empty where all of it is.
    """

    quarters: int = 0
    mirrored: bool = False
    remark: str = ""


AS_STORED = Orientation()


def orientation(frame: av.VideoFrame) -> Orientation | None:
    """The orientation of a frame by its display matrix, of the container or of the frame itself; None without one."""
    try:
        # frame.side_data would hold the frame in a cycle, and its memory until the next collection
        matrix = SideDataContainer(frame).get("DISPLAYMATRIX")  # type: ignore[call-arg]
    except ValueError:  # side data of a kind that PyAV has no name for hides the others; the angle is still known
        return Orientation(round(frame.rotation / 90) % 4)
    return None if matrix is None else of_matrix(bytes(matrix)[:36])


@lru_cache(maxsize=64)
def of_matrix(data: bytes) -> Orientation:
    """The orientation that is nearest to a display matrix.

    Args:
        data: nine 32-bit integers (a b u c d v x y w) in the machine's byte order: a picture's point (x, y), y down,
            is shown at (a x + c y, b x + d y).
    """
    a, b, _, c, d = struct.unpack("=9i", data)[:5] if len(data) == 36 else (0, 0, 0, 0, 0)
    across, down = math.hypot(a, b), math.hypot(c, d)
    if not across or not down or abs(a * d - b * c) < 1e-3 * across * down:
        return Orientation(remark="its display matrix is none; taken as it is stored")
    a, b, c, d = a / across, b / across, c / down, d / down  # a scale is that of the pixels' shape, not a turn
    mirrored = a * d - b * c < 0
    if mirrored:
        a, b = -a, -b
    angle = math.degrees(math.atan2(b - c, a + d))  # clockwise
    quarters = round(angle / 90)
    remark = ""
    if abs(angle - 90 * quarters) > ONE_DEGREE:
        remark = f"turned by {angle % 360:.0f} degrees; taken at the nearest quarter turn, {90 * (quarters % 4)}"
    return Orientation(-quarters % 4, mirrored, remark)


def quarters_to_upright(shown: Orientation, turn: int) -> int:
    """Quarter turns counter-clockwise, 0 to 3, of a frame; ``turn`` as in :func:`upright`."""
    return shown.quarters if shown.quarters or shown.mirrored else -turn % 4


def upright(frame: av.VideoFrame, turn: int = 0, shown: Orientation | None = None) -> Image:
    """RGB pixels (H, W, 3) of a frame as it is shown.

    Args:
        turn: quarter turns clockwise, where its own metadata turn nothing: nothing is turned twice.
        shown: its orientation; by default what its own metadata say.
    """
    found = shown or orientation(frame) or AS_STORED
    image: Image = frame.to_ndarray(format="rgb24")
    if found.mirrored:
        image = image[:, ::-1]
    quarter_turns = quarters_to_upright(found, turn)
    return np.ascontiguousarray(np.rot90(image, quarter_turns) if quarter_turns else image)
