"""Settings of the views: how videos, images and scenes become 224x224 pictures."""

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
        "how a picture becomes a square: squashed, as the released scripts do, or its middle cut out", default="squash"
    )
    blur_faces: Text = key(
        "faces are blurred before anything is written: file of a face detector (CenterFace, ONNX), or auto for the"
        " packaged one; empty: they stay",
        default="",
    )


@settings("frames")
class ClockSettings:
    """Which moments of a video become views."""

    interval: NotNegative = key("time between two views; 0 takes every frame", default=1.0, unit="seconds")
    min_seconds: NotNegative = key(
        "shorter videos are left out (paper appendix C.1: 5 for ARKitScenes, 3 for Mannequin)",
        default=0.0,
        unit="seconds",
    )
    crop_bottom: BelowOne = key(
        "how much of each picture is cut off at the bottom, as captions are", default=0.0, unit="share of the height"
    )
    max_motion: NotNegative = key(
        "a view comes early once the picture has moved so far since the last one; 0: by time alone",
        default=0.0,
        unit="share of the width",
    )


@settings("frames")
class VideoSettings(ImageSettings, ClockSettings):
    """How a video becomes views."""


@settings("frames")
class SimulatorSettings:
    """What renders scenes."""

    simulator: SimulatorName = key("what renders scenes; auto: the first that is there", default="auto")


@settings("frames")
class SceneSettings(SimulatorSettings):
    """How a scene becomes views."""

    samples_per_scene: Positive = key("random-walk samples of a scene, 24 views each", default=3000)
    min_island_radius: NotNegative = key(
        "walks start only on walkable islands of at least this radius", default=6.0, unit="metres"
    )
    up_axis: Literal["y", "z"] = key("upward axis of the scenes' files", default="z")


KINDS: tuple[type, ...] = (VideoSettings, ImageSettings, SceneSettings)
Settings = TypeVar("Settings", VideoSettings, ImageSettings, SceneSettings)


def read_frames_settings(kind: type[Settings], block: Mapping[str, Any]) -> Settings:
    """Settings of one kind of source from a frames block, which holds the keys of every kind.

    Raises:
        MimicError: a key that no kind has, or a value out of range.
    """
    for name in block:
        if not any(name in keys_of(one) for one in KINDS):
            raise unknown_key(name, kind, "frames")
    return read_settings(kind, {name: block[name] for name in keys_of(kind) if name in block}, "frames")
