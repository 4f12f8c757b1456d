"""Candidate rules, one for each kind of source (paper appendix C.1 and the released scripts).

A rule decides which pairs of a unit's views are measured and which of those in range are kept. No pair is measured
twice. Both views of a pair come from the same unit and the same group (sample of a walk, or recording in a concatenated
file).
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
    """Pair neighbouring views of a video: (t, t+1) and, if these overlap too much, (t, t+2); if that is kept, skip t+1.

    Attributes:
        look_further: whether to try (t, t+2); off for Mannequin.

    Source: paper appendix C.1 (ARKitScenes, Mannequin, Objectron) and the released scripts.
    """

    look_further: Flag = key("if (t, t+1) overlap too much, also measure (t, t+2)", default=True)

    def candidates(self, views: Sequence[ViewOf], measure: Measure) -> Iterator[Candidate]:
        """Measure the candidates of each group, in order of time."""
        for group in by_group(views):
            yield from self.walk([view.number for view in group], measure)

    def walk(self, numbers: Sequence[int], measure: Measure) -> Iterator[Candidate]:
        """Measure the candidates of consecutive views."""
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
    """Pair the first frames of a window with its last ones; keep the pair in range with the smallest overlap.

    As in the released script, the last frames stop one short of the window's end (in 60 frames, 0 to 9 are paired with
    49 to 58), windows are consecutive, and a final window that no frame follows is skipped.

    Source: the released ``scannet_multipro.py``; paper appendix C.1 (10 x 10 pairs per window of 60 frames).
    """

    length: AtLeastTwo = key("length of a window", default=60, unit="frames")
    edge: Positive = key("number of first frames, paired with as many last frames", default=10, unit="frames")

    def __post_init__(self) -> None:
        if not 2 * self.edge < self.length:
            raise MimicError(
                f"a window of {self.length} frames is too short for {self.edge} first and {self.edge} last frames",
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
    """Pair frames at a fixed distance: (t, t + distance), then advance t; keep every pair in range.

    Source: paper appendix C.1 (CO3D: distance 5, advance 10) and the released scripts.
    """

    distance: Positive = key("distance between the two frames of a pair", default=5, unit="frames")
    advance: Positive = key("distance between the first frames of consecutive pairs", default=10, unit="frames")

    def candidates(self, views: Sequence[ViewOf], measure: Measure) -> Iterator[Candidate]:
        """Measure the candidates of each group."""
        for group in by_group(views):
            numbers = [view.number for view in group]
            starts = range(0, len(numbers) - self.distance, self.advance)
            yield from measured(((numbers[start], numbers[start + self.distance]) for start in starts), measure)


@settings("rule.groups")
class Groups:
    """Pair all photos of one place (a group) with one another.

    Source: paper appendix C.1 (DeMoN; 3DStreetView, where the released scripts keep all pairs).
    """

    keep: Literal["smallest", "all"] = key(
        "which of a group's pairs in range to keep: the one with the smallest overlap, or all", default="smallest"
    )

    def candidates(self, views: Sequence[ViewOf], measure: Measure) -> Iterator[Candidate]:
        """Measure all pairs of each group, the view with the lower number first."""
        for group in by_group(views):
            pairs = measured(combinations([view.number for view in group], 2), measure)
            yield from pairs if self.keep == "all" else keep_smallest(pairs, 1)


@settings("rule.random_walk")
class RandomWalk:
    """Pair views of a random-walk sample: view 1 from list A, view 2 from B or C; keep the smallest overlaps in range.

    Source: paper appendix C.1 (HM3D, Gibson, Matterport3D).
    """

    pairs_per_sample: Positive = key("number of pairs to keep per sample; the paper keeps one", default=1)

    def candidates(self, views: Sequence[ViewOf], measure: Measure) -> Iterator[Candidate]:
        """Measure the 8 x 16 candidates of each sample; those in range that are not kept become ``not_best``."""
        for sample in by_group(views):
            firsts = [view.number for view in sample if view.role == "A"]
            seconds = [view.number for view in sample if view.role in ("B", "C")]
            pairs = ((one, two) for one in firsts for two in seconds)
            yield from keep_smallest(measured(pairs, measure), self.pairs_per_sample)


def by_group(views: Sequence[ViewOf]) -> Iterable[list[ViewOf]]:
    """Return the views of each group, in order."""
    groups: dict[int, list[ViewOf]] = {}
    for view in views:
        groups.setdefault(view.group, []).append(view)
    return groups.values()


def measured(pairs: Iterable[tuple[int, int]], measure: Measure) -> list[Candidate]:
    """Measure pairs of view numbers."""
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
    """Return the rule in a source's ``pairs`` block, ``rule: {name: {setting: value}}``, or the default for its kind.

    Args:
        kind: ``video``, ``sequence``, ``group`` or ``scene``.
        block: the source's ``pairs`` block.

    Raises:
        MimicError: the block does not name exactly one rule, the rule is unknown, or one of its settings is invalid.
    """
    chosen = block.get("rule", {DEFAULTS[kind]: {}})
    unknown = [name for name in chosen if name not in RULES]
    if len(chosen) != 1 or unknown:
        what = f"unknown rule {unknown[0]!r}" if unknown else f"expected one rule, got {len(chosen)}"
        raise MimicError(what, where="config key sources.<name>.pairs.rule", remedy=f"name one of: {', '.join(RULES)}")
    ((name, values),) = chosen.items()
    return read_settings(RULES[name], values, f"rule.{name}")
