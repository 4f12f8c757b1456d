"""Views of a source's units: decoded or rendered, upright, 224x224, stored in shards."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields
from typing import Any

from mimic_core.frames.faces import face_blur
from mimic_core.frames.images import ImageSettings, image_views
from mimic_core.frames.scene import SceneSettings, scene_views
from mimic_core.frames.shard import Reader
from mimic_core.frames.video import VideoSettings, video_views
from mimic_core.frames.views import View
from mimic_core.sources import Unit


def reader(kind: str, settings: Mapping[str, Any], seed: int) -> Reader:
    """What reads the views of a unit of that kind (``video``, ``group`` or ``scene``), as its config block says."""
    face_blur(
        settings.get("blur_faces", "")
    )  # a detector that is missing stops everything, not one unit after the other
    if kind == "video":
        video = VideoSettings(**chosen(VideoSettings, settings))
        return lambda unit: video_views(unit.path, video)
    if kind == "group":
        images = ImageSettings(**chosen(ImageSettings, settings))
        return lambda unit: image_views(unit, images)
    if kind == "scene":
        scene = SceneSettings(**chosen(SceneSettings, settings))

        def read_scene(unit: Unit) -> Iterator[View]:
            return scene_views(unit, scene, seed)

        return read_scene
    raise ValueError(f"no reader of views for sources of kind {kind!r}")


def chosen(kind: type, settings: Mapping[str, Any]) -> dict[str, Any]:
    """The settings that this kind of source knows; the frames block holds those of every kind."""
    return {field.name: settings[field.name] for field in fields(kind) if field.name in settings}
