"""Views of one sample of an HDF5 file, as DeMoN ships them: ``<sample>/frames/t0/v0/image``, ``v1`` and so on.

An ``image`` is a row of encoded bytes (WebP, JPEG or PNG; 1-D, one byte each) or pixels (H, W, 3) uint8, RGB. Only what
lies in the file itself is read: links and datasets that lead to other files are refused.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from mimic_core.errors import UnreadableError
from mimic_core.frames.faces import face_blur
from mimic_core.frames.images import ImageSettings
from mimic_core.frames.views import Image, View, decode_image, to_view_size
from mimic_core.sources import Unit
from mimic_core.sources.base import natural

LARGEST_IMAGE = 1 << 28  # bytes of one image as it is stored


def hdf5_views(unit: Unit, settings: ImageSettings) -> Iterator[View | UnreadableError]:
    """Yield the views of the sample ``unit.inside`` of the file ``unit.path``, in order of their names.

    A view that cannot be read is an error in its place. A view's name is its place below ``frames``, such as ``t0/v0``.

    Raises:
        UnreadableError: the file or the sample cannot be read, or gives fewer than two views.
    """
    import h5py  # only where it is used: importing it takes longer than everything else here

    hide_faces = face_blur(settings.blur_faces)
    readable = 0
    try:
        with h5py.File(unit.path, "r", locking=False) as file:
            frames = member(member(file, unit.inside), "frames")
            for time in in_order(frames):
                for name in in_order(member(frames, time)):
                    try:
                        image = read_image(member(member(member(frames, time), name), "image"))
                    except (OSError, KeyError, TypeError, ValueError, RuntimeError, cv2.error) as error:
                        where = unit.path / unit.inside / time / name
                        yield UnreadableError(f"an image that cannot be read ({error})", where=where)
                        continue
                    readable += 1
                    image, faces = hide_faces(image)
                    yield View(to_view_size(image, settings.resize), name=f"{time}/{name}", faces=faces)
    except (OSError, KeyError, TypeError, ValueError, RuntimeError) as error:
        raise UnreadableError(
            f"a sample that cannot be read ({error})",
            where=f"{unit.path}, group {unit.inside}",
            remedy="fetch the file again, or remove it",
        ) from error
    if readable < 2:
        raise UnreadableError(
            f"a sample with {readable} readable images of the two that a pair needs",
            where=f"{unit.path}, group {unit.inside}",
            remedy="fetch the file again, or remove it",
        )


def member(group: Any, name: str) -> Any:
    """A group's member of that name.

    Raises:
        ValueError: ``group`` is none, or a link leads out of the file.
        KeyError: there is no such member.
    """
    import h5py

    if not isinstance(group, h5py.Group):
        raise ValueError(f"there is no group above {name!r}")
    if not isinstance(group.get(name, getlink=True), h5py.HardLink):
        raise ValueError(f"{name!r} is a link to somewhere else")
    return group[name]


def in_order(group: Any) -> list[str]:
    """Names of a group's members: v2 before v10."""
    return sorted(group, key=lambda name: natural(Path(name))) if hasattr(group, "keys") else []


def read_image(dataset: Any) -> Image:
    """RGB image (H, W, 3) uint8 of a dataset.

    Raises:
        ValueError: it is no image, is stored outside of the file, or is too large.
    """
    import h5py

    if not isinstance(dataset, h5py.Dataset) or dataset.shape is None:
        raise ValueError("not a dataset")
    if dataset.external or dataset.is_virtual:
        raise ValueError("a dataset that lies in other files")
    if dataset.dtype.kind not in "ui" or dataset.dtype.itemsize != 1:
        raise ValueError(f"an image of type {dataset.dtype}")
    if math.prod(dataset.shape) > LARGEST_IMAGE:
        raise ValueError(f"an image of shape {dataset.shape}")
    array = dataset[()]
    if array.ndim == 1 and array.size:
        return decode_image(array.tobytes())
    if array.ndim == 3 and array.shape[2] == 3 and array.size:
        return np.ascontiguousarray(array).view(np.uint8)
    raise ValueError(f"an image of shape {array.shape}")
