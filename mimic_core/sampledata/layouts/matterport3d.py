"""Scenes in the layout of Matterport3D (A. Chang et al., 3DV 2017)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mimic_core.kit.files import atomic_folder
from mimic_core.kit.progress import track
from mimic_core.sampledata.build.flat import flat_glb
from mimic_core.sampledata.build.two_storeys import house_glb
from mimic_core.sampledata.names import flat_names, write_marker


def write(folder: str | Path, settings: Mapping[str, Any]) -> None:
    """Write ``<name>/<name>.glb``; the first is a house of two storeys, the others are flats.

    Args:
        settings: ``seed``, ``flats``.
    """
    with atomic_folder(folder) as temporary:
        for number, name in enumerate(track(flat_names(settings)["matterport3d"], "scenes")):
            (temporary / name).mkdir()
            data = flat_glb(name, settings) if number else house_glb(name, settings)
            (temporary / name / f"{name}.glb").write_bytes(data)
        write_marker(temporary, settings, "Matterport3D")
