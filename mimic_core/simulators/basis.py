"""Basis Universal textures (``.basis`` and KTX 2 files), decoded by a replaceable transcoder."""

from __future__ import annotations

import importlib.util
from typing import Callable, List, Tuple

import numpy as np

from mimic_core.kit.errors import UnreadableError

EXTENSIONS = ("KHR_texture_basisu", "GOOGLE_texture_basis")
NEEDED = "opengl-basisu==0.1.0a2"
SIGNATURES = (b"sB", b"\xabKTX 20\xbb\r\n\x1a\n")


def is_basis(data: bytes) -> bool:
    """Whether bytes begin like a ``.basis`` or KTX 2 file."""
    return data.startswith(SIGNATURES)


def transcoder_available() -> bool:
    """Whether Basis Universal textures can be decoded here; the transcoder is not imported."""
    return importlib.util.find_spec("opengl_basisu") is not None


def transcode(data: bytes, check_size: Callable[[Tuple[int, int]], None]) -> List[np.ndarray]:
    """Decode a ``.basis`` or KTX 2 file: its mip levels, HxWx3 uint8 each, first row on top, the largest first.

    Another transcoder only has to replace this function.

    Args:
        check_size: called with (width, height) before anything is decoded; raises if they are too large.

    Raises:
        UnreadableError: no transcoder is installed.
        ValueError: the file is damaged or not Basis Universal.
    """
    try:
        import opengl_basisu
    except ImportError as error:
        what = f"its textures are Basis Universal, and {NEEDED.split('==')[0]}, which decodes them, is not installed"
        remedy = f"install it: pip install {NEEDED}; or set frames.simulator to habitat where habitat-sim runs"
        raise UnreadableError(what, remedy=remedy) from error
    texture = opengl_basisu.open(data)
    check_size((texture.width, texture.height))
    levels = [np.asarray(texture.transcode("rgba8", level=level).data) for level in range(texture.levels)]
    order = -1 if texture.y_flipped else 1
    return [np.ascontiguousarray(level[::order, :, :3]) for level in levels]
