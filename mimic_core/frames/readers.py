"""Choose the reader for each kind of source."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from mimic_core.frames.faces import face_blur
from mimic_core.frames.hdf5 import hdf5_views
from mimic_core.frames.images import image_views
from mimic_core.frames.scene import scene_views
from mimic_core.frames.sens import sens_views
from mimic_core.frames.settings import ImageSettings, SceneSettings, VideoSettings, read_frames_settings
from mimic_core.frames.video import video_views
from mimic_core.frames.views import Reader, Reading, Remark, View
from mimic_core.kit.errors import UnreadableError
from mimic_core.sources import Unit


def reader(kind: str, settings: Mapping[str, Any], seed: int) -> Reader:
    """Return the function that reads the views of a unit, as configured.

    It raises :class:`UnreadableError` for a unit that is already known to be bad (``unit.fault``).

    Args:
        kind: ``video``, ``sequence``, ``group`` or ``scene``.
        settings: the source's ``frames`` block.
        seed: the config's seed.

    Raises:
        MimicError: a setting cannot be used, such as a missing face detector.
    """
    face_blur(settings.get("blur_faces", ""))  # fail now if the detector is missing, not at every unit
    read = reader_of(kind, settings, seed)

    def read_unit(unit: Unit) -> Iterator[Reading]:
        if unit.fault:
            raise UnreadableError(unit.fault, where=unit.path, remedy="repair or remove it")
        return read(unit)

    return read_unit


def reader_of(kind: str, settings: Mapping[str, Any], seed: int) -> Reader:
    """Return the reader for a kind of source; it does not check ``unit.fault``."""
    if kind == "video":
        video = read_frames_settings(VideoSettings, settings)
        return lambda unit: video_views(unit.path, video, turn=unit.turn)
    if kind in ("group", "sequence"):
        images = read_frames_settings(ImageSettings, settings)
        return lambda unit: still_views(unit, images)
    if kind == "scene":
        scene = read_frames_settings(SceneSettings, settings)
        return lambda unit: scene_views(unit, scene, seed)
    raise ValueError(f"no reader for sources of kind {kind!r}")


def still_views(unit: Unit, settings: ImageSettings) -> Iterator[View | Remark | UnreadableError]:
    """Read the views of a sequence or group: image files, a sample in an HDF5 file, or a ``.sens`` recording."""
    if unit.inside:
        return hdf5_views(unit, settings)
    if unit.path.suffix.lower() == ".sens" and not unit.images and not unit.path.is_dir():
        return sens_views(unit.path, settings)
    return image_views(unit, settings)
