"""Candidates: measured pairs of one unit's views, and what a rule that names them has to offer (see ``rules``)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from mimic_core.pairs.measurement import KEPT, NOT_BEST, Measurement


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
