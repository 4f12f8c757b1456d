"""Scenes in the layout of Gibson (F. Xia et al., CVPR 2018)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mimic_core.kit.files import atomic_folder
from mimic_core.kit.progress import track
from mimic_core.sampledata.build.flat import flat_glb
from mimic_core.sampledata.names import flat_names, write_marker


def write(folder: str | Path, settings: Mapping[str, Any], purpose: str = "gibson") -> None:
    """Write each flat as ``<name>.glb``.

    Args:
        settings: ``seed``, ``flats``.
        purpose: which flats: ``gibson`` or ``gibson_heldout``.
    """
    with atomic_folder(folder) as temporary:
        for name in track(flat_names(settings)[purpose], "scenes"):
            (temporary / f"{name}.glb").write_bytes(flat_glb(name, settings))
        write_marker(temporary, settings, "Gibson")
