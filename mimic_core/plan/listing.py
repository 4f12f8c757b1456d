"""Write the jobs of a workflow as JSON, in a separate process: the rest of the package never imports Snakemake.

    python -m mimic_core.plan.listing OUT.json SNAKEMAKE ARGUMENTS

Snakemake logs every job of a dry run as a structured event, the interface for its logger plugins. This program records
these events and prints only errors.
"""

from __future__ import annotations

import json
import logging
import sys
from pathlib import Path
from typing import Any

RESOURCES = ("gpu", "mem_mb", "runtime", "nodes")


class Listener(logging.Filter):
    """Record the logged jobs, and let only errors through to be printed."""

    def __init__(self) -> None:
        super().__init__()
        self.jobs: list[dict[str, Any]] = []

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether to print the record."""
        if getattr(getattr(record, "event", None), "value", None) == "job_info":
            self.jobs.append(described(record))
        return record.levelno >= logging.ERROR


def described(record: Any) -> dict[str, Any]:
    """Return what the plan needs of a logged job, without resources that are known only when it starts."""
    resources = {name: record.resources.get(name) for name in RESOURCES}
    return {
        "number": int(record.jobid),
        "rule": record.rule_name,
        "inputs": [str(file) for file in record.input],
        "outputs": [str(file) for file in record.output],
        "benchmark": str(record.benchmark or ""),
        "wildcards": {name: str(value) for name, value in record.wildcards.items()},
        "threads": int(record.threads),
        "resources": {name: value for name, value in resources.items() if isinstance(value, int | float)},
    }


def main(argv: list[str]) -> None:
    """Write the jobs of a dry run to a file; exit with Snakemake's exit code."""
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
