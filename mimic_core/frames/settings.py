"""Settings that decide how videos, images and scenes become 224x224 views."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, TypeVar

from mimic_core.kit.settings import key, keys_of, read_settings, settings, unknown_key
from mimic_core.kit.values import BelowOne, NotNegative, Positive, Text

ResizeMode = Literal["squash", "center_crop"]
SimulatorName = Literal["auto", "moderngl", "embreex", "habitat"]


@settings("frames")
class ImageSettings:
    """How an image becomes a view."""

    resize: ResizeMode = key(
        "how an image becomes square: squash it, as the released scripts do, or crop its centre", default="squash"
    )
    blur_faces: Text = key(
        "blur faces before anything is written: path of a face detector (CenterFace, ONNX), or auto for the packaged"
        " one; empty: faces are not blurred",
        default="",
    )


@settings("frames")
class ClockSettings:
    """Which frames of a video become views."""

    interval: NotNegative = key("time between views; 0 takes every frame", default=1.0, unit="seconds")
    min_seconds: NotNegative = key(
        "shorter videos are skipped (paper appendix C.1: 5 for ARKitScenes, 3 for Mannequin)",
        default=0.0,
        unit="seconds",
    )
    crop_bottom: BelowOne = key(
        "how much of each frame to crop at the bottom, for example to remove captions",
        default=0.0,
        unit="share of the height",
    )
    max_motion: NotNegative = key(
        "take a view early once the image has moved this far since the last one; 0: by time alone",
        default=0.0,
        unit="share of the width",
    )


@settings("frames")
class VideoSettings(ImageSettings, ClockSettings):
    """How a video becomes views."""


@settings("frames")
class SimulatorSettings:
    """Which simulator renders scenes."""

    simulator: SimulatorName = key("which simulator renders scenes; auto: the first one available", default="auto")


@settings("frames")
class SceneSettings(SimulatorSettings):
    """How a scene becomes views."""

    samples_per_scene: Positive = key("random-walk samples per scene, 24 views each", default=3000)
    min_island_radius: NotNegative = key(
        "walks start only on walkable islands of at least this radius", default=6.0, unit="metres"
    )
    up_axis: Literal["y", "z"] = key("up axis of the scene files", default="z")


KINDS: tuple[type, ...] = (VideoSettings, ImageSettings, SceneSettings)
Settings = TypeVar("Settings", VideoSettings, ImageSettings, SceneSettings)


def read_frames_settings(kind: type[Settings], block: Mapping[str, Any]) -> Settings:
    """Read the settings for one kind of source from a frames block, which may have the keys of every kind.

    Raises:
        MimicError: a key is unknown to every kind, or a value is invalid.
    """
    for name in block:
        if not any(name in keys_of(one) for one in KINDS):
            raise unknown_key(name, kind, "frames")
    return read_settings(kind, {name: block[name] for name in keys_of(kind) if name in block}, "frames")
