"""Semantic segmentation on ADE20K, trained and tested by MMSegmentation (paper section 4.3, appendix D).

Images are resized so that their shorter side is the input size; the test slides windows of that size over them, and is
measured at the size of the labels.
"""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from mimic_core.devices import cpu_threads
from mimic_core.errors import MimicError
from mimic_core.files import atomic_path, write_json
from mimic_core.finetune.data import IGNORED, few_shot_rows, read_rgb
from mimic_core.finetune.layouts.ade20k import ADE20K, REMEDY, read_annotation
from mimic_core.finetune.openmmlab.installed import require_openmmlab
from mimic_core.finetune.openmmlab.metrics import METRIC, SegmentationResult, summarise_segmentation
from mimic_core.finetune.openmmlab.segmentation_picture import Shown, draw_segmentation
from mimic_core.finetune.openmmlab.segmentation_settings import ConvNeXtSettings, SegmentationSettings
from mimic_core.finetune.pictures import shown_rows
from mimic_core.finetune.settings import RANDOM
from mimic_core.progress import track
from mimic_core.receipts import Receipt
from mimic_core.seeding import seed_for

if TYPE_CHECKING:
    from mmengine.config import Config

__all__ = ["ConvNeXtSettings", "SegmentationSettings", "build_config", "run"]

log = logging.getLogger("mimic")

OUTPUTS = ("metrics.json", "predictions.png", "config.py")
RECEIPT = "receipt.json"


def build_config(
    settings: SegmentationSettings, weights: str | Path, root: str | Path, seed: int, **options: Any
) -> Config:
    """:func:`mimic_core.finetune.openmmlab.segmentation_config.build_config`, once OpenMMLab was found to be there."""
    require_openmmlab()
    from mimic_core.finetune.openmmlab import segmentation_config

    return segmentation_config.build_config(settings, weights, root, seed, **options)


def check(split: ADE20K, rows: Sequence[int], what: str) -> None:
    """Read every annotation once, before anything is trained.

    Raises:
        MimicError: an annotation or its image cannot be read, they differ in size, or a class is above 150.
    """
    for row in track(rows, f"{what} annotations"):
        path = split.images[row]
        annotation = read_annotation(split.annotations / f"{path.stem}.png")
        try:
            with Image.open(path) as image:
                width, height = image.size
        except OSError as error:
            raise MimicError("this image cannot be read", where=path, remedy=REMEDY) from error
        if (height, width) != annotation.shape:
            what = f"the image is {(height, width)} and its annotation {annotation.shape} (height, width)"
            raise MimicError(what, where=path, remedy=REMEDY)


def truth_of(split: ADE20K, row: int) -> NDArray[np.uint8]:
    """Classes (H, W) of an image, from 0; ``IGNORED`` where there is none."""
    labels = read_annotation(split.annotations / f"{split.images[row].stem}.png")
    return np.where(labels == 0, IGNORED, labels - 1).astype(np.uint8)


class Job:
    """All seeds of one encoder and mode.

    Args:
        settings: what to do.
        weights: ``random`` or the path of a checkpoint.
        root: the dataset's folder.
        seed: the config's; each of ``settings.seeds`` is a repetition under it.

    Attributes:
        config: the first seed's.
        shown: predictions of the first seed for the picture.
    """

    def __init__(self, settings: SegmentationSettings, weights: str | Path, root: Path, seed: int) -> None:
        self.settings, self.weights, self.root, self.seed = settings, weights, root, seed
        self.training, self.test = ADE20K(root, "train"), ADE20K(root, "test")
        self.rows = {name: self.rows_of(name) for name in settings.seeds}
        check(self.training, sorted({int(row) for rows in self.rows.values() for row in rows}), "training")
        check(self.test, range(len(self.test)), "test")
        self.config: Config | None = None
        self.shown: list[Shown] = []

    def seed_of(self, repetition: int) -> int:
        """Seed of one repetition: the same for every encoder and mode, so that they see the same order."""
        return seed_for(self.seed, "finetune", "segmentation", repetition)

    def rows_of(self, repetition: int) -> NDArray[np.int64]:
        """Training images of one repetition."""
        return few_shot_rows(len(self.training), self.settings.train_images, self.seed_of(repetition))

    def train(self, repetition: int) -> SegmentationResult:
        """Train and test one repetition."""
        from mimic_core.finetune.openmmlab import running

        seed, shown = self.seed_of(repetition), shown_rows(len(self.test))
        indices = None if self.settings.train_images is None else self.rows[repetition].tolist()
        config = build_config(self.settings, self.weights, self.root, seed, indices=indices, kept=shown)
        trained = running.train(config, seed, test=True)
        counted = trained.metrics[-1]
        if self.config is None:
            self.config = config
            self.shown = [
                (read_rgb(self.test.images[row], REMEDY), truth_of(self.test, row), counted.predictions[row])
                for row in shown
            ]
        return SegmentationResult(repetition, counted.images, counted.counts, trained.curve)

    def run(self) -> list[SegmentationResult]:
        """Train and test every seed."""
        results = []
        for repetition in self.settings.seeds:
            log.info("%s, %s, seed %d", self.settings.encoder, self.settings.mode, repetition)
            results.append(self.train(repetition))
        return results

    def draw(self, path: Path) -> None:
        """Write the picture of the first seed's predictions."""
        from mmseg.datasets import ADE20KDataset

        known = ADE20KDataset.METAINFO
        title = f"segmentation on {self.test.label}: {self.settings.encoder}, {self.settings.mode}"
        draw_segmentation(path, self.shown, np.array(known["palette"], np.uint8), known["classes"], title)


def run(
    settings: SegmentationSettings,
    weights: str | Path,
    out: str | Path,
    *,
    data: str | Path | None = None,
    seed: int = 0,
) -> dict[str, Any]:
    """Fine-tune and evaluate; writes ``metrics.json``, ``predictions.png``, ``config.py`` and, last, ``receipt.json``.

    Args:
        settings: what to do.
        weights: ``random`` or the path of a checkpoint.
        out: the folder of the results.
        data: the dataset's folder; None: ``settings.root``.
        seed: the config's seed.

    Returns:
        The content of ``metrics.json``. ``config.py`` is that of the first seed.

    Raises:
        MimicError: OpenMMLab, data or weights are missing or not what they should be, or a setting does not fit.
    """
    require_openmmlab()
    root, out = data if data is not None else settings.root, Path(out)
    if root is None:
        raise MimicError("no dataset is named", where="finetune.root", remedy="give --data, or root in the settings")
    with cpu_threads(settings.threads):
        job = Job(settings, weights, Path(root), seed)
        files = [*job.training.files, *([] if str(weights) == RANDOM else [Path(weights)])]
        receipt = Receipt("finetune", {**dataclasses.asdict(settings), "seed": seed}, files)
        results = job.run()
    summary = summarise_segmentation(
        results,
        encoder=settings.encoder,
        mode=settings.mode,
        data=job.test.label,
        train_images=len(job.rows[settings.seeds[0]]),
        seed=seed,
    )
    job.draw(out / "predictions.png")
    if job.config is not None:
        with atomic_path(out / "config.py") as temporary:
            job.config.dump(temporary)
    write_json(out / "metrics.json", summary)
    receipt.statistics = {"mean": summary["mean"], "std": summary["std"], "data": summary["data"]}
    receipt.write(out / RECEIPT, [out / name for name in OUTPUTS])
    log.info("%s %s", METRIC, summary["mean"][METRIC])
    return summary
