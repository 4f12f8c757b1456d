"""Values for the rules' ``params:``. Snakemake reruns a job when one has changed since its last run."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any


def as_json(*blocks: Mapping[str, Any], **values: Any) -> str:
    """Merge config blocks into one line of JSON, a param that changes when one of their values does.

    Args:
        blocks: later ones override earlier ones.
        values: single keys, which override all blocks.
    """
    merged = {key: value for block in (*blocks, values) for key, value in block.items()}
    return json.dumps(merged, sort_keys=True)


def as_it_is(value: object) -> Callable[..., object]:
    """Return a param whose text Snakemake leaves alone; in plain strings it takes a name in braces for a wildcard."""
    return lambda wildcards: value


def untracked(value: object) -> Callable[..., object]:
    """Return a param whose changes do not rerun jobs, such as the path of the checkout.

    Snakemake does not track params that depend on a job's output, so the function takes ``output`` as an argument.
    """
    return lambda wildcards, output: value
