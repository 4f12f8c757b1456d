"""Human pose on COCO, trained and tested by MMPose (paper section 4.3, appendix D).

Top-down: each person is cut out by a box, the joints are read from heatmaps. Figures are COCO's AP and AR.
"""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from mimic_core.devices import cpu_threads
from mimic_core.errors import MimicError
from mimic_core.evaluation.bootstrap import bootstrap_statistic
from mimic_core.evaluation.pose import Matches, pack_matches, pose_metrics
from mimic_core.files import atomic_path, read_json, write_json
from mimic_core.finetune.data import few_shot_rows
from mimic_core.finetune.layouts.coco import DAMAGED, REMEDY, CocoKeypoints
from mimic_core.finetune.openmmlab.installed import require_openmmlab
from mimic_core.finetune.openmmlab.pose_picture import Shown, draw_poses
from mimic_core.finetune.openmmlab.pose_settings import PoseSettings
from mimic_core.finetune.pictures import shown_rows
from mimic_core.finetune.results import DIGITS
from mimic_core.finetune.settings import RANDOM
from mimic_core.progress import track
from mimic_core.receipts import Receipt
from mimic_core.seeding import seed_for

if TYPE_CHECKING:
    from mmengine.config import Config

__all__ = ["PoseSettings", "build_config", "run"]

log = logging.getLogger("mimic")

METRIC = "ap"
OUTSIDE = 1.0  # pixels that a joint may lie beyond the outermost pixel centres: they are rounded
OUTPUTS = ("metrics.json", "predictions.png", "config.py")
RECEIPT = "receipt.json"


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


def check(split: CocoKeypoints, rows: Sequence[int], what: str) -> None:
    """Look at every person's image once, before anything is trained.

    Raises:
        MimicError: an image is missing or cannot be read, or a labelled joint lies outside of it.
    """
    sizes: dict[int, tuple[int, int]] = {}
    for row in track(rows, f"{what} people"):
        person = split.annotations[row]
        path = split.folder / split.names[person.image]
        if person.image not in sizes:
            try:
                with Image.open(path) as image:
                    sizes[person.image] = image.size
            except OSError as error:
                raise MimicError("this image is missing or cannot be read", where=path, remedy=REMEDY) from error
        places = person.joints[person.joints[:, 2] > 0, :2]
        if (places < -OUTSIDE).any() or (places > np.add(sizes[person.image], OUTSIDE - 1)).any():
            what = f"a labelled joint of annotation {person.number} lies outside the image"
            raise MimicError(what, where=path, remedy=DAMAGED)


def check_boxes(path: str, split: CocoKeypoints) -> None:
    """A detector's file: a list of boxes of the test images.

    Raises:
        MimicError: it is missing, or not in COCO's result format.
    """
    try:
        boxes = read_json(Path(path))
    except (OSError, ValueError) as error:
        raise MimicError(
            f"these boxes cannot be read ({error})", where=path, remedy="check tasks.pose.boxes"
        ) from error
    keys = {"image_id", "category_id", "bbox", "score"}
    fits = isinstance(boxes, list) and all(isinstance(box, dict) and keys <= set(box) for box in boxes)
    if not fits or not any(box["category_id"] == 1 for box in boxes):
        what = f"these are not a detector's boxes of people: a list of objects with {', '.join(sorted(keys))}"
        raise MimicError(what, where=path, remedy="use COCO's result format")
    if unknown := {box["image_id"] for box in boxes} - set(split.names):
        what = f"{len(unknown)} images of these boxes are not in the annotation file, such as {min(unknown)}"
        raise MimicError(what, where=path, remedy="use the boxes of val2017")


class Job:
    """All seeds of one encoder and mode.

    Args:
        settings: what to do.
        weights: ``random`` or the path of a checkpoint.
        root: the dataset's folder.
        seed: the config's; each of ``settings.seeds`` is a repetition under it.

    Attributes:
        config: the first seed's.
        predictions: the first seed's joints by person; of none where a detector's boxes are used.
    """

    def __init__(self, settings: PoseSettings, weights: str | Path, root: Path, seed: int) -> None:
        self.settings, self.weights, self.root, self.seed = settings, weights, root, seed
        self.training, self.test = CocoKeypoints(root, "train"), CocoKeypoints(root, "test")
        self.rows = {name: self.rows_of(name) for name in settings.seeds}
        check(self.training, sorted({int(row) for rows in self.rows.values() for row in rows}), "training")
        check(self.test, range(len(self.test)), "test")
        if settings.boxes is not None:
            check_boxes(settings.boxes, self.test)
        self.config: Config | None = None
        self.predictions: dict[int, NDArray[np.float32]] = {}

    def seed_of(self, repetition: int) -> int:
        """Seed of one repetition: the same for every encoder and mode, so that they see the same order."""
        return seed_for(self.seed, "finetune", "pose", repetition)

    def rows_of(self, repetition: int) -> NDArray[np.int64]:
        """Training people of one repetition."""
        return few_shot_rows(len(self.training), self.settings.train_images, self.seed_of(repetition))

    def train(self, repetition: int) -> PoseResult:
        """Train and test one repetition."""
        seed = self.seed_of(repetition)
        indices = None if self.settings.train_images is None else self.rows[repetition].tolist()
        config = build_config(self.settings, self.weights, self.root, seed, indices=indices)
        from mimic_core.finetune.openmmlab import running

        trained = running.train(config, seed, test=True)
        found = trained.metrics[0]
        if self.config is None:
            self.config = config
            self.predictions = {} if self.settings.boxes else found.predictions
        return PoseResult(repetition, found.numbers, found.images, trained.curve)

    def run(self) -> list[PoseResult]:
        """Train and test every seed."""
        results = []
        for repetition in self.settings.seeds:
            log.info("%s, %s, seed %d", self.settings.encoder, self.settings.mode, repetition)
            results.append(self.train(repetition))
        return results

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


def summarise(
    results: Sequence[PoseResult], *, encoder: str, mode: str, data: str, train_images: int, seed: int
) -> dict[str, Any]:
    """The content of ``metrics.json``; see :func:`mimic_core.finetune.results.summarise`.

    ``per_image`` of a run holds the test images' numbers and :func:`mimic_core.evaluation.pose.pack_matches`.

    Raises:
        MimicError: no test image has a person who counts.
    """
    runs: list[dict[str, Any]] = []
    for result in results:
        metrics = pose_metrics(result.images)
        if not np.isfinite(metrics[METRIC]):
            raise MimicError("no test image has a person with joints", remedy="check the annotation file")
        kept = {"image": list(result.numbers), **pack_matches(result.images)}
        rounded = {name: round(value, DIGITS) for name, value in metrics.items()}
        runs.append({"seed": result.seed, "metrics": rounded, "per_image": kept})
    names: list[str] = list(runs[0]["metrics"])
    over_seeds = {name: np.array([run["metrics"][name] for run in runs]) for name in names}
    first, several = results[0].images, len(runs) > 1

    def figure(name: str) -> dict[str, float]:
        return bootstrap_statistic(lambda rows: pose_metrics(first, rows)[name], len(first), seed)

    return {
        "task": "pose",
        "encoder": encoder,
        "mode": mode,
        "metric": METRIC,
        "unit": "percent",
        "data": data,
        "seeds": [result.seed for result in results],
        "runs": runs,
        "mean": {name: round(float(values.mean()), DIGITS) for name, values in over_seeds.items()},
        "std": {
            name: round(float(values.std(ddof=1)), DIGITS) if several else None for name, values in over_seeds.items()
        },
        "bootstrap": {name: figure(name) for name in names},
        "train_images": train_images,
        "test_images": len(first),
        "curve": [[epoch, round(loss, DIGITS)] for epoch, loss in results[0].curve],
    }


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
    root, out = data if data is not None else settings.root, Path(out)
    if root is None:
        raise MimicError("no dataset is named", where="finetune.root", remedy="give --data, or root in the settings")
    with cpu_threads(settings.threads):
        job = Job(settings, weights, Path(root), seed)
        files = [*job.training.files, *([] if str(weights) == RANDOM else [Path(weights)])]
        files += [Path(settings.boxes)] if settings.boxes else []
        receipt = Receipt("finetune", {**dataclasses.asdict(settings), "seed": seed}, files)
        results = job.run()
    summary = summarise(
        results,
        encoder=settings.encoder,
        mode=settings.mode,
        data=job.test.label,
        train_images=len(job.rows[settings.seeds[0]]),
        seed=seed,
    )
    draw_poses(out / "predictions.png", job.shown(), f"pose on {job.test.label}: {settings.encoder}, {settings.mode}")
    if job.config is not None:
        with atomic_path(out / "config.py") as temporary:
            job.config.dump(temporary)
    write_json(out / "metrics.json", summary)
    receipt.statistics = {"mean": summary["mean"], "std": summary["std"], "data": summary["data"]}
    receipt.write(out / RECEIPT, [out / name for name in OUTPUTS])
    log.info("%s %s", METRIC, summary["mean"][METRIC])
    return summary
