"""Compare a finished run with its simulation, to measure the simulator's error when every job's time is known."""

from __future__ import annotations

import heapq
import math
import statistics
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from mimic_core.kit.errors import MimicError
from mimic_core.plan.jobs import Job
from mimic_core.plan.measured import read_benchmark
from mimic_core.plan.schedule import Cluster, Schedule, simulate

STANDSTILL = 60.0  # seconds without a job after which another run must have started
SLACK = 0.1  # error of a file's modification time, seconds


@dataclass(frozen=True)
class Ran:
    """When a job ran, in seconds since the epoch, and how many seconds it took."""

    start: float
    end: float
    seconds: float


@dataclass(frozen=True)
class Replay:
    """A run as measured and as simulated.

    Attributes:
        ran: job -> when it ran.
        schedule: the simulation, with every job at its measured time.
        between: average seconds from when a job could have started to its start; the simulation includes them.
    """

    ran: Mapping[int, Ran]
    schedule: Schedule
    between: float

    @property
    def wall(self) -> float:
        """Seconds from the first start to the last end, measured."""
        return max(one.end for one in self.ran.values()) - self.first

    @property
    def first(self) -> float:
        """When the first job started, seconds since the epoch."""
        return min(one.start for one in self.ran.values())

    @property
    def ratio(self) -> float:
        """Simulated over measured wall time."""
        return self.schedule.wall / self.wall

    def spans(self) -> dict[str, tuple[float, float]]:
        """Return the measured first start and last end of each stage, in seconds from the first start."""
        found: dict[str, tuple[float, float]] = {}
        for number, placed in self.schedule.placed.items():
            one, stage = self.ran[number], placed.job.stage
            start, end = found.get(stage, (one.start - self.first, one.end - self.first))
            found[stage] = min(start, one.start - self.first), max(end, one.end - self.first)
        return found


def recorded(jobs: Sequence[Job], folder: Path) -> dict[int, Ran]:
    """Read when each job ran from its benchmark file, which Snakemake writes when the job's command ends.

    Raises:
        MimicError: a job has not run, or its file cannot be read.
    """
    ran = {}
    for job in jobs:
        path = folder / job.benchmark
        try:
            seconds, _ = read_benchmark(path)
            end = path.stat().st_mtime
        except (OSError, ValueError, KeyError, IndexError) as error:
            raise MimicError(
                f"{job.rule} ({', '.join(job.wildcards.values())}) has no readable benchmark file",
                where=path,
                remedy="name finished targets (snakemake -n lists what is missing), with the config of that run",
            ) from error
        ran[job.number] = Ran(end - seconds, end, seconds)
    return ran


def waits(jobs: Sequence[Job], ran: Mapping[int, Ran], cores: int) -> list[float]:
    """Return the seconds of each job from when its inputs and cores were available to its start.

    Raises:
        MimicError: jobs held more cores than there are, or nothing ran for a while.
    """
    by_number = {job.number: job for job in jobs}
    order = sorted(ran, key=lambda number: ran[number].start)
    first = last = ran[order[0]].start
    free, found = [first] * cores, list[float]()
    busy: list[tuple[float, int]] = []
    for number in order:
        job, one = by_number[number], ran[number]
        while busy and busy[0][0] <= one.start + SLACK:
            end, held = heapq.heappop(busy)
            free += [end] * held  # jobs end in order, so the core that is free for longest comes first
        if len(free) < job.cores:
            raise MimicError(
                f"jobs held more than {cores} cores at once",
                where="--replay",
                remedy="give the --cores of that run; copied files have lost their times",
            )
        if not busy and one.start - last > STANDSTILL:
            raise MimicError(
                f"nothing ran for {one.start - last:,.0f} s, so these results come from more than one run",
                where="--replay",
                remedy="name targets that were made in a single run of Snakemake",
            )
        taken, free = free[: job.cores], free[job.cores :]
        could_start = max([*taken, *(ran[need].end for need in job.needs)])
        found.append(max(0.0, one.start - could_start))
        heapq.heappush(busy, (one.end, job.cores))
        last = max(last, one.end)
    return found


def replay_jobs(jobs: Sequence[Job], folder: Path, cores: int, eager: Collection[int] = ()) -> Replay:
    """Simulate a finished run on its own number of cores, with its jobs' measured times.

    Args:
        jobs: jobs of the run (:func:`mimic_core.plan.jobs.list_jobs`).
        folder: the folder of its results.
        cores: the ``--cores`` that Snakemake was given; GPUs and memory are not limited.
        eager: as in :func:`simulate`.

    Raises:
        MimicError: a job has not run, or the results are not those of one run on this number of cores.
    """
    if not jobs or cores < 1:
        raise MimicError(
            f"{len(jobs)} jobs on {cores} cores cannot be replayed",
            where="--replay",
            remedy="give the --cores of a finished run, and name targets that it made",
        )
    jobs = [replace(job, cores=min(job.cores, cores)) for job in jobs]
    ran = recorded(jobs, folder)
    between = statistics.fmean(waits(jobs, ran, cores))
    cluster = Cluster(1, cores, max(job.gpus for job in jobs) * len(jobs), math.inf, latency=between)
    return Replay(ran, simulate(jobs, {number: one.seconds for number, one in ran.items()}, cluster, eager), between)
