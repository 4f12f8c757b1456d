"""Reconstruction of held-out pairs, with most of view 1 hidden (paper, table 4 and figure 13)."""

from __future__ import annotations

import dataclasses
import hashlib
import logging
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from mimic_core.datasets import PairDataset
from mimic_core.evaluation.reconstruction_features import FID, EncoderDistance
from mimic_core.evaluation.reconstruction_painting import (
    NoPainterError,
    Painted,
    PaintingModel,
    batches,
    mask_noise,
    open_model,
    paint,
)
from mimic_core.evaluation.resampling import bootstrap
from mimic_core.evaluation.settings import ReconstructionSettings
from mimic_core.kit.errors import MimicError
from mimic_core.kit.files import atomic_path, write_json
from mimic_core.kit.progress import Progress
from mimic_core.kit.receipts import Receipt
from mimic_core.kit.verify import InputCheck, with_receipts
from mimic_core.machine.devices import cpu_threads, device
from mimic_core.models import kept_patches, speed_up_linear_layers
from mimic_core.objectives import draw_pictures, hidden, viewable

log = logging.getLogger("mimic")

SHOWN = 6  # pairs in the picture
DIGITS = 6  # decimals kept
OUTPUTS = ("metrics.json", "reconstructions.png")


def need(condition: bool, what: str, key: str, remedy: str) -> None:
    """Raise an error about a key of the config's block ``reconstruction`` unless the condition holds."""
    if not condition:
        raise MimicError(what, where=f"reconstruction.{key}", remedy=remedy)


class Reconstruction:
    """Reconstruct all pairs of a dataset with one model.

    Args:
        settings: the config's block ``reconstruction``.
        model: the model to evaluate.
        frechet: encoder file for the Frechet distance; None: do not compute it.
        seed: the config's seed.

    Attributes:
        loss, pixel_l2: one value per pair.
        masks: hash of all keys and hidden patches: equal for models that painted the same patches.
        fid, frechet: distances between the set of painted images and the set of true ones.
        columns: the images of some pairs, by column title of the picture.
    """

    def __init__(
        self, settings: ReconstructionSettings, model: PaintingModel, frechet: str | Path | None, seed: int
    ) -> None:
        self.settings, self.seed, self.device, self.painting = settings, seed, device(), model
        speed_up_linear_layers(model.model.to(self.device))
        self.patches = model.size.grid**2
        self.fid, self.frechet = FID(settings.inception, self.device), EncoderDistance(frechet, self.device)
        self.loss: list[float] = []
        self.pixel_l2: list[float] = []
        self.masks = hashlib.sha256()
        self.columns: dict[str, list[Tensor]] = {}

    def run(self, dataset: PairDataset) -> None:
        """Paint view 1 of every pair."""
        shown = np.unique(np.linspace(0, len(dataset) - 1, SHOWN).round().astype(int))
        size = self.painting.size.image_size
        with Progress(len(dataset), "pairs") as progress:
            for chosen, keys, view1, view2 in batches(dataset, size, self.settings.batch_size):
                noise = np.stack([mask_noise(key, self.patches, self.seed) for key in keys])
                first, second = view1.to(self.device), view2.to(self.device)
                found = paint(
                    self.painting, first, second, torch.from_numpy(noise).to(self.device), self.settings.mask_ratio
                )
                self.add(keys, found, viewable(first))
                rows = np.flatnonzero(np.isin(chosen, shown))
                if len(rows):
                    self.keep(first[rows], second[rows], found.mask[rows], found.images[rows])
                progress.step(len(chosen))

    def add(self, keys: list[str], found: Painted, true: Tensor) -> None:
        """Add one batch to the results."""
        self.loss += found.loss.double().tolist()
        self.pixel_l2 += found.pixel_l2.double().tolist()
        for key, mask in zip(keys, found.mask.cpu().numpy() > 0, strict=True):
            self.masks.update(key.encode() + b"\0" + mask.tobytes())
        self.fid.add(true, found.images)
        self.frechet.add(true, found.images)

    def keep(self, view1: Tensor, view2: Tensor, mask: Tensor, images: Tensor) -> None:
        """Keep the images of some pairs for the picture, in the order of figure 13."""
        second = "view 2" if self.painting.painter.sees_other else "view 2 (not seen)"
        pictures = {
            "masked": hidden(view1, mask, self.painting.size.patch_size),
            "reconstruction": images,
            "original": viewable(view1),
            second: viewable(view2),
        }
        for title, values in pictures.items():
            self.columns.setdefault(title, []).append(values.cpu())

    def metrics(self) -> dict[str, Any]:
        """Return the content of ``metrics.json``."""
        settings, encoder = self.settings, self.painting.size
        fid, frechet = self.fid.value(), self.frechet.value()
        return {
            "task": "reconstruction",
            "dataset": settings.dataset,
            "encoder": settings.encoder,
            "model": self.painting.objective,
            "pairs": len(self.loss),
            "image_size": encoder.image_size,
            "patches": self.patches,
            "hidden_patches": self.patches - kept_patches(self.patches, settings.mask_ratio),
            "mask_ratio": settings.mask_ratio,
            "masks": self.masks.hexdigest(),
            "loss": summary(self.loss, self.seed),
            "pixel_l2": summary(self.pixel_l2, self.seed),
            "per_image": {
                name: np.round(values, DIGITS).tolist()
                for name, values in (("loss", self.loss), ("pixel_l2", self.pixel_l2))
            },
            "fid": None if fid is None else round(fid, DIGITS),
            "fid_reason": self.fid.reason,
            "frechet": None if frechet is None else round(frechet, DIGITS),
            "frechet_encoder": settings.frechet_encoder,
        }


def summary(values: list[float], seed: int) -> dict[str, Any]:
    """Return the mean over pairs, the sample deviation (None for a single pair) and the bootstrap estimates."""
    several = len(values) > 1
    return {
        "mean": round(float(np.mean(values)), DIGITS),
        "std": round(float(np.std(values, ddof=1)), DIGITS) if several else None,
        "bootstrap": bootstrap(values, seed),
    }


def reconstruct(
    settings: ReconstructionSettings,
    weights: str | Path,
    out: str | Path,
    *,
    data: str | Path,
    frechet: str | Path | None = None,
    seed: int = 0,
) -> dict[str, Any]:
    """Reconstruct held-out pairs and write ``metrics.json``, ``reconstructions.png`` and ``receipt.json``.

    The hidden patches depend only on the seed and the pair's key, so all models with the same number of patches paint
    the same ones. Images are resized to the model's size. The loss is on normalised pixels; the mean and deviation of
    the true patch turn predictions back into colours.

    Args:
        settings: the config's block ``reconstruction``.
        weights: file of a full model (:func:`mimic_core.models.load_model`).
        out: output folder.
        data: ``manifest.parquet`` of the held-out pairs.
        frechet: file of the encoder ``settings.frechet_encoder``; None if that is empty.
        seed: the config's seed.

    Returns:
        The content of ``metrics.json``. A distance that was not computed is None; ``fid_reason`` says why. If the
        model cannot paint (such as a file without a decoder), only names and ``not_run``, the reason.

    Raises:
        MimicError: a file is missing, invalid or differs from the receipt beside it, or a setting is invalid.
    """
    named = bool(settings.frechet_encoder)
    need(
        named == (frechet is not None),
        "name and file of the encoder go together",
        "frechet_encoder",
        "give both or none",
    )
    out = Path(out)
    with cpu_threads(settings.threads):
        used = [Path(settings.inception)] if settings.inception and Path(settings.inception).is_file() else []
        inputs = [Path(data), Path(weights), *([] if frechet is None else [Path(frechet)]), *used]
        receipt = Receipt("reconstruction", {**dataclasses.asdict(settings), "seed": seed}, inputs)
        receipt.check_written(inputs)
        dataset = PairDataset(data)
        shards = InputCheck(with_receipts(dataset.shards))
        if not len(dataset):
            raise MimicError("the dataset has no pairs", where=data, remedy="mine more pairs")
        try:
            model = open_model(weights, settings.mask_ratio)
        except NoPainterError as error:
            receipt.read |= shards.finish()
            return write_not_run(settings, f"{error.what} ({weights})", out, receipt)
        work = Reconstruction(settings, model, frechet, seed)
        work.run(dataset)
        found = work.metrics()
        receipt.read |= shards.finish()
    return write_results(work, found, out, receipt)


def write_results(work: Reconstruction, found: dict[str, Any], out: Path, receipt: Receipt) -> dict[str, Any]:
    """Write the outputs of a model that has painted."""
    draw_pictures(out / "reconstructions.png", {title: torch.cat(part) for title, part in work.columns.items()})
    write_json(out / "metrics.json", found)
    receipt.statistics = {
        "pairs": found["pairs"],
        **{name: found[name]["mean"] for name in ("loss", "pixel_l2")},
        **{name: found[name] for name in ("fid", "frechet")},
    }
    receipt.write(out / "receipt.json", [out / name for name in OUTPUTS])
    log.info("loss %.4f on %d pairs", found["loss"]["mean"], found["pairs"])
    return found


def write_not_run(settings: ReconstructionSettings, reason: str, out: Path, receipt: Receipt) -> dict[str, Any]:
    """Write the outputs of a model that cannot paint: the reason, in ``metrics.json`` and on the picture."""
    log.warning("%s was not run: %s", settings.encoder, reason)
    picture = Image.new("RGB", (1000, 60), "white")
    words = f"{settings.encoder} was not run:\n{reason}"
    ImageDraw.Draw(picture).multiline_text((10, 10), words, "black", ImageFont.load_default(14))
    with atomic_path(out / "reconstructions.png") as temporary:
        picture.save(temporary, format="PNG")
    names = {"task": "reconstruction", "dataset": settings.dataset, "encoder": settings.encoder}
    found = {**names, "not_run": reason}
    write_json(out / "metrics.json", found)
    receipt.statistics = {"not_run": reason}
    receipt.write(out / "receipt.json", [out / name for name in OUTPUTS])
    return found
