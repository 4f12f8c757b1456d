"""Depth pictures in the layout of NYUv2's labelled set (N. Silberman et al., ECCV 2012)."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import scipy.io

from mimic_core.kit.files import atomic_folder
from mimic_core.kit.progress import Progress
from mimic_core.sampledata.film.views import random_views
from mimic_core.sampledata.names import flat_names, shares, write_marker

HFOV = 70.0  # degrees
MAT_HEADER = 116  # bytes of free text at the start of a MATLAB 5 file, where scipy writes the time


def write_nyuv2(folder: str | Path, settings: Mapping[str, Any]) -> None:
    """Write ``nyu_depth_v2_labeled.mat`` and ``splits.mat`` with views of the train and the test flats.

    The first is HDF5, as MATLAB 7.3 writes it: ``images`` (N, 3, W, H) uint8 and ``depths`` (N, W, H) float32 metres.
    The second holds ``trainNdxs`` and ``testNdxs``, columns of indices from 1.

    Args:
        settings: ``seed``, ``flats``, ``depth_images`` (``train``, ``test``), ``downstream_resolution`` [H, W] pixels.
    """
    height, width = settings["downstream_resolution"]
    names, wanted = flat_names(settings), settings["depth_images"]
    total = wanted["train"] + wanted["test"]
    with atomic_folder(folder) as temporary, Progress(total, "depth pictures") as progress:
        with h5py.File(temporary / "nyu_depth_v2_labeled.mat", "w") as file:
            images = file.create_dataset("images", (total, 3, width, height), np.uint8)
            depths = file.create_dataset("depths", (total, width, height), np.float32)
            index = 0
            for split in ("train", "test"):
                for name, count in shares(wanted[split], names[split], "depth pictures").items():
                    size = (height, width)
                    for view in random_views(name, count, settings, purpose="depth", resolution=size, hfov=HFOV):
                        images[index] = view.rgb.transpose(2, 1, 0)
                        depths[index] = view.depth.T
                        index += 1
                        progress.step(note=name)
        numbers = np.arange(1, total + 1).reshape(-1, 1)
        splits = {"trainNdxs": numbers[: wanted["train"]], "testNdxs": numbers[wanted["train"] :]}
        (temporary / "splits.mat").write_bytes(mat_bytes(splits))
        write_marker(temporary, settings, "NYUv2")


def mat_bytes(values: dict[str, np.ndarray]) -> bytes:
    """Return a MATLAB 5 file without the time of writing."""
    stream = io.BytesIO()
    scipy.io.savemat(stream, values)
    return b"MATLAB 5.0 MAT-file, MIMIC sample world".ljust(MAT_HEADER) + stream.getvalue()[MAT_HEADER:]
