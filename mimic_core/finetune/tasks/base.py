"""What a task is made of. Each task is one file; whatever trains and tests one knows none of them by name.

A plan reads the tasks' files without torch and numpy: a method imports what it computes with when it is called.
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
class Figure:
    """A number that the tables report of a task.

    Attributes:
        metric: its name in ``metrics.json``.
        words: what it is called in a table.
        unit: what it is counted in there.
        higher: a higher number is a better one.
    """

    metric: str
    words: str
    unit: str = "%"
    higher: bool = True


class Task(ABC):
    """A task: its settings, its dataset, how it is trained and what is measured.

    Attributes:
        name: as in the config.
        settings: class of its settings.
        dataset: what the paper calls its dataset.
        layout: the dataset's layout: a reader in ``layouts/``, and what the sample world writes.
        figures: what the tables report of it; the first is the one that training aims at.
        unit: what the first figure's numbers mean, in ``metrics.json``.
        tables: numbers of the paper's tables that have it.
        modes: in which it can be trained.
        minutes: that a job may take: half as long again as the whole encoder takes at the paper's scale on one GPU, by
            ``mimic plan``.
        sample_images: key of the config's block ``sample`` that says how many images the sample world has of it.
        openmmlab: OpenMMLab trains it.
        packages: what it needs beside the packages that every task needs.
        constant: the best constant prediction is measured as the floor of the tables.
    """

    name: ClassVar[str]
    settings: ClassVar[type[JobSettings]]
    dataset: ClassVar[str]
    layout: ClassVar[str]
    figures: ClassVar[tuple[Figure, ...]]
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
        """Name of the metric that training aims at."""
        return self.figures[0].metric

    @property
    def higher(self) -> bool:
        """Whether a higher value of :attr:`metric` is better."""
        return self.figures[0].higher

    @abstractmethod
    def open(self, root: Path, part: str, splits: Mapping[str, str]) -> Split[Any]:
        """Open a part of the dataset in a folder.

        Args:
            root: the folder.
            part: ``train``, ``test`` or, where there is one, ``val``.
            splits: files that name the images of a part, by part, where they are not the dataset's own.

        Raises:
            MimicError: the dataset is not there or not what it should be, or has no such part.
        """

    @abstractmethod
    def job(self) -> type[Job[Any, Any]]:
        """The class of its jobs."""

    @abstractmethod
    def head_operations(self, settings: Any, patches: float, width: int) -> float:
        """Floating-point operations of the head on one image, forward.

        Args:
            settings: the task's.
            patches: of the image.
            width: of the encoder's tokens.
        """

    def prepare(self) -> None:  # noqa: B027 - most tasks need nothing more
        """See that what the task needs is installed, before anything is read."""

    def test_files(self, root: Path, splits: Mapping[str, str]) -> Sequence[Path]:
        """Files of the test images; arguments and errors as of :meth:`open`."""
        raise NotImplementedError

    def test_images(self, root: Path, splits: Mapping[str, str], size: int) -> Iterator[tuple[str, Picture]]:
        """Name and picture (size, size, 3), squashed, of every test image that can be read."""
        from mimic_core.finetune.data import read_rgb, resize_image
        from mimic_core.kit.errors import MimicError

        for path in self.test_files(root, splits):
            try:
                yield path.name, resize_image(read_rgb(path, REMEDY), size)
            except MimicError:
                continue  # the task's own job names it


class DenseTask(Task):
    """A label for every pixel, learnt by a DPT head.

    Attributes:
        channels: of the label.
        zoomable: the label shrinks with a zoom: an image enlarged by z shows everything z times nearer.
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
        """Floating-point operations of the head on one image, forward."""
        return dpt_head(patches**0.5, width, settings.head.layer_dims, settings.head.feature)

    @abstractmethod
    def open(self, root: Path, part: str, splits: Mapping[str, str]) -> DenseSplit:
        """Open a part of the dataset in a folder."""

    @abstractmethod
    def loss(self, prediction: Tensor, target: Tensor, valid: Tensor) -> Tensor:
        """A scalar, of (B, C, H, W), (B, C, H, W) and (B, 1, H, W) bool: the pixels that have a label."""

    @abstractmethod
    def measure(self, prediction: Numbers, target: Numbers, valid: Mask) -> PerImage:
        """One value an image and metric, of (B, C, H, W), (B, C, H, W) and (B, H, W)."""

    @abstractmethod
    def best_constant(self, samples: Samples) -> Label:
        """(C,), the constant label that is best on training samples by the metric."""

    @abstractmethod
    def colours(self, label: Label, valid: Mask, bounds: Range) -> Picture:
        """A label (C, H, W), its valid pixels and the range that all pictures share, to RGB (H, W, 3)."""

    @abstractmethod
    def legend(self, bounds: Range) -> str:
        """The range that all pictures share, in words."""

    def mirrored(self, label: Label) -> Label:
        """Labels (C, H, W) whose left and right were swapped, to the values that they have in a mirror."""
        return label


class ProbeTask(Task):
    """A class for every image, told by a linear layer on a frozen encoder."""

    settings: ClassVar[type[ProbeSettings]] = ProbeSettings
    modes = ("frozen",)

    def job(self) -> type[Job[Any, Any]]:
        """The class of its jobs."""
        from mimic_core.finetune.probe import ProbeJob

        return ProbeJob

    @abstractmethod
    def measure(self, scores: Numbers, labels: Rows) -> PerImage:
        """One value an image and metric, of the scores (N, classes) and the classes (N,) that are right."""


class Counted(NamedTuple):
    """What is kept of every test image.

    Attributes:
        names: of the images.
        counts: what the figures of any of these images are computed from.
        predictions: of a few samples, for the picture.
    """

    names: Sequence[Any]
    counts: Any
    predictions: Mapping[int, NDArray[Any]]


class OpenMMLabTask(Task):
    """A task that OpenMMLab trains and tests; what its config names is registered by a file in ``openmmlab/``.

    Attributes:
        nothing: what is wrong where no test image counts, and the remedy.
    """

    openmmlab = True
    nothing: ClassVar[tuple[str, str]]

    def prepare(self) -> None:
        """See that OpenMMLab is there."""
        from mimic_core.finetune.openmmlab import require_openmmlab

        require_openmmlab()

    def job(self) -> type[Job[Any, Any]]:
        """The class of its jobs."""
        from mimic_core.finetune.openmmlab.job import OpenMMLabJob

        return OpenMMLabJob

    def more_files(self, settings: Any) -> list[Path]:
        """Files beside the dataset that a job reads."""
        return []

    def look_at(self, settings: Any, test: Any) -> None:
        """Check what else a job reads; what cannot be used is added to ``test.skipped``."""

    @abstractmethod
    def config(
        self, settings: Any, weights: str | Path, root: Path, seed: int, splits: Mapping[str, Any], **options: Any
    ) -> Config:
        """The config of one training and its test.

        Args:
            settings: the task's.
            weights: ``random`` or the path of a checkpoint.
            root: the dataset's folder.
            seed: the repetition's.
            splits: ``train`` and ``test``, without the samples that cannot be used.
            options: ``indices``: numbers of the training samples; None: all.
        """

    @abstractmethod
    def counted(self, settings: Any, metrics: Sequence[BaseMetric]) -> Counted:
        """What is kept of a test, from the metrics of the config."""

    @abstractmethod
    def measure(self, counts: Any, rows: Rows | None = None) -> dict[str, float]:
        """The figures of all test images, or of some (``rows``, perhaps several times)."""

    @abstractmethod
    def per_image(self, counts: Any) -> dict[str, list[Any]]:
        """What ``metrics.json`` says of every image."""

    @abstractmethod
    def draw(self, path: Path, settings: Any, test: Any, predictions: Mapping[int, NDArray[Any]], title: str) -> None:
        """Write the picture."""
