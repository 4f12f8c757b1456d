"""Imperfections of a real camera: noise, vignetting, drifting exposure and white balance; off by default."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import cv2
import numpy as np

from mimic_core.kit.settings import read_settings
from mimic_core.sampledata.settings import CameraSettings

MEMORY = 0.97  # autocorrelation of exposure and white balance between frames


class Camera:
    """Add the imperfections of a camera to the pictures of one video, or to one photo.

    Args:
        settings: the config block ``sample``; its ``camera`` may be missing.
        rng: source of all random draws.
    """

    def __init__(self, settings: Mapping[str, Any], rng: np.random.Generator) -> None:
        self.settings = read_settings(CameraSettings, settings.get("camera", {}), "sample.camera")
        self.perfect = self.settings == CameraSettings()
        self.rng = rng
        self.drift = rng.standard_normal(3)  # exposure, red, blue

    def take(self, picture: np.ndarray) -> np.ndarray:
        """Return the next picture as the camera takes it: HxWx3 uint8 to HxWx3 uint8."""
        if self.perfect:
            return picture
        settings = self.settings
        stops, red, blue = self.drift
        self.drift = MEMORY * self.drift + np.sqrt(1 - MEMORY**2) * self.rng.standard_normal(3)
        balance = np.maximum([1 + settings.white_balance * red, 1.0, 1 + settings.white_balance * blue], 0.0)
        gain = (2 ** (settings.exposure * stops) * balance).astype(np.float32)
        height, width = picture.shape[:2]
        across, down = np.linspace(-1, 1, width, dtype=np.float32), np.linspace(-1, 1, height, dtype=np.float32)
        corner = 1 - settings.vignette * (across[None] ** 2 + down[:, None] ** 2) / 2
        seen = picture * gain * corner[..., None]
        if settings.noise:
            seen += settings.noise * self.rng.standard_normal(picture.shape, dtype=np.float32)
        levels: np.ndarray = cv2.convertScaleAbs(np.maximum(seen, 0))
        return levels
