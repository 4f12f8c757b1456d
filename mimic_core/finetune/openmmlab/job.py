"""The jobs that OpenMMLab trains: a config a seed, of which the first is left beside the results."""

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
from mimic_core.finetune.tasks.base import Counted, OpenMMLabTask
from mimic_core.kit.errors import MimicError
from mimic_core.kit.files import atomic_path

if TYPE_CHECKING:
    from mmengine.config import Config

CONFIG = "config.py"


@dataclass(frozen=True)
class Tested:
    """One seed: what is kept of every test image, and the training losses (epoch, mean loss)."""

    seed: int
    found: Counted
    curve: Sequence[tuple[int, float]]


class OpenMMLabJob(Job[OpenMMLabTask, OpenMMLabSettings]):
    """All seeds of one encoder and mode; see :class:`mimic_core.finetune.job.Job`.

    Attributes:
        first: the first seed's config, and its predictions of the test samples that are shown.
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
        task.look_at(settings, self.test)

    def more_files(self) -> list[Path]:
        """Files that are read beside the dataset and the weights."""
        return self.task.more_files(self.settings)

    def train(self, repetition: int) -> Tested:
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
        found = self.task.counted(self.settings, trained.metrics)
        if self.first is None:
            self.first = config, found.predictions
        return Tested(repetition, found._replace(predictions={}), trained.curve)

    def summary(self, results: Sequence[Any]) -> dict[str, Any]:
        """The content of ``metrics.json``: figures of whole test sets, from what is kept of every image.

        ``per_image`` of a run names the test images and says of each what its figures are computed from. A test set of
        the bootstrap has the images drawn.
        """
        first = results[0].found

        def estimate(name: str) -> dict[str, float]:
            return bootstrap_statistic(
                lambda rows: self.task.measure(first.counts, rows)[name], len(first.counts), self.seed
            )

        runs = [self.entry(result) for result in results]
        return summary_of(self.task, runs, estimate, results[0].curve, len(first.counts), **self.about())

    def entry(self, result: Tested) -> dict[str, Any]:
        """One seed's part of ``metrics.json``.

        Raises:
            MimicError: no test image counts.
        """
        metrics = self.task.measure(result.found.counts)
        if not math.isfinite(metrics[self.task.metric]):
            what, remedy = self.task.nothing
            raise MimicError(what, remedy=remedy)
        per_image = {"image": list(result.found.names), **self.task.per_image(result.found.counts)}
        return {"seed": result.seed, "metrics": rounded(metrics), "per_image": per_image}

    def draw(self, path: Path) -> None:
        """Write the picture of the first seed's predictions."""
        if self.first is not None:
            self.task.draw(path, self.settings, self.test, self.first[1], self.title)

    def write(self, out: Path) -> None:
        """Write the picture, and the first seed's config, which also runs without us."""
        super().write(out)
        if self.first is not None:
            with atomic_path(out / CONFIG) as temporary:
                self.first[0].dump(temporary)
