"""Candidate rules: which pairs of a unit's views are measured, and which of those in range are kept."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

from mimic_core.pairs.measurement import HIGH_OVERLAP, KEPT, NOT_BEST, Measurement


@dataclass(frozen=True)
class Candidate:
    """A measured pair of views of one unit, by their numbers."""

    view1: int
    view2: int
    measurement: Measurement


@dataclass(frozen=True)
class ViewOf:
    """What a rule needs to know of a view: its number, its group, its role in the walk."""

    number: int
    group: int = 0
    role: str = ""


Measure = Callable[[int, int], Measurement]


class CandidateRule(Protocol):
    """Names the candidates of one unit and decides between those in range. No pair is measured twice."""

    def candidates(self, views: Sequence[ViewOf], measure: Measure) -> Iterator[Candidate]:
        """Yield every measured candidate once, its verdict final."""
        ...


@dataclass(frozen=True)
class VideoRule:
    """A video's neighbours: (t, t+1); where these overlap too much, (t, t+2) instead, and one view is skipped.

    Source: paper appendix C.1 (ARKitScenes, Objectron) and the released scripts.
    """

    def candidates(self, views: Sequence[ViewOf], measure: Measure) -> Iterator[Candidate]:
        """Walk through the views in order of time."""
        numbers = [view.number for view in views]
        position = 0
        while position + 1 < len(numbers):
            near = measure(numbers[position], numbers[position + 1])
            yield Candidate(numbers[position], numbers[position + 1], near)
            if near.verdict != HIGH_OVERLAP or position + 2 >= len(numbers):
                position += 1
                continue
            far = measure(numbers[position], numbers[position + 2])
            yield Candidate(numbers[position], numbers[position + 2], far)
            position += 2


@dataclass(frozen=True)
class RandomWalkRule:
    """A sample of the random walk: view 1 from list A, view 2 from B or C; of those in range the smallest overlaps.

    Attributes:
        pairs_per_sample: how many are kept; the paper keeps one.

    Source: paper appendix C.1 (HM3D, Gibson, Matterport3D).
    """

    pairs_per_sample: int = 1

    def candidates(self, views: Sequence[ViewOf], measure: Measure) -> Iterator[Candidate]:
        """Measure the 8 x 16 candidates of each sample; the ones in range that are not kept become ``not_best``."""
        samples: dict[int, list[ViewOf]] = {}
        for view in views:
            samples.setdefault(view.group, []).append(view)
        for sample in samples.values():
            firsts = [view.number for view in sample if view.role == "A"]
            seconds = [view.number for view in sample if view.role in ("B", "C")]
            measured = [Candidate(one, two, measure(one, two)) for one in firsts for two in seconds]
            yield from keep_smallest(measured, self.pairs_per_sample)


def keep_smallest(candidates: Sequence[Candidate], count: int) -> Iterator[Candidate]:
    """Keep the ``count`` smallest overlaps of those in range; the others in range become ``not_best``."""
    in_range = [candidate for candidate in candidates if candidate.measurement.verdict == KEPT]
    in_range.sort(key=lambda one: (one.measurement.overlap, one.view1, one.view2))
    best = {(one.view1, one.view2) for one in in_range[:count]}
    for candidate in candidates:
        if candidate.measurement.verdict == KEPT and (candidate.view1, candidate.view2) not in best:
            yield replace(candidate, measurement=replace(candidate.measurement, verdict=NOT_BEST))
        else:
            yield candidate


def rule_for(kind: str, settings: Mapping[str, Any]) -> CandidateRule:
    """The rule of a kind of source (``video`` or ``scene``) with its settings from config."""
    if kind == "video":
        return VideoRule()
    if kind == "scene":
        return RandomWalkRule(settings.get("pairs_per_sample", 1))
    raise ValueError(f"no candidate rule for sources of kind {kind!r}")
