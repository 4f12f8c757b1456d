"""The encoders that a table or figure may contain, and their names in the paper."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from mimic_core.kit.errors import MimicError
from mimic_core.objectives import label

CONSTANT, RANDOM = "constant prediction", "random weights"


@dataclass(frozen=True)
class Label:
    """The paper's names for an encoder; ``remark`` is a note for the reader of a table."""

    encoder: str
    model: str
    dataset: str
    remark: str = ""


@dataclass(frozen=True)
class Encoders:
    """The encoders that a table may contain.

    Attributes:
        runs: the config's ``pretrain.runs``: name -> model and dataset.
        baselines: the config's ``baselines``: name -> model, dataset and licence.
        missing: encoders that were left out -> reason.
        short: datasets with fewer pairs than requested -> how many.
    """

    runs: Mapping[str, Mapping[str, Any]]
    baselines: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    missing: Mapping[str, str] = field(default_factory=dict)
    short: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in self.missing:
            self.label(name, "missing")

    def label(self, encoder: str, where: object = "") -> Label:
        """Return the paper's names for an encoder; ``run@epoch`` is the encoder of a run after that epoch.

        Raises:
            MimicError: there is no run or baseline of this name.
        """
        if encoder in ("constant", "random"):
            return Label(encoder, CONSTANT if encoder == "constant" else RANDOM, "")
        if encoder in self.baselines:
            found = self.baselines[encoder]
            licence = found.get("licence")
            remark = f"released checkpoint ({licence})" if licence else "released checkpoint"
            return Label(encoder, found["model"], found["dataset"], remark)
        run, _, epoch = encoder.partition("@")
        if run not in self.runs:
            raise MimicError(
                f"the encoder {encoder!r} is neither a pretraining run nor a baseline",
                where=where,
                remedy=f"known encoders: {', '.join([*self.runs, *self.baselines])}",
            )
        name, model = self.runs[run]["dataset"], self.runs[run]["model"]
        dataset = name.upper() + (f" (epoch {epoch})" if epoch else "")
        remark = f"{name.upper()}: {self.short[name]}" if name in self.short else ""
        return Label(encoder, label(model), dataset, remark)

    def labels(self) -> list[Label]:
        """Return the labels of all runs and baselines, in the config's order."""
        return [self.label(name) for name in (*self.runs, *self.baselines)]

    def order(self, encoder: str) -> tuple[int, int]:
        """Return the sort key of an encoder: constant, random weights, runs, baselines."""
        run, _, epoch = encoder.partition("@")
        names = ["constant", "random", *self.runs, *self.baselines]
        return names.index(encoder if encoder in names else run), int(epoch) if epoch.isdigit() else 1 << 30
