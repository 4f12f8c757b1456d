"""Surface normals in the layout of Taskonomy (A. Zamir et al., CVPR 2018)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from mimic_core.kit.files import atomic_folder
from mimic_core.kit.progress import Progress
from mimic_core.sampledata.film.pictures import write_png
from mimic_core.sampledata.film.views import random_views
from mimic_core.sampledata.names import flat_names, shares, write_marker

HFOV = 75.0  # degrees
SIDE = 256  # pixels


def write_taskonomy(folder: str | Path, settings: Mapping[str, Any]) -> None:
    """Write pictures and normals of the train and the test flats.

    ``rgb/<flat>/point_<p>_view_<v>_domain_rgb.png``, ``normal/<flat>/point_<p>_view_<v>_domain_normal.png`` (a normal n
    in the camera's frame, x right, y up, z to the viewer, becomes round((n / 2 + 1/2) * 255)) and
    ``splits/train_val_test.csv`` (id, train, val, test; id is the flat).

    Args:
        settings: ``seed``, ``flats``, ``normal_images`` (``train``, ``test``).
    """
    names, wanted = flat_names(settings), settings["normal_images"]
    rows = ["id,train,val,test"]
    with atomic_folder(folder) as temporary, Progress(wanted["train"] + wanted["test"], "normal maps") as progress:
        for split in ("train", "test"):
            for name, count in shares(wanted[split], names[split], "normal maps").items():
                rows.append(f"{name},{int(split == 'train')},0,{int(split == 'test')}")
                views = random_views(name, count, settings, purpose="normals", resolution=SIDE, hfov=HFOV)
                for point, view in enumerate(views):
                    stem = f"point_{point}_view_0_domain"
                    write_png(temporary / "rgb" / name / f"{stem}_rgb.png", view.rgb)
                    write_png(temporary / "normal" / name / f"{stem}_normal.png", encode_normals(view.normals))
                    progress.step(note=name)
        (temporary / "splits").mkdir(exist_ok=True)
        (temporary / "splits" / "train_val_test.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
        write_marker(temporary, settings, "Taskonomy")


def encode_normals(normals: np.ndarray) -> np.ndarray:
    """Encode unit normals (HxWx3 float) as uint8."""
    return np.rint((normals * 0.5 + 0.5) * 255).clip(0, 255).astype(np.uint8)
