"""Base classes of tasks. Each task is one file, and the code that trains and tests it names no task.

Planning a run imports the tasks without torch and numpy, so methods import these when they are called.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from mimic_core.finetune.settings import DenseSettings, JobSettings, ProbeSettings
from mimic_core.models import dpt_head

if TYPE_CHECKING:
    import numpy as np
    from mmengine.config import Config as Config
    from mmengine.evaluator import BaseMetric as BaseMetric
    from numpy.typing import NDArray
    from torch import Tensor as Tensor

    from mimic_core.evaluation import PerImage as PerImage
    from mimic_core.finetune.data import DenseSplit, Split
    from mimic_core.finetune.data import Samples as Samples
    from mimic_core.finetune.job import Job

    Rows = NDArray[np.int64]
    Numbers = NDArray[np.floating]
    Label = NDArray[np.float32]
    Mask = NDArray[np.bool_]
    Picture = NDArray[np.uint8]
    Range = tuple[float, float]

REMEDY = "check the dataset's download"


@dataclass(frozen=True)
class Metric:
    """A metric that the tables report for a task.

    Attributes:
        name: its name in ``metrics.json``.
        label: its name in a table.
        unit: its unit in a table.
        higher: whether higher is better.
    """

    name: str
    label: str
    unit: str = "%"
    higher: bool = True


class Task(ABC):
    """A task: its settings, dataset, training and metrics.

    Attributes:
        name: as in the config.
        settings: the class of its settings.
        dataset: the dataset's name in the paper.
        layout: the layout of its dataset, which a file in ``layouts/`` reads and the sample world writes.
        metrics: the metrics that tables report; the first one selects the best epoch.
        unit: unit of the first metric in ``metrics.json``.
        tables: numbers of the paper's tables that include the task.
        modes: the modes it can be trained in.
        minutes: time limit of a job: 1.5 times the estimate of ``mimic plan`` for training the whole encoder at the
            paper's scale on one GPU.
        sample_images: key in the config block ``sample`` that sets the number of its images in the sample world.
        openmmlab: whether OpenMMLab trains it.
        packages: modules it needs besides those that every task needs.
        constant: whether tables include the constant baseline.
    """

    name: ClassVar[str]
    settings: ClassVar[type[JobSettings]]
    dataset: ClassVar[str]
    layout: ClassVar[str]
    metrics: ClassVar[tuple[Metric, ...]]
    unit: ClassVar[str] = "percent"
    tables: ClassVar[tuple[int, ...]] = ()
    modes: ClassVar[tuple[str, ...]] = ("frozen", "whole")
    minutes: ClassVar[int]
    sample_images: ClassVar[str] = ""
    openmmlab: ClassVar[bool] = False
    packages: ClassVar[tuple[str, ...]] = ()
    constant: ClassVar[bool] = False

    @property
    def metric(self) -> str:
        """Name of the task's main metric."""
        return self.metrics[0].name

    @property
    def higher(self) -> bool:
        """Whether a higher value of :attr:`metric` is better."""
        return self.metrics[0].higher

    @abstractmethod
    def open(self, root: Path, part: str, splits: Mapping[str, str]) -> Split[Any]:
        """Open a part of the dataset.

        Args:
            root: folder of the dataset.
            part: ``train``, ``test`` or, if the dataset has it, ``val``.
            splits: split files by part, in place of the dataset's own.

        Raises:
            MimicError: the dataset is missing or invalid, or has no such part.
        """

    @abstractmethod
    def job(self) -> type[Job[Any, Any]]:
        """The class of its jobs."""

    @abstractmethod
    def head_operations(self, settings: Any, patches: float, width: int) -> float:
        """Estimate the floating-point operations of the head's forward pass on one image.

        Args:
            settings: settings of the job.
            patches: number of patches per image.
            width: width of the encoder's tokens.
        """

    def prepare(self) -> None:  # noqa: B027 - most tasks need nothing more
        """Check that the packages of the task are installed, before anything is read."""

    def evaluation_files(self, root: Path, splits: Mapping[str, str]) -> Sequence[Path]:
        """Return the files of the test images; arguments and errors as for :meth:`open`.

        Raises:
            MimicError: the task does not implement it, and is listed in ``leaks.tasks``.
        """
        from mimic_core.kit.errors import MimicError

        raise MimicError(
            f"the task '{self.name}' does not say which files are its test images",
            remedy=f"implement evaluation_files in {type(self).__module__}, or leave '{self.name}' out of leaks.tasks",
        )

    def evaluation_images(self, root: Path, splits: Mapping[str, str], size: int) -> Iterator[tuple[str, Picture]]:
        """Yield name and picture, squashed to (size, size, 3), of every readable test image."""
        from mimic_core.finetune.data import read_rgb, resize_image
        from mimic_core.kit.errors import MimicError

        for path in self.evaluation_files(root, splits):
            try:
                yield path.name, resize_image(read_rgb(path, REMEDY), size)
            except MimicError:
                continue  # the fine-tuning job reports it


class DenseTask(Task):
    """A task with a label for every pixel, predicted by a DPT head.

    Attributes:
        channels: number of channels of the label.
        zoomable: whether labels are divided by the zoom: an image enlarged by z shows everything z times nearer.
    """

    settings: ClassVar[type[DenseSettings]] = DenseSettings
    constant = True
    channels: ClassVar[int]
    zoomable: ClassVar[bool] = False

    def job(self) -> type[Job[Any, Any]]:
        """The class of its jobs."""
        from mimic_core.finetune.dense import DenseJob

        return DenseJob

    def head_operations(self, settings: DenseSettings, patches: float, width: int) -> float:
        """Estimate the floating-point operations of the head's forward pass on one image."""
        return dpt_head(patches**0.5, width, settings.head.layer_dims, settings.head.feature)

    @abstractmethod
    def open(self, root: Path, part: str, splits: Mapping[str, str]) -> DenseSplit:
        """Open a part of the dataset; see :meth:`Task.open`."""

    @abstractmethod
    def loss(self, prediction: Tensor, target: Tensor, valid: Tensor) -> Tensor:
        """Compute the scalar loss of (B, C, H, W) predictions and targets on the valid pixels (B, 1, H, W) bool."""

    @abstractmethod
    def measure(self, prediction: Numbers, target: Numbers, valid: Mask) -> PerImage:
        """Compute every metric of each image from (B, C, H, W) predictions and targets and valid pixels (B, H, W)."""

    @abstractmethod
    def best_constant(self, samples: Samples) -> Label:
        """Return the constant label (C,) with the best metric on training samples."""

    @abstractmethod
    def colours(self, label: Label, valid: Mask, bounds: Range) -> Picture:
        """Draw a label (C, H, W) as RGB (H, W, 3), given its valid pixels and the value range of all pictures."""

    @abstractmethod
    def legend(self, bounds: Range) -> str:
        """Explain how to read the colours, given the value range of all pictures."""

    def mirrored(self, label: Label) -> Label:
        """Correct the values of labels (C, H, W) that were flipped left to right; by default they stay."""
        return label


class ProbeTask(Task):
    """A task with one class per image, predicted by a linear layer on a frozen encoder."""

    settings: ClassVar[type[ProbeSettings]] = ProbeSettings
    modes = ("frozen",)

    def job(self) -> type[Job[Any, Any]]:
        """The class of its jobs."""
        from mimic_core.finetune.probe import ProbeJob

        return ProbeJob

    @abstractmethod
    def measure(self, scores: Numbers, labels: Rows) -> PerImage:
        """Compute every metric of each image from scores (N, classes) and true classes (N,)."""


class ImageCounts(NamedTuple):
    """What is kept from the evaluation of the test images.

    Attributes:
        names: names of the images.
        counts: per image, what metrics over any set of images are computed from.
        predictions: predictions of a few samples, for the picture.
    """

    names: Sequence[Any]
    counts: Any
    predictions: Mapping[int, NDArray[Any]]


class OpenMMLabTask(Task):
    """A task that OpenMMLab trains and tests; a file in ``openmmlab/`` registers the classes named in its config.

    Attributes:
        no_result: error and remedy if no test image can be measured.
    """

    openmmlab = True
    no_result: ClassVar[tuple[str, str]]

    def prepare(self) -> None:
        """Check that OpenMMLab is installed."""
        from mimic_core.finetune.openmmlab import require_openmmlab

        require_openmmlab()

    def job(self) -> type[Job[Any, Any]]:
        """The class of its jobs."""
        from mimic_core.finetune.openmmlab.job import OpenMMLabJob

        return OpenMMLabJob

    def extra_files(self, settings: Any) -> list[Path]:
        """Return the files that a job reads besides the dataset."""
        return []

    def check_extra_files(self, settings: Any, test: Any) -> None:
        """Check these files, and add unusable entries to ``test.skipped``."""

    @abstractmethod
    def config(
        self, settings: Any, weights: str | Path, root: Path, seed: int, splits: Mapping[str, Any], **options: Any
    ) -> Config:
        """Return the config of one training run and its test.

        Args:
            settings: settings of the job.
            weights: ``random`` or the path of a checkpoint.
            root: folder of the dataset.
            seed: seed of the repetition.
            splits: ``train`` and ``test``, without unusable samples.
            options: ``indices``: rows of the training samples; None: all.
        """

    @abstractmethod
    def collect_counts(self, settings: Any, metrics: Sequence[BaseMetric]) -> ImageCounts:
        """Collect what is kept of a test from the metrics of the config."""

    @abstractmethod
    def measure(self, counts: Any, rows: Rows | None = None) -> dict[str, float]:
        """Compute the metrics over all test images, or over ``rows``, which may repeat images."""

    @abstractmethod
    def per_image(self, counts: Any) -> dict[str, list[Any]]:
        """Return what ``metrics.json`` says of every image."""

    @abstractmethod
    def draw(self, path: Path, settings: Any, test: Any, predictions: Mapping[int, NDArray[Any]], title: str) -> None:
        """Draw the predictions for a few test samples."""
