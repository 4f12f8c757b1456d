"""Jobs that OpenMMLab trains, with one config per seed; the first is written beside the results."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from mimic_core.evaluation import bootstrap_statistic
from mimic_core.finetune.job import PICTURE, Job
from mimic_core.finetune.results import METRICS, rounded, summary_of
from mimic_core.finetune.settings import OpenMMLabSettings
from mimic_core.finetune.tasks.base import ImageCounts, OpenMMLabTask
from mimic_core.kit.errors import MimicError
from mimic_core.kit.files import atomic_path

if TYPE_CHECKING:
    from mmengine.config import Config

CONFIG = "config.py"


@dataclass(frozen=True)
class OpenMMLabSeedResult:
    """One seed's evaluation on the test images, and the training curve (epoch, mean loss)."""

    seed: int
    found: ImageCounts
    curve: Sequence[tuple[int, float]]


class OpenMMLabJob(Job[OpenMMLabTask, OpenMMLabSettings]):
    """OpenMMLab job of one encoder and mode, with all seeds; see :class:`mimic_core.finetune.job.Job`.

    Attributes:
        first: the first seed's config, and its predictions for the test samples to draw.
    """

    outputs: ClassVar[tuple[str, ...]] = (METRICS, PICTURE, CONFIG)

    def __init__(
        self,
        task: OpenMMLabTask,
        settings: OpenMMLabSettings,
        weights: str | Path,
        root: str | Path | None,
        seed: int,
    ) -> None:
        super().__init__(task, settings, weights, root, seed)
        self.first: tuple[Config, Any] | None = None
        task.check_extra_files(settings, self.test)

    def extra_files(self) -> list[Path]:
        """Files that the job reads besides the dataset and the weights."""
        return self.task.extra_files(self.settings)

    def train(self, repetition: int) -> OpenMMLabSeedResult:
        """Train and test one repetition."""
        from mimic_core.finetune.openmmlab import running

        few = self.settings.train_images is not None
        config = self.task.config(
            self.settings,
            self.weights,
            self.root,
            self.seed_of(repetition),
            self.parts,
            indices=self.rows_of(repetition).tolist() if few else None,
        )
        trained = running.train(config, self.seed_of(repetition), test=True)
        found = self.task.collect_counts(self.settings, trained.metrics)
        if self.first is None:
            self.first = config, found.predictions
        return OpenMMLabSeedResult(repetition, found._replace(predictions={}), trained.curve)

    def summary(self, results: Sequence[Any]) -> dict[str, Any]:
        """Return the content of ``metrics.json``: metrics over the test set, computed from counts per image.

        ``per_image`` of a run has the names of the test images and their counts. The bootstrap resamples the images and
        recomputes the metrics from their counts.
        """
        first = results[0].found

        def estimate(name: str) -> dict[str, float]:
            return bootstrap_statistic(
                lambda rows: self.task.measure(first.counts, rows)[name], len(first.counts), self.seed
            )

        runs = [self.entry(result) for result in results]
        return summary_of(self.task, runs, estimate, results[0].curve, len(first.counts), **self.run_info())

    def entry(self, result: OpenMMLabSeedResult) -> dict[str, Any]:
        """Return one seed's part of ``metrics.json``.

        Raises:
            MimicError: no test image can be measured.
        """
        metrics = self.task.measure(result.found.counts)
        if not math.isfinite(metrics[self.task.metric]):
            what, remedy = self.task.no_result
            raise MimicError(what, remedy=remedy)
        per_image = {"image": list(result.found.names), **self.task.per_image(result.found.counts)}
        return {"seed": result.seed, "metrics": rounded(metrics), "per_image": per_image}

    def draw(self, path: Path) -> None:
        """Draw the first seed's predictions."""
        if self.first is not None:
            self.task.draw(path, self.settings, self.test, self.first[1], self.title)

    def write(self, out: Path) -> None:
        """Write the picture, and the first seed's config, which also runs with OpenMMLab's own tools."""
        super().write(out)
        if self.first is not None:
            with atomic_path(out / CONFIG) as temporary:
                self.first[0].dump(temporary)
