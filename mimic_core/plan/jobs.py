"""List the jobs of a workflow and their resources, as Snakemake plans them."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mimic_core.kit.errors import MimicError
from mimic_core.kit.files import read_json
from mimic_core.plan import TARGETS

STAGES = ("sample", "frames", "pairs", "datasets", "pretrain", "finetune", "report")
BENCHMARKS = "results/benchmarks/"


@dataclass(frozen=True)
class Job:
    """A job of the workflow.

    Attributes:
        number: Snakemake's job number.
        rule: name of its rule.
        stage: one of :data:`STAGES`.
        wildcards: values that distinguish it from other jobs of the rule.
        cores, gpus: held while it runs, over all its nodes.
        memory_mb: requested memory, over all its nodes; 0 if not known in advance.
        limit_minutes: time limit on a cluster; 0 if it requests none.
        nodes: number of nodes that it runs on at once.
        needs: numbers of the jobs that make its inputs.
        inputs, outputs: files that it reads and writes.
        benchmark: its Snakemake benchmark file.
    """

    number: int
    rule: str
    stage: str
    wildcards: Mapping[str, str]
    cores: int = 1
    gpus: int = 0
    memory_mb: float = 0
    limit_minutes: float = 0
    nodes: int = 1
    needs: tuple[int, ...] = ()
    inputs: frozenset[str] = frozenset()
    outputs: tuple[str, ...] = ()
    benchmark: str = ""


def stage_of(benchmark: str) -> str:
    """Return the stage of a job by the folder of its benchmark file; ``report`` if that is not a stage."""
    folder = benchmark.removeprefix(BENCHMARKS).partition("/")[0]
    return {"few_shot": "finetune"}.get(folder, folder if folder in STAGES else "report")


def to_jobs(rows: Iterable[Mapping[str, Any]]) -> list[Job]:
    """Make jobs from the rows of :mod:`mimic_core.plan.listing`, except for rules without outputs."""
    rows = [row for row in rows if row["outputs"]]
    makes = {file: row["number"] for row in rows for file in row["outputs"]}
    jobs = []
    for row in rows:
        resources = row["resources"]
        nodes = int(resources.get("nodes", 1))  # threads and memory are per node, GPUs are the total
        jobs.append(
            Job(
                number=row["number"],
                rule=row["rule"],
                stage=stage_of(row["benchmark"]),
                wildcards=row["wildcards"],
                cores=row["threads"] * nodes,
                gpus=int(resources.get("gpu", 0)),
                memory_mb=resources.get("mem_mb", 0) * nodes,
                limit_minutes=resources.get("runtime", 0),
                nodes=nodes,
                needs=tuple(sorted({makes[file] for file in row["inputs"] if file in makes} - {row["number"]})),
                inputs=frozenset(row["inputs"]),
                outputs=tuple(row["outputs"]),
                benchmark=row["benchmark"],
            )
        )
    return sorted(jobs, key=lambda job: job.number)


def list_jobs(
    snakefile: Path,
    folder: Path,
    configfiles: Sequence[Path] = (),
    values: Sequence[str] = (),
    targets: Sequence[str] = TARGETS,
) -> list[Job]:
    """List every job of a config, finished or not, by a dry run of Snakemake; runs and changes nothing.

    Args:
        snakefile: the workflow.
        folder: the folder of its results, which need not exist yet.
        configfiles: overlays on top of ``config.yaml``.
        values: single keys, ``key=value``, on top of these.
        targets: rules or files.

    Raises:
        MimicError: Snakemake cannot plan it; quotes Snakemake's output.
    """
    command = ["--snakefile", str(snakefile.resolve()), "--directory", str(folder), "--cores", "1000000", "--nolock"]
    command += ["--forceall", *targets]
    if configfiles:
        command += ["--configfile", *(str(file.resolve()) for file in configfiles)]
    if values:
        command += ["--config", *values]
    with tempfile.TemporaryDirectory() as temporary:
        listed = Path(temporary) / "jobs.json"
        call = [sys.executable, "-m", "mimic_core.plan.listing", str(listed), *command]
        done = subprocess.run(call, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if done.returncode or not listed.is_file():
            said = "\n".join(done.stdout.strip().splitlines()[-20:])
            raise MimicError(
                f"Snakemake cannot plan this workflow:\n{said}", where=snakefile, remedy="fix the error reported above"
            )
        return to_jobs(read_json(listed))
