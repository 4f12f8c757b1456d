"""Candidates (measured pairs of one unit's views) and the interface of candidate rules (see ``rules``)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from mimic_core.pairs.measurement import KEPT, NOT_BEST, Measurement


@dataclass(frozen=True)
class Candidate:
    """A measured pair of views of one unit, given by view numbers."""

    view1: int
    view2: int
    measurement: Measurement


@dataclass(frozen=True)
class ViewOf:
    """What a rule knows about a view: its number, group and role in the random walk."""

    number: int
    group: int = 0
    role: str = ""


Measure = Callable[[int, int], Measurement]


class CandidateRule(Protocol):
    """Choose the candidates of one unit and select among those in range. Never measure a pair twice."""

    def candidates(self, views: Sequence[ViewOf], measure: Measure) -> Iterator[Candidate]:
        """Yield every measured candidate once, with its final verdict."""
        ...


def keep_smallest(candidates: Sequence[Candidate], count: int) -> Iterator[Candidate]:
    """Keep the ``count`` candidates in range with the smallest overlap; the others in range become ``not_best``."""
    in_range = [candidate for candidate in candidates if candidate.measurement.verdict == KEPT]
    in_range.sort(key=lambda one: (one.measurement.overlap, one.view1, one.view2))
    best = {(one.view1, one.view2) for one in in_range[:count]}
    for candidate in candidates:
        if candidate.measurement.verdict == KEPT and (candidate.view1, candidate.view2) not in best:
            yield replace(candidate, measurement=replace(candidate.measurement, verdict=NOT_BEST))
        else:
            yield candidate
