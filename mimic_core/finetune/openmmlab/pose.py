"""Human pose on COCO, trained and tested by MMPose (paper section 4.3, appendix D).

Top-down: each person is cut out by a box, the joints are read from heatmaps. Figures are COCO's AP and AR.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack

import numpy as np
from numpy.typing import NDArray

from mimic_core.evaluation.bootstrap import bootstrap_statistic
from mimic_core.evaluation.pose import Matches, pack_matches, pose_metrics
from mimic_core.finetune.data import Skipped
from mimic_core.finetune.layouts.coco import CocoKeypoints
from mimic_core.finetune.layouts.coco_boxes import read_boxes
from mimic_core.finetune.openmmlab.installed import require_openmmlab
from mimic_core.finetune.openmmlab.job import OUTPUTS, OpenMMLabJob
from mimic_core.finetune.openmmlab.pose_picture import Shown, draw_poses
from mimic_core.finetune.openmmlab.pose_settings import PoseSettings
from mimic_core.finetune.pictures import shown_rows
from mimic_core.finetune.results import About, Reported, leave, rounded, summary_of
from mimic_core.finetune.usable import problem
from mimic_core.kit.errors import MimicError
from mimic_core.kit.progress import track
from mimic_core.machine.devices import cpu_threads

if TYPE_CHECKING:
    from mmengine.config import Config

__all__ = ["OUTPUTS", "PoseSettings", "build_config", "run"]

POSE = Reported("pose", "ap", "percent")


@dataclass(frozen=True)
class PoseResult:
    """One seed's matches on the test images and its training losses."""

    seed: int
    numbers: Sequence[int]
    images: Sequence[Matches]
    curve: Sequence[tuple[int, float]]


def build_config(settings: PoseSettings, weights: str | Path, root: str | Path, seed: int, **options: Any) -> Config:
    """:func:`mimic_core.finetune.openmmlab.pose_config.build_config`, once OpenMMLab was found to be there."""
    require_openmmlab()
    from mimic_core.finetune.openmmlab import pose_config

    return pose_config.build_config(settings, weights, root, seed, **options)


def check_boxes(path: str, split: CocoKeypoints) -> list[Skipped]:
    """A detector's file: a list of boxes of the test images. Returns the boxes and images that cannot be used.

    Raises:
        MimicError: it is missing, or not in COCO's result format.
    """
    boxes, skipped = read_boxes(Path(path), split.names, split.category)
    images = sorted({box["image_id"] for box in boxes})
    checks = (problem(split.check_image, number) for number in track(images, "images of boxes"))
    return [*skipped, *(found for found in checks if found is not None)]


class PoseJob(OpenMMLabJob[PoseSettings, CocoKeypoints]):
    """All seeds of one encoder and mode.

    Args:
        settings: what to do.
        weights: ``random`` or the path of a checkpoint.
        root: the dataset's folder; None: the settings'.
        seed: the config's; each of ``settings.seeds`` is a repetition under it.

    Attributes:
        predictions: the first seed's joints by person; of none where a detector's boxes are used.
    """

    def __init__(self, settings: PoseSettings, weights: str | Path, root: str | Path | None, seed: int) -> None:
        super().__init__(settings, weights, root, seed, CocoKeypoints)
        if settings.boxes is not None:
            self.test.skipped += check_boxes(settings.boxes, self.test)
        self.predictions: dict[int, NDArray[np.float32]] = {}

    def train(self, repetition: int) -> PoseResult:
        """Train and test one repetition."""
        skip = {
            part: {"skip": sorted(split.left_out), "skip_images": sorted(split.bad_images)}
            for part, split in (("train", self.training), ("test", self.test))
        }
        config = build_config(
            self.settings,
            self.weights,
            self.root,
            self.seed_of(repetition),
            indices=self.indices(repetition),
            skip=skip,
        )
        trained = self.run_config(config, repetition)
        found = trained.metrics[0]
        if repetition == self.settings.seeds[0]:
            self.predictions = {} if self.settings.boxes else found.predictions
        return PoseResult(repetition, found.numbers, found.images, trained.curve)

    def shown(self) -> list[Shown]:
        """Test people for the picture; nothing is predicted of them where a detector's boxes are used."""
        size, rows = max(self.settings.size), shown_rows(len(self.test))
        poses = self.test.load(rows, size)
        shown = []
        for place, number in enumerate(poses.annotation_ids.tolist()):
            left, top, side = poses.windows[place]
            found = self.predictions.get(number)
            if found is not None:
                found = (found - (left, top) + 0.5) * size / side - 0.5
            shown.append(Shown(poses.images[place], poses.keypoints[place], found))
        return shown


def run_entry(result: PoseResult) -> dict[str, Any]:
    """One seed's part of ``metrics.json``.

    Raises:
        MimicError: no test image has a person who counts.
    """
    metrics = pose_metrics(result.images)
    if not np.isfinite(metrics[POSE.metric]):
        raise MimicError("no test image has a person with joints", remedy="check the annotation file")
    per_image = {"image": list(result.numbers), **pack_matches(result.images)}
    return {"seed": result.seed, "metrics": rounded(metrics), "per_image": per_image}


def summarise(results: Sequence[PoseResult], **about: Unpack[About]) -> dict[str, Any]:
    """The content of ``metrics.json``; see :func:`mimic_core.finetune.results.summary_of`.

    ``per_image`` of a run holds the test images' numbers and :func:`mimic_core.evaluation.pose.pack_matches`.
    """
    first = results[0].images

    def figure(name: str) -> dict[str, float]:
        return bootstrap_statistic(lambda rows: pose_metrics(first, rows)[name], len(first), about["seed"])

    return summary_of(POSE, [run_entry(result) for result in results], figure, results[0].curve, len(first), **about)


def run(
    settings: PoseSettings, weights: str | Path, out: str | Path, *, data: str | Path | None = None, seed: int = 0
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
    out = Path(out)
    with cpu_threads(settings.threads):
        job = PoseJob(settings, weights, data, seed)
        receipt = job.receipt(*([Path(settings.boxes)] if settings.boxes else []))
        results = [job.train(repetition) for repetition in job.repetitions()]
    summary = summarise(results, **job.about())
    draw_poses(out / "predictions.png", job.shown(), job.title)
    job.write_config(out / "config.py")
    return leave(out, summary, receipt, OUTPUTS)
