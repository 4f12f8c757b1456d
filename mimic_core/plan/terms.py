"""An estimate as a sum of terms: so many units, at so many seconds each, from such a source."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mimic_core.plan.costs import Cost


@dataclass(frozen=True)
class Term:
    """Units of work at a cost.

    Attributes:
        count: how many.
        unit: of what.
        cost: seconds of wall time for each.
        source: where the count comes from.
    """

    count: float
    unit: str
    cost: Cost
    source: str = ""

    @property
    def seconds(self) -> float:
        """Wall time."""
        return self.count * self.cost.value


@dataclass(frozen=True)
class Estimate:
    """What a job will take.

    Attributes:
        item: what it belongs to within its stage: a source, a dataset, a run, a task.
        terms: their sum is its time.
        disk: bytes it leaves.
        temporary: bytes it leaves until the jobs that read them are done.
    """

    item: str
    terms: Sequence[Term]
    disk: float = 0.0
    temporary: float = 0.0

    @property
    def seconds(self) -> float:
        """Wall time on the cores and GPUs that it asks for."""
        return sum(term.seconds for term in self.terms)
