"""Costs per unit of work: the table shipped with the project, with values measured on this machine in their place."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from mimic_core.kit.errors import MimicError

TABLE = Path(__file__).with_name("costs.csv")
BASES = {  # where a number comes from, as the plan prints it
    "measured": "measured on the development machine",
    "paper": "the paper",
    "owner": "the dataset's owner",
    "derived": "derived",
}


@dataclass(frozen=True)
class Cost:
    """A number with its source.

    Attributes:
        name: name in the table, such as ``pairs.candidate``.
        value: the number, in ``unit``.
        basis: a key of :data:`BASES`, or ``here``: from benchmark files of this machine.
        source: how it was obtained, on which machine, and when.
    """

    name: str
    value: float
    unit: str
    basis: str
    source: str

    @property
    def label(self) -> str:
        """Basis and source, in one line."""
        return f"{BASES.get(self.basis, self.basis)}: {self.source}"


class Costs(Mapping[str, Cost]):
    """Costs by name; a missing name raises a :class:`MimicError`."""

    def __init__(self, costs: Mapping[str, Cost]) -> None:
        self.costs = dict(costs)

    def __getitem__(self, name: str) -> Cost:
        if name not in self.costs:
            raise MimicError(
                f"the table of costs has no {name!r}", where=TABLE, remedy="add a measured row with machine and date"
            )
        return self.costs[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.costs)

    def __len__(self) -> int:
        return len(self.costs)

    def __contains__(self, name: object) -> bool:
        return name in self.costs

    def value(self, name: str) -> float:
        """Return the number of a cost."""
        return self[name].value

    def replaced(self, *costs: Cost) -> Costs:
        """Return a copy in which ``costs`` replace those of the same names."""
        return Costs({**self.costs, **{cost.name: cost for cost in costs}})


def read_costs(path: Path = TABLE) -> Costs:
    """Read the shipped table.

    Raises:
        MimicError: a row has no number, an unknown basis, or the name of another row.
    """
    found: dict[str, Cost] = {}
    with open(path, newline="", encoding="utf-8") as stream:
        for line, row in enumerate(csv.DictReader(stream), 2):
            try:
                name, basis, value = row["name"], row["basis"], float(row["value"])
                when = ", ".join(filter(None, (row["machine"], row["date"])))
                if basis not in BASES or name in found:
                    raise ValueError(f"basis {basis!r}, name {name!r}")
                source = f"{row['how']} ({when})" if when else row["how"]
                found[name] = Cost(name, value, row["unit"], basis, source)
            except (KeyError, TypeError, ValueError) as error:
                raise MimicError(
                    f"this row of the table of costs cannot be read ({error})",
                    where=f"{path}, line {line}",
                    remedy=f"give a unique name, a number, and one of the bases {', '.join(BASES)}",
                ) from error
    return Costs(found)
