"""An estimate as a sum of terms: number of units, seconds per unit, and the source of the number."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mimic_core.plan.costs import Cost


@dataclass(frozen=True)
class Term:
    """A number of units of work and the cost of each.

    Attributes:
        count: how many units.
        unit: name of the unit.
        cost: seconds of wall time per unit.
        source: where the count comes from.
    """

    count: float
    unit: str
    cost: Cost
    source: str = ""

    @property
    def seconds(self) -> float:
        """Wall time of all units."""
        return self.count * self.cost.value


@dataclass(frozen=True)
class Estimate:
    """Expected time and disk space of a job.

    Attributes:
        item: what it belongs to within its stage: a source, a dataset, a run, a task.
        terms: their sum is its time.
        disk: bytes of its permanent outputs.
        temporary: bytes of its temporary outputs, deleted once the jobs that read them are done.
    """

    item: str
    terms: Sequence[Term]
    disk: float = 0.0
    temporary: float = 0.0

    @property
    def seconds(self) -> float:
        """Wall time on the cores and GPUs that it requests."""
        return sum(term.seconds for term in self.terms)
