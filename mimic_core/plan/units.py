"""Estimate the work of every source before reading any data: units, views, candidates and retained pairs."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mimic_core.datasets.composition import wanted_pairs
from mimic_core.plan.costs import Costs
from mimic_core.sources import Entry

VIEWS, CANDIDATES = 24, 128  # per random-walk sample (paper, appendix C.1)
STEPS = {  # rule -> the unit that its ratios in the table of costs refer to
    "random_walk": "samples",
    "neighbours": "intervals",
    "windows": "frames",
    "stride": "frames",
    "groups": "groups",
}


@dataclass(frozen=True)
class Work:
    """Expected amounts of work of a source.

    Attributes:
        units: videos, sequences, groups or scenes, which are spread over the shards; 0: unknown.
        steps: number of samples, intervals, frames or groups, depending on the rule (:data:`STEPS`).
        views: views written.
        features, candidates, kept: in mining, views with features, candidates measured and pairs retained.
        source: where these numbers come from.
    """

    units: int
    steps: float
    views: float
    features: float
    candidates: float
    kept: float
    source: str

    def share(self, shard: int, shards: int) -> float:
        """Return the share of a shard: units are distributed round-robin, so some shards may have one more."""
        return len(range(shard, self.units, shards)) / self.units if self.units else 1 / shards


def source_work(name: str, config: Mapping[str, Any], entry: Entry, costs: Costs) -> Work:
    """Return the work of one source under a config."""
    settings = config["sources"][name]
    rule = next(iter(settings["pairs"]["rule"]))
    if settings["origin"] == "sample":
        units, steps, source = sample_steps(name, config)
    elif rule == "random_walk":
        units, steps, source = scene_steps(name, config, entry, costs)
    elif entry.pairs_3m:
        steps = entry.pairs_3m / costs.value(f"yield.{rule}.kept")
        units = entry.units or 0
        known = f"{units:,} {entry.kind}s (rules/sources.tsv), their length not; " if units else "units not known; "
        source = f"{known}from the paper's {entry.pairs_3m:,} pairs at the sample world's yield"
    else:
        units, steps, source = own_steps(settings, config, entry)
    return of_steps(rule, units, steps, source, costs, entry, settings)


def of_steps(
    rule: str, units: int, steps: float, source: str, costs: Costs, entry: Entry, settings: Mapping[str, Any]
) -> Work:
    """Return the views, candidates and pairs for a number of steps."""
    if rule != "random_walk":
        ratios = {what: costs.value(f"yield.{rule}.{what}") for what in ("views", "features", "candidates", "kept")}
        return Work(units, steps, **{what: steps * ratio for what, ratio in ratios.items()}, source=source)
    if settings["origin"] == "sample":
        kept = costs.value("yield.random_walk.kept") * settings["pairs"]["rule"][rule].get("pairs_per_sample", 1)
    elif entry.pairs_3m and entry.units:
        kept = entry.pairs_3m / (entry.units * entry.settings["samples_per_scene"])
    else:
        kept = costs.value("yield.random_walk.paper")
    return Work(units, steps, steps * VIEWS, steps * VIEWS, steps * CANDIDATES, steps * kept, source)


def sample_steps(name: str, config: Mapping[str, Any]) -> tuple[int, float, str]:
    """Return units and steps of a source of the sample world."""
    sample, settings = config["sample"], config["sources"][name]
    source = "config, sample"
    units = int(sample["flats"].get(name) or sample["objects"].get(name) or 0)
    if name == "3dstreetview":
        units = sample["streets"]["count"] * sample["streets"]["targets"]
        return units, units, source
    if name == "demon":
        return units, units * sample["demon_samples"], source
    if name in sample["video_seconds"]:
        return units, units * sample["video_seconds"][name] / (settings["frames"].get("interval") or 1), source
    if name in sample["sequence_frames"]:
        return units, units * sample["sequence_frames"][name], source
    return units, units * settings["frames"].get("samples_per_scene", 1), source


def scene_steps(name: str, config: Mapping[str, Any], entry: Entry, costs: Costs) -> tuple[int, float, str]:
    """Return the scenes and the random-walk samples of a source on disk."""
    settings = config["sources"][name]
    samples = settings["frames"]["samples_per_scene"]
    units, source = entry.units, f"{entry.units} scenes (rules/sources.tsv) x up to {samples} samples"
    if units is None:
        wanted = max(wanted_pairs(dataset, config["datasets"]).get(name) or 0 for dataset in config["datasets"])
        each = samples * costs.value("yield.random_walk.paper")
        units = max(settings["shards"], math.ceil(wanted / each))
        source = f"scenes not known: one a shard, or as many as {wanted:,} pairs ask for; x up to {samples} samples"
    return units, units * samples, source


def own_steps(settings: Mapping[str, Any], config: Mapping[str, Any], entry: Entry) -> tuple[int, float, str]:
    """Return units and steps of the user's own videos, photos or scenes, by inspecting the files."""
    from mimic_core.sources import open_source

    root = Path(config["videos"] if settings["root"] == "{videos}" else settings["root"])
    if not root.is_dir():
        return 0, 0.0, f"NOT KNOWN: there is no folder {root}; counted as nothing"
    units = open_source(settings["adapter"], settings.get("options")).units(root)
    if entry.kind == "video":
        from mimic_core.frames import video_seconds

        seconds = sum(video_seconds(unit.path) for unit in units)
        interval = settings["frames"].get("interval") or 1 / 30
        return len(units), seconds / interval, f"{len(units)} videos in {root}, {seconds:,.0f} s"
    if entry.kind == "scene":
        steps = len(units) * settings["frames"]["samples_per_scene"]
        return len(units), float(steps), f"{len(units)} scenes in {root}"
    steps = float(sum(max(1, len(unit.files)) for unit in units)) if entry.kind == "sequence" else float(len(units))
    return len(units), steps, f"{len(units)} {entry.kind}s in {root}"
