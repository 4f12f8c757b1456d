"""Views of one sample of an HDF5 file in DeMoN's layout: ``<sample>/frames/t0/v0/image``, ``v1`` and so on.

An ``image`` is a 1-D array of encoded bytes (WebP, JPEG or PNG) or RGB pixels (H, W, 3) uint8. Only data stored in the
file itself is read (:mod:`mimic_core.foreign.hdf5`).
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from mimic_core.foreign import check_picture, check_pixels, foreign
from mimic_core.foreign.hdf5 import member, members, open_hdf5, read_array
from mimic_core.frames.faces import face_blur
from mimic_core.frames.settings import ImageSettings
from mimic_core.frames.views import Image, View, decode_image, to_view_size
from mimic_core.kit.errors import UnreadableError
from mimic_core.sources import Unit, natural

VIEWS = 1 << 16  # maximum per sample: HDF5 groups may contain one another repeatedly
REMEDY = "fetch the file again, or remove it"


def hdf5_views(unit: Unit, settings: ImageSettings) -> Iterator[View | UnreadableError]:
    """Yield the views of the sample ``unit.inside`` of the file ``unit.path``, in order of their names.

    Yield an error in place of each view that cannot be read. A view is named by its path below ``frames``, such as
    ``t0/v0``.

    Raises:
        UnreadableError: the file or the sample cannot be read, or gives fewer than two views.
    """
    hide_faces = face_blur(settings.blur_faces)
    readable = 0
    sample = f"{unit.path}, group {unit.inside}"
    fault = "a sample that cannot be read"
    with foreign(fault, sample, REMEDY), open_hdf5(unit.path, fault) as file:
        frames = member(member(file, unit.inside), "frames")
        for number, place in enumerate(places(frames, unit)):
            if number >= VIEWS:
                raise ValueError(f"it has more than {VIEWS:,} views")
            if isinstance(place, UnreadableError):
                yield place
                continue
            time, name = place
            where = unit.path / unit.inside / time / name
            try:
                with foreign("an image that cannot be read", where, REMEDY):
                    image = read_image(member(member(member(frames, time), name), "image"), where)
            except UnreadableError as error:
                yield error
                continue
            readable += 1
            image, faces = hide_faces(image)
            yield View(to_view_size(image, settings.resize), name=f"{time}/{name}", faces=faces)
    if readable < 2:
        raise UnreadableError(
            f"a sample with {readable} readable images; a pair needs two", where=sample, remedy=REMEDY
        )


def places(frames: Any, unit: Unit) -> Iterator[tuple[str, str] | UnreadableError]:
    """Yield the time and view names of a sample in natural order (v2 before v10), or an error for a bad time."""
    for time in in_order(frames):
        try:
            with foreign("images that cannot be read", unit.path / unit.inside / time, REMEDY):
                names = in_order(member(frames, time))
        except UnreadableError as error:
            yield error
            continue
        for name in names:
            yield time, name


def in_order(group: Any) -> list[str]:
    """Return the names of a group's members in natural order (v2 before v10); empty for a dataset."""
    return sorted(members(group), key=lambda name: natural(Path(name))) if hasattr(group, "keys") else []


def read_image(dataset: Any, where: object) -> Image:
    """Read a dataset as an RGB image (H, W, 3) uint8.

    Raises:
        ValueError: it is not an image, is stored outside the file, is too large, or its bytes cannot be decoded.
        UnreadableError: it has too many pixels, or its header exceeds another bound.
    """
    array = read_array(dataset, "ui")
    if array.dtype.itemsize != 1:
        raise ValueError(f"an image of type {array.dtype}")
    if array.ndim == 1 and array.size:
        data = array.tobytes()
        check_picture(data, where)
        return decode_image(data)
    if array.ndim == 3 and array.shape[2] == 3 and array.size:
        check_pixels((array.shape[1], array.shape[0]), where)
        return np.ascontiguousarray(array).view(np.uint8)
    raise ValueError(f"an image of shape {array.shape}")
