"""Views of a source's units: decoded or rendered, upright, 224x224, stored in shards."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields
from typing import Any

from mimic_core.frames.faces import face_blur
from mimic_core.frames.hdf5 import hdf5_views
from mimic_core.frames.images import ImageSettings, image_views
from mimic_core.frames.scene import SceneSettings, scene_views
from mimic_core.frames.sens import sens_views
from mimic_core.frames.shard import OK, REMARK, VIEWS, log_row, none_readable, rows_or_fault, view_name
from mimic_core.frames.video import VideoSettings, expected_views, video_seconds, video_views
from mimic_core.frames.views import Reader, Reading, Remark, View, decode_image
from mimic_core.kit.errors import UnreadableError
from mimic_core.sources import Unit

__all__ = [
    "OK",
    "REMARK",
    "VIEWS",
    "Reader",
    "Reading",
    "Remark",
    "View",
    "decode_image",
    "expected_views",
    "face_blur",
    "log_row",
    "none_readable",
    "reader",
    "rows_or_fault",
    "video_seconds",
    "view_name",
]


def reader(kind: str, settings: Mapping[str, Any], seed: int) -> Reader:
    """What reads the views of a unit, as its config block says.

    The reader raises :class:`UnreadableError` for a unit that is known to be at fault.

    Args:
        kind: ``video``, ``sequence``, ``group`` or ``scene``.
    """
    face_blur(
        settings.get("blur_faces", "")
    )  # a detector that is missing stops everything, not one unit after the other
    read = reader_of(kind, settings, seed)

    def read_unit(unit: Unit) -> Iterator[Reading]:
        if unit.fault:
            raise UnreadableError(unit.fault, where=unit.path, remedy="mend or remove it")
        return read(unit)

    return read_unit


def reader_of(kind: str, settings: Mapping[str, Any], seed: int) -> Reader:
    """What reads the units of a kind that are not at fault."""
    if kind == "video":
        video = VideoSettings(**chosen(VideoSettings, settings))
        return lambda unit: video_views(unit.path, video, turn=unit.turn)
    if kind in ("group", "sequence"):
        images = ImageSettings(**chosen(ImageSettings, settings))
        return lambda unit: still_views(unit, images)
    if kind == "scene":
        scene = SceneSettings(**chosen(SceneSettings, settings))
        return lambda unit: scene_views(unit, scene, seed)
    raise ValueError(f"no reader of views for sources of kind {kind!r}")


def still_views(unit: Unit, settings: ImageSettings) -> Iterator[View | Remark | UnreadableError]:
    """The views of a sequence or group: of image files, of a group in an HDF5 file, or of a ``.sens`` recording."""
    if unit.inside:
        return hdf5_views(unit, settings)
    if unit.path.suffix.lower() == ".sens" and not unit.images and not unit.path.is_dir():
        return sens_views(unit.path, settings)
    return image_views(unit, settings)


def chosen(kind: type, settings: Mapping[str, Any]) -> dict[str, Any]:
    """The settings that this kind of source knows; the frames block holds those of every kind."""
    return {field.name: settings[field.name] for field in fields(kind) if field.name in settings}
