"""The composition of a dataset: how many pairs of each source, and which other datasets it includes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mimic_core.kit.errors import MimicError

ALL = "all"


def wanted_pairs(name: str, compositions: Mapping[str, Any]) -> dict[str, int | None]:
    """Return the pairs wanted from each source, summed over the dataset and all it includes; None means all.

    Args:
        name: of the dataset.
        compositions: the config's ``datasets`` block: name -> ``{"include": [names], "pairs": {source: count}}``.

    Raises:
        MimicError: an included dataset is not in the config, or datasets include each other.
    """
    total: dict[str, int | None] = {}
    for dataset in closure(name, compositions):
        for source, count in compositions[dataset]["pairs"].items():
            already = total.get(source, 0)
            total[source] = None if count == ALL or already is None else already + int(count)
    return total


def closure(name: str, compositions: Mapping[str, Any]) -> list[str]:
    """Return the dataset and all that it includes, each once, included ones first."""
    found: dict[str, None] = {}
    path: dict[str, None] = {}  # from the dataset to the one being visited
    waiting = [(name, False)]
    while waiting:
        dataset, done = waiting.pop()
        if done:
            path.popitem()
            found[dataset] = None
        elif dataset not in found:
            check_included(dataset, list(path), compositions)
            path[dataset] = None
            others = compositions[dataset].get("include", [])
            waiting += [(dataset, True), *((other, False) for other in reversed(others))]
    return [*found]


def check_included(name: str, path: list[str], compositions: Mapping[str, Any]) -> None:
    """Raise if a dataset, reached along the includes in ``path``, is not in the config or includes itself."""
    if name not in compositions:
        raise MimicError(
            f"the dataset {name!r} is not in the config",
            where=f"config key datasets.{path[-1]}.include" if path else "config key datasets",
            remedy=f"use one of: {', '.join(sorted(compositions))}",
        )
    if name in path:
        raise MimicError(
            f"datasets include each other: {' -> '.join((*path, name))}",
            where=f"config key datasets.{name}.include",
            remedy="remove one of the includes",
        )
