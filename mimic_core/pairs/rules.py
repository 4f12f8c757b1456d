"""Candidate rules, one for every kind of source (paper appendix C.1 and the released scripts).

A rule says which pairs of a unit's views are measured, and which of those in range are kept. No pair is measured
twice, and none crosses from one unit to another: a rule sees one unit at a time. Nor does one cross from a group of
views to another: samples of a walk, or recordings that were put together in one file.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import combinations
from typing import Any, Literal

from mimic_core.kit.errors import MimicError
from mimic_core.kit.settings import key, read_settings, settings
from mimic_core.kit.values import AtLeastTwo, Flag, Positive
from mimic_core.pairs.candidates import Candidate, CandidateRule, Measure, ViewOf, keep_smallest
from mimic_core.pairs.measurement import HIGH_OVERLAP, KEPT, NEAR_DUPLICATE


@settings("rule.neighbours")
class Neighbours:
    """A video's neighbours: (t, t+1); where these overlap too much, (t, t+2) too, and if it is kept t+1 is skipped.

    Attributes:
        look_further: whether (t, t+2) is tried; Mannequin's clips are not.

    Source: paper appendix C.1 (ARKitScenes, Mannequin, Objectron) and the released scripts.
    """

    look_further: Flag = key("where (t, t+1) overlap too much, (t, t+2) is measured as well", default=True)

    def candidates(self, views: Sequence[ViewOf], measure: Measure) -> Iterator[Candidate]:
        """Walk through the views in order of time, those of one recording after the other."""
        for group in by_group(views):
            yield from self.walk([view.number for view in group], measure)

    def walk(self, numbers: Sequence[int], measure: Measure) -> Iterator[Candidate]:
        """Walk through views that follow each other."""
        position = 0
        while position + 1 < len(numbers):
            near = measure(numbers[position], numbers[position + 1])
            yield Candidate(numbers[position], numbers[position + 1], near)
            too_near = self.look_further and near.verdict in (HIGH_OVERLAP, NEAR_DUPLICATE)
            if not too_near or position + 2 >= len(numbers):
                position += 1
                continue
            far = measure(numbers[position], numbers[position + 2])
            yield Candidate(numbers[position], numbers[position + 2], far)
            position += 2 if far.verdict == KEPT else 1


@settings("rule.windows")
class Windows:
    """Windows of a frame sequence: the first frames of a window with its last; the smallest overlap in range is kept.

    As in the released script, the last frames end one before the window does (of 60 frames 0 to 9 are paired with 49 to
    58), windows follow each other without a gap, and one after which no frame comes is left out.

    Source: the released ``scannet_multipro.py``; paper appendix C.1 (10 x 10 pairs a window of 60 frames).
    """

    length: AtLeastTwo = key("length of a window", default=60, unit="frames")
    edge: Positive = key("how many first frames are paired with as many last ones", default=10, unit="frames")

    def __post_init__(self) -> None:
        if not 2 * self.edge < self.length:
            raise MimicError(
                f"windows of {self.length} frames have no {self.edge} first and {self.edge} last before their end",
                where="rule.windows.edge",
                remedy="use less than half the window's length",
            )

    def candidates(self, views: Sequence[ViewOf], measure: Measure) -> Iterator[Candidate]:
        """Measure the edge x edge candidates of every window."""
        for group in by_group(views):
            numbers = [view.number for view in group]
            for start in range(0, len(numbers) - self.length, self.length):
                window = numbers[start : start + self.length - 1]
                pairs = ((one, two) for one in window[: self.edge] for two in window[-self.edge :])
                yield from keep_smallest(measured(pairs, measure), 1)


@settings("rule.stride")
class Stride:
    """Frames at a fixed distance: (t, t + distance), then t + advance and so on; every pair in range is kept.

    Source: paper appendix C.1 (CO3D: distance 5, advance 10) and the released scripts.
    """

    distance: Positive = key("between the two frames of a pair", default=5, unit="frames")
    advance: Positive = key("between the first frames of two pairs", default=10, unit="frames")

    def candidates(self, views: Sequence[ViewOf], measure: Measure) -> Iterator[Candidate]:
        """Step through the frames."""
        for group in by_group(views):
            numbers = [view.number for view in group]
            starts = range(0, len(numbers) - self.distance, self.advance)
            yield from measured(((numbers[start], numbers[start + self.distance]) for start in starts), measure)


@settings("rule.groups")
class Groups:
    """Photos of one place: all pairs of a group.

    Source: paper appendix C.1 (DeMoN; 3DStreetView, where the released scripts keep all).
    """

    keep: Literal["smallest", "all"] = key(
        "which of a group's pairs in range are kept: the one of smallest overlap, or all", default="smallest"
    )

    def candidates(self, views: Sequence[ViewOf], measure: Measure) -> Iterator[Candidate]:
        """Measure all pairs of each group, the view of the lower number first."""
        for group in by_group(views):
            pairs = measured(combinations([view.number for view in group], 2), measure)
            yield from pairs if self.keep == "all" else keep_smallest(pairs, 1)


@settings("rule.random_walk")
class RandomWalk:
    """A sample of the random walk: view 1 from list A, view 2 from B or C; of those in range the smallest overlaps.

    Source: paper appendix C.1 (HM3D, Gibson, Matterport3D).
    """

    pairs_per_sample: Positive = key("pairs of a sample that are kept; the paper keeps one", default=1)

    def candidates(self, views: Sequence[ViewOf], measure: Measure) -> Iterator[Candidate]:
        """Measure the 8 x 16 candidates of each sample; the ones in range that are not kept become ``not_best``."""
        for sample in by_group(views):
            firsts = [view.number for view in sample if view.role == "A"]
            seconds = [view.number for view in sample if view.role in ("B", "C")]
            pairs = ((one, two) for one in firsts for two in seconds)
            yield from keep_smallest(measured(pairs, measure), self.pairs_per_sample)


def by_group(views: Sequence[ViewOf]) -> Iterable[list[ViewOf]]:
    """The views of each group, in order."""
    groups: dict[int, list[ViewOf]] = {}
    for view in views:
        groups.setdefault(view.group, []).append(view)
    return groups.values()


def measured(pairs: Iterable[tuple[int, int]], measure: Measure) -> list[Candidate]:
    """The pairs with what they measure."""
    return [Candidate(one, two, measure(one, two)) for one, two in pairs]


RULES: dict[str, type[CandidateRule]] = {
    "neighbours": Neighbours,
    "windows": Windows,
    "stride": Stride,
    "groups": Groups,
    "random_walk": RandomWalk,
}
DEFAULTS = {"video": "neighbours", "sequence": "neighbours", "group": "groups", "scene": "random_walk"}


def rule_for(kind: str, block: Mapping[str, Any]) -> CandidateRule:
    """The rule that a source's ``pairs`` block names, ``rule: {name: {setting: value}}``, or the usual one of its kind.

    Args:
        kind: ``video``, ``sequence``, ``group`` or ``scene``.
        block: of the source.

    Raises:
        MimicError: not exactly one rule is named, there is none of that name, or a setting of it is wrong.
    """
    chosen = block.get("rule", {DEFAULTS[kind]: {}})
    unknown = [name for name in chosen if name not in RULES]
    if len(chosen) != 1 or unknown:
        what = f"unknown rule {unknown[0]!r}" if unknown else f"{len(chosen)} rules are named where one is needed"
        raise MimicError(what, where="config key sources.<name>.pairs.rule", remedy=f"name one of: {', '.join(RULES)}")
    ((name, values),) = chosen.items()
    return read_settings(RULES[name], values, f"rule.{name}")
