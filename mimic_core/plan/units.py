"""How much there is to do: units, views, candidates and retained pairs of every source, before anything is read."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mimic_core.datasets.composition import wanted_pairs
from mimic_core.plan.costs import Costs
from mimic_core.sources import Entry

VIEWS, CANDIDATES = 24, 128  # of a sample of the random walk (paper, appendix C.1)
STEPS = {  # rule -> what its ratios in the table of costs are counted in
    "random_walk": "samples",
    "neighbours": "intervals",
    "windows": "frames",
    "stride": "frames",
    "groups": "groups",
}


@dataclass(frozen=True)
class Work:
    """What a source gives.

    Attributes:
        units: videos, sequences, groups or scenes that are spread over the shards; 0: not known.
        steps: what candidates are counted in: samples, intervals, frames or groups.
        views: views written.
        features, candidates, kept: of mining: views with features, candidates measured, pairs retained.
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
        """Share of a shard: units are dealt out in turn, so some shards may have one more."""
        return len(range(shard, self.units, shards)) / self.units if self.units else 1 / shards


def source_work(name: str, config: Mapping[str, Any], entry: Entry, costs: Costs) -> Work:
    """The work of one source under a config."""
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
    """Views, candidates and pairs of so many steps."""
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
    """Units and steps of a source of the sample world."""
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
    """Scenes and random-walk samples of a source on disk."""
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
    """Units and steps of one's own videos, photos or scenes, looked at on disk."""
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
