"""Scenes in the layouts of Gibson and Matterport3D."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mimic_core.files import atomic_folder
from mimic_core.progress import track
from mimic_core.sampledata.flat import flat_glb
from mimic_core.sampledata.house import house_glb
from mimic_core.sampledata.names import flat_names, write_marker


def write_gibson(folder: str | Path, settings: Mapping[str, Any], purpose: str = "gibson") -> None:
    """Write ``<name>.glb``, a flat each.

    Args:
        settings: ``seed``, ``flats``.
        purpose: which flats: ``gibson`` or ``gibson_heldout``.
    """
    with atomic_folder(folder) as temporary:
        for name in track(flat_names(settings)[purpose], "scenes"):
            (temporary / f"{name}.glb").write_bytes(flat_glb(name, settings))
        write_marker(temporary, settings, "Gibson")


def write_matterport3d(folder: str | Path, settings: Mapping[str, Any]) -> None:
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
