"""Values of the rules' ``params:``. Snakemake runs a job again when one differs from that of its last run."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any


def as_json(*blocks: Mapping[str, Any], **values: Any) -> str:
    """Config blocks merged to one line of JSON: a param that changes when one of its keys does.

    Args:
        blocks: later ones win.
        values: single keys, which win over all blocks.
    """
    merged = {key: value for block in (*blocks, values) for key, value in block.items()}
    return json.dumps(merged, sort_keys=True)


def as_it_is(value: object) -> Callable[..., object]:
    """A param whose text is left alone: in others, Snakemake takes a name in braces for a wildcard."""
    return lambda wildcards: value


def untracked(value: object) -> Callable[..., object]:
    """A param that makes no job run again when it changes, such as where the checkout lies.

    Snakemake remembers no param that is worked out from a job's output, so the function asks for it.
    """
    return lambda wildcards, output: value
