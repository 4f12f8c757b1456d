"""What a dataset is made of: how many pairs of which source, and which other dataset it contains."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mimic_core.errors import MimicError

ALL = "all"


def wanted_pairs(name: str, compositions: Mapping[str, Any]) -> dict[str, int | None]:
    """Pairs wanted of each source, those of the datasets it includes added in; None stands for all.

    Args:
        compositions: the config's ``datasets`` block: name -> ``{"include": [names], "pairs": {source: count}}``.

    Raises:
        MimicError: an included dataset is not in config, or includes go in a circle.
    """
    total: dict[str, int | None] = {}
    for dataset in closure(name, compositions):
        for source, count in compositions[dataset]["pairs"].items():
            already = total.get(source, 0)
            total[source] = None if count == ALL or already is None else already + int(count)
    return total


def closure(name: str, compositions: Mapping[str, Any], path: tuple[str, ...] = ()) -> list[str]:
    """The dataset and all that it includes, each once, the included ones first."""
    if name not in compositions:
        raise MimicError(
            f"the dataset {name!r} is not in config",
            where=f"config key datasets.{path[-1]}.include" if path else "config key datasets",
            remedy=f"use one of: {', '.join(sorted(compositions))}",
        )
    if name in path:
        raise MimicError(
            f"datasets include each other: {' -> '.join((*path, name))}",
            where=f"config key datasets.{name}.include",
            remedy="remove one of the includes",
        )
    found: list[str] = []
    for other in compositions[name].get("include", []):
        found += [dataset for dataset in closure(other, compositions, (*path, name)) if dataset not in found]
    return [*found, name]
