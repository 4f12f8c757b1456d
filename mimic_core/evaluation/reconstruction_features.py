"""Distances between sets of reconstructed and true images: the FID, and one from the features of our encoder."""

from __future__ import annotations

import importlib.util
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from mimic_core.evaluation.frechet import MIN_VECTORS, frechet_distance
from mimic_core.foreign import check_regular, foreign
from mimic_core.kit.errors import MimicError, UnreadableError
from mimic_core.models import load_pretrained
from mimic_core.models.weights import check_values, read_pickle
from mimic_core.objectives import normalise

FEATURES = 2048  # of Inception, for the FID


class FID:
    """Frechet inception distance, computed by torchmetrics with torch-fidelity's Inception.

    Args:
        path: file of the Inception weights released by torch-fidelity; empty: no FID.
        device: where Inception runs.

    Attributes:
        reason: why there is no FID; empty if there is one.

    Raises:
        MimicError: the file exists but does not contain these weights.
    """

    def __init__(self, path: str | Path, device: torch.device) -> None:
        self.metric: Any = None
        self.reason = why_no_fid(path)
        if not self.reason:
            self.metric = inception_distance(Path(path)).to(device)

    def add(self, true: Tensor, painted: Tensor) -> None:
        """Add a batch of (B, 3, S, S) images, colours from 0 to 1."""
        if self.metric is not None:
            for images, real in ((true, True), (painted, False)):
                self.metric.update((images * 255).round().to(torch.uint8), real=real)

    def value(self) -> float | None:
        """Return the FID of all added images; None if there is none, and ``reason`` says why."""
        if self.metric is not None and int(self.metric.real_features_num_samples) < MIN_VECTORS:
            self.reason = f"it needs {MIN_VECTORS} or more images"
        return None if self.reason else float(self.metric.compute())


def why_no_fid(path: str | Path) -> str:
    """Return why there is no FID; empty if there is one."""
    if not str(path):
        return "no file of Inception's weights is given"
    if not os.path.lexists(path):
        return f"the file {path} of Inception's weights is not there"
    if importlib.util.find_spec("torch_fidelity") is None:
        return "torch-fidelity is not installed"
    return ""


def inception_distance(path: Path) -> Any:
    """Create torchmetrics' FID with weights from a file."""
    from torchmetrics.image.fid import FrechetInceptionDistance

    wrong = MimicError(
        "these are not Inception's weights in torch-fidelity's format",
        where=path,
        remedy="give torch-fidelity's weights-inception-2015-12-05-6726825d.pth",
    )
    check_regular(path, "a file of Inception's weights")
    weights = read_pickle(path)
    if not isinstance(weights, Mapping) or not all(
        isinstance(name, str) and isinstance(value, Tensor) for name, value in weights.items()
    ):
        raise wrong
    if sum(value.nbytes for value in weights.values()) > path.stat().st_size:
        raise wrong
    check_values({name: value for name, value in weights.items() if value.is_floating_point()}, path)
    with tempfile.TemporaryDirectory() as folder:
        own = Path(folder) / "inception.pth"  # torch-fidelity unpickles its file, so it gets a safe copy
        torch.save(dict(weights), own)
        try:
            with foreign("weights that torch-fidelity cannot read", path):
                # no antialiasing, like the resizing in the original implementation of the FID
                return FrechetInceptionDistance(FEATURES, feature_extractor_weights_path=str(own), antialias=False)
        except UnreadableError as error:
            raise wrong from error


class EncoderDistance:
    """Frechet distance of an encoder's features, the mean of its normed patch tokens; not comparable with an FID.

    Args:
        path: file of the encoder; None: no distance.
        device: where the encoder runs.
    """

    def __init__(self, path: str | Path | None, device: torch.device) -> None:
        self.encoder = None if path is None else load_pretrained(path).to(device)
        self.true: list[np.ndarray] = []
        self.painted: list[np.ndarray] = []

    def add(self, true: Tensor, painted: Tensor) -> None:
        """Add a batch of (B, 3, S, S) images, colours from 0 to 1."""
        if self.encoder is not None:
            self.true.append(self.features(true))
            self.painted.append(self.features(painted))

    @torch.no_grad()
    def features(self, images: Tensor) -> np.ndarray:
        """Compute features (B, width) of (B, 3, S, S) colours from 0 to 1, resized to the encoder's input size."""
        assert self.encoder is not None  # noqa: S101 (for the type checker)
        size = self.encoder.settings.image_size
        if images.shape[-1] != size:
            images = functional.interpolate(images, (size, size), mode="bilinear", antialias=True)
        tokens: Tensor = self.encoder(normalise(images * 255))
        return tokens[:, self.encoder.prefix_tokens :].double().mean(dim=1).cpu().numpy()

    def value(self) -> float | None:
        """Return the distance of all added images; None without an encoder or with fewer than two images."""
        if sum(map(len, self.true)) < MIN_VECTORS:
            return None
        return frechet_distance(np.concatenate(self.true), np.concatenate(self.painted))
