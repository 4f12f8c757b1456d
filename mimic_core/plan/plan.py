"""Make a plan: the estimates of all jobs by stage and by item, and the schedule on a cluster."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mimic_core.kit.seeding import generator
from mimic_core.plan.costs import Cost, Costs
from mimic_core.plan.estimate import Context, estimate_all
from mimic_core.plan.jobs import STAGES, Job
from mimic_core.plan.schedule import Cluster, Schedule, fitted, simulate
from mimic_core.plan.terms import Estimate

LEARNING = ("pretrain", "finetune")
DRAWS = 20
ARCHIVE = ".tar"  # suffix of the views, which are temporary if frames.keep is false
GB = 1e9


@dataclass(frozen=True)
class Row:
    """What a stage, or an item of one, costs.

    Attributes:
        stage, item: the item is empty for a whole stage.
        jobs: number of jobs.
        core_hours: cores held x hours.
        gpu_days: GPUs held x days.
        disk_gb: permanent files.
        temporary_gb: temporary files: the peak for a stage, the sum for an item.
        memory_gb: memory that the largest job requests on each of its nodes.
        work: units x seconds per unit with the name of the cost, for each term; only for an item.
        source: where the numbers of units come from; only for an item.
    """

    stage: str
    item: str
    jobs: int
    core_hours: float
    gpu_days: float
    disk_gb: float
    temporary_gb: float
    memory_gb: float
    work: str = ""
    source: str = ""


@dataclass(frozen=True)
class Plan:
    """The expected cost and schedule of a workflow.

    Attributes:
        stages, items: see :class:`Row`.
        schedule: the schedule with every job at its expected time.
        walls: seconds of wall time for seeded random draws of the jobs' times.
        late: rule and item -> (largest expected seconds, requested seconds) of jobs that a cluster would end too early.
        used: the costs that were used.
        config: the config that is planned.
    """

    stages: Sequence[Row]
    items: Sequence[Row]
    schedule: Schedule
    walls: Sequence[float]
    late: Mapping[tuple[str, str], tuple[float, float]]
    used: Sequence[Cost]
    config: Mapping[str, Any]


def make_plan(jobs: Sequence[Job], config: Mapping[str, Any], costs: Costs, cluster: Cluster) -> Plan:
    """Estimate every job and schedule them all.

    Args:
        jobs: of the whole workflow (:func:`mimic_core.plan.jobs.list_jobs`).
        config: the merged config that they come from.
        costs: see :class:`Costs`.
        cluster: the cluster to run on.

    Raises:
        MimicError: no node can hold a job, or the table lacks a cost.
    """
    jobs = [fitted(job, cluster) for job in jobs]
    context = Context.of(config, costs)
    estimates = estimate_all(jobs, context)
    seconds = {number: one.seconds for number, one in estimates.items()}
    eager = freeing(jobs, estimates)
    schedule = simulate(jobs, seconds, cluster, eager)
    draws = (drawn(jobs, seconds, costs, int(config["seed"]), number) for number in range(DRAWS))
    walls = [simulate(jobs, draw, cluster, eager).wall for draw in draws]
    return Plan(
        stages=[
            stage_row(stage, [job for job in jobs if job.stage == stage], estimates, schedule)
            for stage in STAGES
            if any(job.stage == stage for job in jobs)
        ],
        items=item_rows(jobs, estimates),
        schedule=schedule,
        walls=walls,
        late=late_jobs(jobs, estimates),
        used=sorted(
            {costs["between.jobs"], *(term.cost for one in estimates.values() for term in one.terms)},
            key=lambda cost: cost.name,
        ),
        config=config,
    )


def drawn(jobs: Sequence[Job], seconds: Mapping[int, float], costs: Costs, seed: int, number: int) -> dict[int, float]:
    """Draw the seconds of all jobs from log-normal distributions with their expected seconds as the mean."""
    rng = generator(seed, "plan", number)
    normal = rng.standard_normal(len(jobs))
    found = {}
    for job, one in zip(jobs, normal, strict=True):
        spread = costs.value("spread.learning" if job.stage in LEARNING else "spread")
        found[job.number] = seconds[job.number] * float(np.exp(spread * one - spread**2 / 2))
    return found


def totals(jobs: Sequence[Job], estimates: Mapping[int, Estimate]) -> dict[str, float]:
    """Return the columns of a row that are sums over its jobs, and the memory of its largest job."""
    hours = {job.number: estimates[job.number].seconds / 3600 for job in jobs}
    return {
        "jobs": len(jobs),
        "core_hours": sum(job.cores * hours[job.number] for job in jobs),
        "gpu_days": sum(job.gpus * hours[job.number] for job in jobs) / 24,
        "disk_gb": sum(estimates[job.number].disk for job in jobs) / GB,
        "memory_gb": max(job.memory_mb / job.nodes for job in jobs) / 1000,
    }


def stage_row(stage: str, jobs: Sequence[Job], estimates: Mapping[int, Estimate], schedule: Schedule) -> Row:
    """Make the row of a whole stage."""
    temporary = peak_temporary(jobs, estimates, schedule) / GB
    return Row(stage, "", temporary_gb=temporary, **totals(jobs, estimates))  # type: ignore[arg-type]


def readers_of_temporary(jobs: Sequence[Job], estimates: Mapping[int, Estimate]) -> dict[int, list[int]]:
    """Return the jobs that read a job's temporary archive, by the number of the latter; its other files are kept."""
    makers = {
        file: job.number
        for job in jobs
        if estimates[job.number].temporary
        for file in job.outputs
        if file.endswith(ARCHIVE)
    }
    readers: dict[int, list[int]] = {number: [] for number in makers.values()}
    for job in jobs:
        for file in job.inputs & makers.keys():
            readers[makers[file]].append(job.number)
    return readers


def freeing(jobs: Sequence[Job], estimates: Mapping[int, Estimate]) -> set[int]:
    """Return the numbers of the jobs that free temporary files."""
    return {number for numbers in readers_of_temporary(jobs, estimates).values() for number in numbers}


def freed_first(jobs: Sequence[Job], config: Mapping[str, Any], costs: Costs) -> set[int]:
    """Return the numbers of the jobs that free temporary files under a config, which run before others."""
    return freeing(jobs, estimate_all(jobs, Context.of(config, costs)))


def late_jobs(jobs: Sequence[Job], estimates: Mapping[int, Estimate]) -> dict[tuple[str, str], tuple[float, float]]:
    """Return jobs that are expected to exceed their time limit: the longest of each rule and item."""
    late: dict[tuple[str, str], tuple[float, float]] = {}
    for job in jobs:
        one, limit = estimates[job.number], job.limit_minutes * 60
        longest, _ = late.get((job.rule, one.item), (0.0, 0.0))
        if limit and one.seconds > max(limit, longest):
            late[job.rule, one.item] = one.seconds, limit
    return dict(sorted(late.items()))


def peak_temporary(jobs: Sequence[Job], estimates: Mapping[int, Estimate], schedule: Schedule) -> float:
    """Return the peak bytes of temporary files; a file exists from its job's end to the end of its last reader."""
    every = [one.job for one in schedule.placed.values()]
    made = {job.number for job in jobs}
    changes = []
    for number, readers in readers_of_temporary(every, estimates).items():
        if number in made:
            size = estimates[number].temporary
            read = max((schedule.placed[reader].end for reader in readers), default=schedule.wall)
            changes += [(schedule.placed[number].end, size), (read, -size)]
    live = peak = 0.0
    for _, change in sorted(changes):
        live += change
        peak = max(peak, live)
    return peak


def item_rows(jobs: Sequence[Job], estimates: Mapping[int, Estimate]) -> list[Row]:
    """Make one row for every source, dataset, run and task of each stage."""
    groups: dict[tuple[str, str], list[Job]] = defaultdict(list)
    for job in jobs:
        groups[job.stage, estimates[job.number].item].append(job)
    rows = []
    for (stage, item), members in sorted(groups.items(), key=lambda group: (STAGES.index(group[0][0]), group[0][1])):
        work, source = explained([estimates[job.number] for job in members])
        temporary = sum(estimates[job.number].temporary for job in members) / GB
        sums = totals(members, estimates)
        rows.append(Row(stage, item, temporary_gb=temporary, work=work, source=source, **sums))  # type: ignore[arg-type]
    return rows


def explained(estimates: Sequence[Estimate]) -> tuple[str, str]:
    """Return the summed terms of some jobs as text, and the sources of their counts, without duplicates."""
    counts: dict[tuple[str, Cost], float] = defaultdict(float)
    sources: dict[str, None] = {}
    for one in estimates:
        for term in one.terms:
            counts[term.unit, term.cost] += term.count
            sources |= dict.fromkeys(filter(None, [term.source]))
    work = " + ".join(
        f"{number(count)} {unit} x {number(cost.value)} s ({cost.name})" for (unit, cost), count in counts.items()
    )
    return work, "; ".join(sources)


def number(value: float) -> str:
    """Format a number with three significant digits, or as an integer from 100 up."""
    if 0 < value < 1e-3:
        return f"{value:.7f}".rstrip("0")
    return f"{value:,.0f}" if value >= 100 or value == int(value) else f"{value:.3g}"
