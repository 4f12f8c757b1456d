"""Turn and mirror frames upright, as their metadata say."""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass
from functools import lru_cache

import av
import numpy as np
from av.sidedata.sidedata import SideDataContainer

from mimic_core.frames.views import Image

ONE_DEGREE = 1.0  # display matrices farther than this from a quarter turn are reported


@dataclass(frozen=True)
class Orientation:
    """How to bring a stored frame upright: mirror it left to right if ``mirrored``, then turn it.

    Attributes:
        quarters: quarter turns counter-clockwise, 0 to 3, after mirroring.
        mirrored: whether to mirror first.
        remark: which part of the display matrix is ignored; empty if none is.
    """

    quarters: int = 0
    mirrored: bool = False
    remark: str = ""


AS_STORED = Orientation()


def orientation(frame: av.VideoFrame) -> Orientation | None:
    """Return a frame's orientation from the display matrix of the container or the frame; None without a matrix."""
    try:
        # frame.side_data would create a reference cycle that keeps the frame's memory until garbage collection
        matrix = SideDataContainer(frame).get("DISPLAYMATRIX")  # type: ignore[call-arg]
    except ValueError:  # PyAV cannot read side data of an unknown type; the angle is still available
        return Orientation(round(frame.rotation / 90) % 4)
    return None if matrix is None else of_matrix(bytes(matrix)[:36])


@lru_cache(maxsize=64)
def of_matrix(data: bytes) -> Orientation:
    """Return the orientation nearest to a display matrix.

    Args:
        data: nine 32-bit integers (a b u c d v x y w) in native byte order: the point (x, y) of a frame, y down, is
            displayed at (a x + c y, b x + d y).
    """
    a, b, _, c, d = struct.unpack("=9i", data)[:5] if len(data) == 36 else (0, 0, 0, 0, 0)
    across, down = math.hypot(a, b), math.hypot(c, d)
    if not across or not down or abs(a * d - b * c) < 1e-3 * across * down:
        return Orientation(remark="its display matrix is invalid; used as stored")
    a, b, c, d = a / across, b / across, c / down, d / down  # scale is the pixel aspect ratio, not rotation
    mirrored = a * d - b * c < 0
    if mirrored:
        a, b = -a, -b
    angle = math.degrees(math.atan2(b - c, a + d))  # clockwise
    quarters = round(angle / 90)
    remark = ""
    if abs(angle - 90 * quarters) > ONE_DEGREE:
        remark = f"turned by {angle % 360:.0f} degrees; used the nearest quarter turn, {90 * (quarters % 4)}"
    return Orientation(-quarters % 4, mirrored, remark)


def quarters_to_upright(known: Orientation, turn: int) -> int:
    """Return the quarter turns counter-clockwise, 0 to 3, that turn a frame upright; ``turn`` as in :func:`upright`."""
    return known.quarters if known.quarters or known.mirrored else -turn % 4


def upright(frame: av.VideoFrame, turn: int = 0, known: Orientation | None = None) -> Image:
    """Return the upright RGB pixels (H, W, 3) of a frame.

    Args:
        turn: quarter turns clockwise, used only if the orientation neither turns nor mirrors the frame.
        known: its orientation; by default from the frame's metadata.
    """
    used = known or orientation(frame) or AS_STORED
    image: Image = frame.to_ndarray(format="rgb24")
    if used.mirrored:
        image = image[:, ::-1]
    quarter_turns = quarters_to_upright(used, turn)
    return np.ascontiguousarray(np.rot90(image, quarter_turns) if quarter_turns else image)
