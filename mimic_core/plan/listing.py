"""The jobs of a workflow as JSON: a program of its own, since the rest of the package never imports Snakemake.

    python -m mimic_core.plan.listing OUT.json SNAKEMAKE ARGUMENTS

Snakemake announces every job of a dry-run to its logger as an event with fields, the interface that its logger plugins
are written to. These events are taken down here, and nothing is printed but errors.
"""

from __future__ import annotations

import json
import logging
import sys
from pathlib import Path
from typing import Any

RESOURCES = ("gpu", "mem_mb", "runtime", "nodes")


class Listener(logging.Filter):
    """Takes down the jobs that are announced, and keeps all that is no error from being printed."""

    def __init__(self) -> None:
        super().__init__()
        self.jobs: list[dict[str, Any]] = []

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the record goes on to be printed."""
        if getattr(getattr(record, "event", None), "value", None) == "job_info":
            self.jobs.append(described(record))
        return record.levelno >= logging.ERROR


def described(record: Any) -> dict[str, Any]:
    """What the plan needs of an announced job; a resource that is known only when it starts is left out."""
    asked = {name: record.resources.get(name) for name in RESOURCES}
    return {
        "number": int(record.jobid),
        "rule": record.rule_name,
        "inputs": [str(file) for file in record.input],
        "outputs": [str(file) for file in record.output],
        "benchmark": str(record.benchmark or ""),
        "wildcards": {name: str(value) for name, value in record.wildcards.items()},
        "threads": int(record.threads),
        "resources": {name: value for name, value in asked.items() if isinstance(value, int | float)},
    }


def main(argv: list[str]) -> None:
    """List the jobs of a dry-run into a file; exits as Snakemake does."""
    from snakemake import cli  # type: ignore[import-untyped]
    from snakemake.logging import logger  # type: ignore[import-untyped]

    listener = Listener()
    logger.addFilter(listener)
    try:
        cli.main([*argv[1:], "--dry-run"])
    finally:
        Path(argv[0]).write_text(json.dumps(listener.jobs), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
