"""Videos in the layout of ARKitScenes (G. Baruch et al., NeurIPS Datasets and Benchmarks 2021)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from mimic_core.kit.files import atomic_folder, write_text
from mimic_core.sampledata.film.walkthrough import (
    encode,
    walk_pictures,
)
from mimic_core.sampledata.names import flat_names, write_marker

SKIES = {"Up": 0, "Left": 1, "Right": -1, "Down": 2}  # counter-clockwise quarter turns of the stored picture


def write(folder: str | Path, settings: Mapping[str, Any]) -> None:
    """Write ``<video_id>/<video_id>.mov`` and ``metadata.csv``; the sky is in turn at the top, left, right and
    bottom of the stored videos.

    Args:
        settings: ``seed``, ``flats``, ``video_seconds`` (``arkitscenes``) and ``camera``.
    """
    seconds = float(settings["video_seconds"]["arkitscenes"])
    rows = ["video_id,visit_id,fold,sky_direction"]
    with atomic_folder(folder) as temporary:
        for number, name in enumerate(flat_names(settings)["arkitscenes"]):
            video, sky = str(40000000 + number), list(SKIES)[number % len(SKIES)]
            (temporary / video).mkdir()
            stored = (np.rot90(picture, SKIES[sky]) for picture in walk_pictures(name, seconds, settings))
            encode(stored, temporary / video / f"{video}.mov")
            rows.append(f"{video},{400000 + number},{'Training' if number % 4 < 3 else 'Validation'},{sky}")
        write_text(temporary / "metadata.csv", "\n".join(rows) + "\n")
        write_marker(temporary, settings, "ARKitScenes")
