"""Read and check the results and receipts that the tables use, and name encoders as the paper does."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mimic_core.finetune import TASKS, Task
from mimic_core.foreign import JSON_BYTES, parse_json, read_regular
from mimic_core.kit.errors import MimicError, UnreadableError
from mimic_core.kit.read_receipts import read_receipt
from mimic_core.kit.verify import compare, with_receipts

FROZEN = {"frozen": "yes", "whole": "no", "constant": "-"}  # mode of a result -> value of the paper's column "frozen"
KEYS = ("task", "encoder", "mode", "data", "seeds", "test_images", "train_images", "mean", "std", "bootstrap")
AGAIN = "delete the file and run its job again"


@dataclass(frozen=True)
class Measure:
    """A metric that the paper reports for a task.

    Attributes:
        column: its column in a table: ``<dataset>_<metric>``.
        task: the task.
        metric: the metric's name in ``metrics.json``.
        words: the metric in words.
        unit: the unit of the numbers.
        higher: higher is better.
        on: the paper's dataset.
        mode: use only results of this mode; None: use all modes, with a row for each.
        paper: heading of the paper's column.
    """

    column: str
    task: str
    metric: str
    words: str
    unit: str
    higher: bool
    on: str
    mode: str | None = None
    paper: str = "paper"

    @property
    def place(self) -> str:
        """The dataset: the prefix of the columns about the result that the number comes from."""
        return self.column.rpartition("_")[0]

    @property
    def title(self) -> str:
        """Heading of the column: words, unit, and an arrow towards better."""
        return f"{self.words} ({self.unit}) {'↑' if self.higher else '↓'}"


def measures(tasks: Iterable[Task]) -> tuple[Measure, ...]:
    """Return the metrics that the paper reports for tasks, in the order of the tasks."""
    return tuple(
        Measure(
            f"{task.layout}_{metric.name}",
            task.name,
            metric.name,
            metric.label,
            metric.unit,
            metric.higher,
            task.dataset,
        )
        for task in tasks
        for metric in task.metrics
    )


REPORTED = measures(TASKS.values())


@dataclass(frozen=True)
class Result:
    """The content of a ``metrics.json``.

    Attributes:
        path: the file.
        task, encoder, mode: what was trained.
        data: what it was tested on.
        seeds: seeds of the repetitions.
        test_images, train_images: numbers of images.
        mean, std: each metric over the seeds; the standard deviation of a single seed is None.
        bootstrap: each metric's ``min``, ``max``, ``mean`` and ``std`` over test sets, for the first seed.
        first: the metrics of the first seed.
        left_out: part (``train``, ``test``) -> number of samples that could not be used.
        protocol: how images were cropped and tested, in words; empty if unknown.
    """

    path: Path
    task: str
    encoder: str
    mode: str
    data: str
    seeds: Sequence[int]
    test_images: int
    train_images: int
    mean: Mapping[str, float]
    std: Mapping[str, float | None]
    bootstrap: Mapping[str, Mapping[str, float]]
    first: Mapping[str, float]
    left_out: Mapping[str, int] = field(default_factory=dict)
    protocol: str = ""

    @property
    def remark(self) -> str:
        """How many samples were left out, or an empty string if none were."""
        counts = [f"{count} of {part}" for part, count in self.left_out.items() if count]
        return f"{self.task}: samples left out, {' and '.join(counts)} (named in metrics.json)" if counts else ""

    @property
    def receipt(self) -> str:
        """Path of the receipt beside the file."""
        return self.path.with_name("receipt.json").as_posix()

    def value(self, metric: str) -> tuple[float, float | None]:
        """Return the mean and standard deviation of a metric over the seeds.

        Raises:
            MimicError: the result lacks the metric, or its value is not a number.
        """
        if any(metric not in part for part in (self.mean, self.std, self.first)):
            raise MimicError(f"the result has no metric {metric!r}", where=self.path, remedy=AGAIN)
        for number in (self.mean[metric], self.first[metric], *filter(None, [self.std[metric]])):
            if not is_number(number):
                raise MimicError(f"{metric} is {number!r}, not a number", where=self.path, remedy=AGAIN)
        return self.mean[metric], self.std[metric]


def is_number(value: object) -> bool:
    """Return whether a value is a finite number."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def read_object(path: Path) -> dict[str, Any]:
    """Read a JSON object from a file.

    Raises:
        MimicError: the file is missing or contains something else.
    """
    try:
        content = parse_json(read_regular(path, "a result", JSON_BYTES), "a result", path)
    except UnreadableError as error:
        raise MimicError(f"the file cannot be read: {error.what}", where=path, remedy=AGAIN) from None
    if not isinstance(content, dict):
        raise MimicError("the file does not contain a JSON object", where=path, remedy=AGAIN)
    return content


def read_result(path: Path) -> Result:
    """Read a ``metrics.json``.

    Raises:
        MimicError: the file cannot be read or lacks a key, or its mode is unknown.
    """
    content = read_object(path)
    try:
        result = Result(
            path=path,
            first=content["runs"][0]["metrics"],
            left_out=left_out(content, path),
            protocol=str(content.get("protocol", "")),
            **{key: content[key] for key in KEYS},
        )
    except KeyError as error:
        raise MimicError(f"the result has no key {error}", where=path, remedy=AGAIN) from None
    except (IndexError, TypeError):
        raise MimicError("the result has no list of runs", where=path, remedy=AGAIN) from None
    for key in ("mean", "std", "bootstrap", "first"):
        if not isinstance(getattr(result, key), dict):
            raise MimicError(f"{key!r} does not map metrics to numbers", where=path, remedy=AGAIN)
    if not isinstance(result.seeds, list) or not result.seeds:
        raise MimicError("the result has no list of seeds", where=path, remedy=AGAIN)
    if result.mode not in FROZEN:
        raise MimicError(f"unknown mode {result.mode!r}", where=path, remedy=f"known modes: {', '.join(FROZEN)}")
    return result


def left_out(content: Mapping[str, Any], path: Path) -> dict[str, int]:
    """Count the samples under ``skipped`` by part; few-shot results have none.

    Raises:
        MimicError: ``skipped`` does not contain lists by part.
    """
    skipped = content.get("skipped", {})
    if not isinstance(skipped, dict) or not all(isinstance(samples, list) for samples in skipped.values()):
        raise MimicError("'skipped' does not map parts to lists of samples", where=path, remedy=AGAIN)
    return {part: len(samples) for part, samples in skipped.items()}


def read_results(paths: Iterable[Path], *, few_shot: bool = False) -> list[Result]:
    """Read results; each task, encoder and mode (``few_shot``: and number of images) may occur only once.

    Raises:
        MimicError: a file is broken or does not match the receipt beside it, or two results are for the same cell.
    """
    found: dict[tuple[str, str, str, int], Result] = {}
    paths = list(paths)
    compare(with_receipts(paths))
    for path in paths:
        result = read_result(path)
        key = (result.task, result.encoder, result.mode, result.train_images if few_shot else 0)
        if key in found:
            raise MimicError(
                f"there are two results for {result.task}, {result.encoder}, {result.mode}",
                where=f"{found[key].path} and {path}",
                remedy="pass only one of them",
            )
        found[key] = result
    return list(found.values())


def run_statistics(receipts: Iterable[Path], key: str) -> dict[str, int]:
    """Read one count from the statistics in the receipt of each pretraining run.

    Raises:
        MimicError: a receipt is broken or lacks the count.
    """
    return {path.parent.name: read_receipt(path).count("statistics", key) for path in receipts}
