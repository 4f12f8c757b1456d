"""What a real camera adds: noise, darker corners, a drifting exposure and white balance; off by default."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from mimic_core.kit.settings import NOT_NEGATIVE, SHARE, check_numbers, read_settings

MEMORY = 0.97  # how much of its exposure and balance a camera keeps from frame to frame


@dataclass(frozen=True)
class CameraSettings:
    """How far a camera is from a perfect one; 0 everywhere leaves pictures as they are rendered.

    Attributes:
        noise: standard deviation of the sensor's noise, grey levels.
        vignette: how much darker the corners are than the middle, 0 to 1.
        exposure: standard deviation of the exposure, stops (a factor of two each).
        white_balance: standard deviation of the gain of red and of blue against green.
    """

    noise: float = 0.0
    vignette: float = 0.0
    exposure: float = 0.0
    white_balance: float = 0.0

    def __post_init__(self) -> None:
        bounds = dict.fromkeys(("noise", "exposure", "white_balance"), NOT_NEGATIVE)
        check_numbers(self, "sample.camera", **bounds, vignette=SHARE)


class Camera:
    """Takes the pictures of one video, or one photo.

    Args:
        settings: the config block ``sample``; its ``camera`` may be missing.
        rng: where everything random comes from.
    """

    def __init__(self, settings: Mapping[str, Any], rng: np.random.Generator) -> None:
        self.settings = read_settings(CameraSettings, settings.get("camera", {}), "sample.camera")
        self.perfect = self.settings == CameraSettings()
        self.rng = rng
        self.drift = rng.standard_normal(3)  # exposure, red, blue

    def take(self, picture: np.ndarray) -> np.ndarray:
        """The next picture: HxWx3 uint8 to HxWx3 uint8."""
        if self.perfect:
            return picture
        asked = self.settings
        stops, red, blue = self.drift
        self.drift = MEMORY * self.drift + np.sqrt(1 - MEMORY**2) * self.rng.standard_normal(3)
        balance = np.maximum([1 + asked.white_balance * red, 1.0, 1 + asked.white_balance * blue], 0.0)
        gain = (2 ** (asked.exposure * stops) * balance).astype(np.float32)
        height, width = picture.shape[:2]
        across, down = np.linspace(-1, 1, width, dtype=np.float32), np.linspace(-1, 1, height, dtype=np.float32)
        corner = 1 - asked.vignette * (across[None] ** 2 + down[:, None] ** 2) / 2
        seen = picture * gain * corner[..., None]
        if asked.noise:
            seen += asked.noise * self.rng.standard_normal(picture.shape, dtype=np.float32)
        return cv2.convertScaleAbs(np.maximum(seen, 0))
