"""Simulate the schedule of jobs on a cluster.

Jobs start as soon as their inputs exist and a node has room, in the order in which they became ready. Jobs that fit
overtake those that do not, as in Snakemake and SLURM's backfill. Jobs that free temporary files come first, as in
Snakemake.
"""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

from mimic_core.kit.errors import MimicError
from mimic_core.plan.jobs import Job

RESOURCES = ("cores", "gpus", "memory")


@dataclass(frozen=True)
class Cluster:
    """A cluster of identical nodes.

    Attributes:
        nodes: number of nodes.
        cores, gpus: cores and GPUs per node.
        memory_gb: memory per node.
        latency: seconds between a job's end and the start of the jobs that waited for it.
    """

    nodes: int = 1
    cores: int = 64
    gpus: int = 8
    memory_gb: float = 512.0
    latency: float = 0.0

    def __post_init__(self) -> None:
        for name, least in (("nodes", 1), ("cores", 1), ("gpus", 0), ("latency", 0)):
            if getattr(self, name) < least:
                raise MimicError(f"{name} is {getattr(self, name)}", where="cluster", remedy=f"give {least} or more")

    def __str__(self) -> str:
        return f"{self.nodes} node(s) of {self.cores} cores, {self.gpus} GPUs and {self.memory_gb:g} GB"


@dataclass
class Placed:
    """A job in the schedule, with times in seconds from the start.

    Attributes:
        job: the job.
        ready: when its inputs existed.
        start, end: when it ran.
        lacked: the resources that most nodes lacked when it had to wait; empty if it did not wait.
        after: number of the job whose end let it start; None at the beginning.
    """

    job: Job
    ready: float
    start: float = 0.0
    end: float = 0.0
    lacked: str = ""
    after: int | None = None


@dataclass
class Schedule:
    """The result of a simulation.

    Attributes:
        cluster: the cluster.
        placed: job number -> its place in the schedule.
    """

    cluster: Cluster
    placed: dict[int, Placed] = field(default_factory=dict)

    @property
    def wall(self) -> float:
        """Seconds from the first start to the last end."""
        return max((one.end for one in self.placed.values()), default=0.0)

    def used(self, resource: str) -> float:
        """Return the share of the cluster's cores or GPUs that jobs hold, over the whole time; 0 if there are none."""
        available = self.cluster.nodes * getattr(self.cluster, resource) * self.wall
        held = sum((one.end - one.start) * getattr(one.job, resource) for one in self.placed.values())
        return held / available if available else 0.0

    def waited(self) -> dict[tuple[str, str], list[float]]:
        """Return the seconds that each ready job waited, by stage and by the lacking resources."""
        found: dict[tuple[str, str], list[float]] = defaultdict(list)
        for one in self.placed.values():
            if one.lacked:
                found[one.job.stage, one.lacked].append(one.start - one.ready)
        return dict(found)

    def chain(self) -> list[Placed]:
        """Return the critical path: the jobs that determine the wall time, each of which let the next start."""
        if not self.placed:
            return []
        last: Placed | None = max(self.placed.values(), key=lambda one: one.end)
        found: list[Placed] = []
        while last is not None:
            found.append(last)
            last = self.placed[last.after] if last.after is not None else None
        return found[::-1]

    def spans(self) -> dict[str, tuple[float, float]]:
        """Return the first start and the last end of each stage."""
        found: dict[str, tuple[float, float]] = {}
        for one in self.placed.values():
            start, end = found.get(one.job.stage, (one.start, one.end))
            found[one.job.stage] = min(start, one.start), max(end, one.end)
        return found


class Nodes:
    """The free resources of every node."""

    def __init__(self, cluster: Cluster) -> None:
        whole = [float(cluster.cores), float(cluster.gpus), cluster.memory_gb * 1000]
        self.free = [list(whole) for _ in range(cluster.nodes)]

    def allocate(self, request: Sequence[float], count: int) -> list[int]:
        """Allocate ``request`` on the first ``count`` nodes that have it free; return none if there are too few."""
        fitting = [
            node for node, free in enumerate(self.free) if all(r <= f for r, f in zip(request, free, strict=True))
        ]
        if len(fitting) < count:
            return []
        for node in fitting[:count]:
            self.free[node] = [f - r for f, r in zip(self.free[node], request, strict=True)]
        return fitting[:count]

    def release(self, request: Sequence[float], nodes: Sequence[int]) -> None:
        """Release what a job held."""
        for node in nodes:
            self.free[node] = [f + r for f, r in zip(self.free[node], request, strict=True)]

    def lacking(self, request: Sequence[float]) -> str:
        """Return the resources that the most nodes have too little of."""
        short = [sum(free[index] < request[index] for free in self.free) for index in range(len(RESOURCES))]
        return " and ".join(name for name, nodes in zip(RESOURCES, short, strict=True) if nodes == max(short))


def fitted(job: Job, cluster: Cluster) -> Job:
    """Fit a job to the cluster: on a single node, Snakemake lowers its threads to the number of cores.

    Raises:
        MimicError: the job does not fit on any node.
    """
    if cluster.nodes == 1:
        job = replace(job, cores=min(job.cores, cluster.cores))
    whole = (cluster.cores, cluster.gpus, cluster.memory_gb * 1000)
    options = ("--cores-per-node", "--gpus-per-node", "--memory-per-node")
    for name, needed, available, option in zip(RESOURCES, per_node(job), whole, options, strict=True):
        if needed > available or job.nodes > cluster.nodes:
            who = f"{job.rule} ({', '.join(job.wildcards.values())})"
            raise MimicError(
                f"{who} requests {job.nodes} node(s) with {needed:g} {name}{' (MB)' if name == 'memory' else ''} each, "
                f"but there are {cluster.nodes} with {available:g}",
                where="the cluster",
                remedy=f"plan for larger or more nodes ({option}, --nodes), or lower the job's resources in the config",
            )
    return job


def per_node(job: Job) -> tuple[float, float, float]:
    """Return the cores, GPUs and memory (MB) that a job requests on each of its nodes."""
    return job.cores / job.nodes, job.gpus / job.nodes, job.memory_mb / job.nodes


def simulate(
    jobs: Sequence[Job], seconds: Mapping[int, float], cluster: Cluster, eager: Collection[int] = ()
) -> Schedule:
    """Simulate a workflow on a cluster.

    Args:
        jobs: jobs of the workflow, with their dependencies.
        seconds: job number -> how long it runs.
        cluster: the cluster.
        eager: numbers of jobs that free temporary files, and so come before others that are ready.

    Raises:
        MimicError: a job does not fit on any node.
    """
    fit = {job.number: fitted(job, cluster) for job in jobs}
    shapes = {number: (*per_node(job), job.nodes) for number, job in fit.items()}
    unfinished_needs = {number: {need for need in job.needs if need in fit} for number, job in fit.items()}
    followers: dict[int, list[int]] = defaultdict(list)
    for number, needs in unfinished_needs.items():
        for need in needs:
            followers[need].append(number)
    schedule, nodes = Schedule(cluster), Nodes(cluster)
    queue = [Placed(fit[number], 0.0) for number, needs in unfinished_needs.items() if not needs]
    running: list[tuple[float, int, list[int]]] = []
    now, freed_by = 0.0, None
    while queue or running:
        queue.sort(key=lambda one: one.job.number not in eager)  # stable: otherwise keeps the order of becoming ready
        queue = start_fitting(queue, shapes, schedule, nodes, running, seconds, now, freed_by)
        if not running:
            break
        end, number, held = heapq.heappop(running)
        now, freed_by = end + cluster.latency, number
        nodes.release(shapes[number][:3], held)
        for follower in followers[number]:
            unfinished_needs[follower].discard(number)
            if not unfinished_needs[follower]:
                queue.append(Placed(fit[follower], now, after=number))
    return schedule


def start_fitting(
    queue: Sequence[Placed],
    shapes: Mapping[int, tuple[float, float, float, int]],
    schedule: Schedule,
    nodes: Nodes,
    running: list[tuple[float, int, list[int]]],
    seconds: Mapping[int, float],
    now: float,
    freed_by: int | None,
) -> list[Placed]:
    """Start the jobs of the queue that fit, and return the rest; ``shapes`` are what each holds per node, and nodes."""
    waiting, refused = [], set()
    for one in queue:
        shape = shapes[one.job.number]
        held = [] if shape in refused else nodes.allocate(shape[:3], one.job.nodes)
        if not held:
            refused.add(shape)
            one.lacked = one.lacked or nodes.lacking(shape[:3])
            waiting.append(one)
            continue
        one.start, one.end = now, now + seconds[one.job.number]
        if one.lacked:
            one.after = freed_by
        schedule.placed[one.job.number] = one
        heapq.heappush(running, (one.end, one.job.number, held))
    return waiting
