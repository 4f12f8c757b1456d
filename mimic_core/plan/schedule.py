"""A simulator of the schedule: jobs start as soon as their inputs are there and a node has room, in the order in which
they became ready; one that does not fit is passed over by those that do, as Snakemake and SLURM's backfill have it.
Jobs that free temporary files come first, as Snakemake's do.
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
    """Equal nodes.

    Attributes:
        nodes: how many.
        cores, gpus: of each.
        memory_gb: of each.
        latency: seconds between a job's end and the start of what waited for it.
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
    """A job in the schedule: seconds from the start.

    Attributes:
        ready: when its inputs were there.
        start, end: when it ran.
        lacked: the resources that no node had enough of while it waited; empty where it did not wait.
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
    """What a simulation gives."""

    cluster: Cluster
    placed: dict[int, Placed] = field(default_factory=dict)

    @property
    def wall(self) -> float:
        """Seconds from the first start to the last end."""
        return max((one.end for one in self.placed.values()), default=0.0)

    def used(self, resource: str) -> float:
        """Share of the cluster's cores or GPUs that jobs hold, over the whole time; 0 where there are none."""
        there = self.cluster.nodes * getattr(self.cluster, resource) * self.wall
        held = sum((one.end - one.start) * getattr(one.job, resource) for one in self.placed.values())
        return held / there if there else 0.0

    def waited(self) -> dict[tuple[str, str], list[float]]:
        """Seconds that ready jobs waited, each, by stage and by the resources that were lacking."""
        found: dict[tuple[str, str], list[float]] = defaultdict(list)
        for one in self.placed.values():
            if one.lacked:
                found[one.job.stage, one.lacked].append(one.start - one.ready)
        return dict(found)

    def chain(self) -> list[Placed]:
        """The jobs that the wall time consists of, in order: each let the next start."""
        if not self.placed:
            return []
        last: Placed | None = max(self.placed.values(), key=lambda one: one.end)
        found: list[Placed] = []
        while last is not None:
            found.append(last)
            last = self.placed[last.after] if last.after is not None else None
        return found[::-1]

    def spans(self) -> dict[str, tuple[float, float]]:
        """First start and last end of each stage."""
        found: dict[str, tuple[float, float]] = {}
        for one in self.placed.values():
            start, end = found.get(one.job.stage, (one.start, one.end))
            found[one.job.stage] = min(start, one.start), max(end, one.end)
        return found


class Nodes:
    """What every node has left."""

    def __init__(self, cluster: Cluster) -> None:
        whole = [float(cluster.cores), float(cluster.gpus), cluster.memory_gb * 1000]
        self.free = [list(whole) for _ in range(cluster.nodes)]

    def place(self, asked: Sequence[float], count: int) -> list[int]:
        """Take ``asked`` on the first ``count`` nodes that have it; none where there are too few."""
        fitting = [node for node, free in enumerate(self.free) if all(a <= f for a, f in zip(asked, free, strict=True))]
        if len(fitting) < count:
            return []
        for node in fitting[:count]:
            self.free[node] = [f - a for f, a in zip(self.free[node], asked, strict=True)]
        return fitting[:count]

    def give_back(self, asked: Sequence[float], nodes: Sequence[int]) -> None:
        """Give back what a job held."""
        for node in nodes:
            self.free[node] = [f + a for f, a in zip(self.free[node], asked, strict=True)]

    def lacking(self, asked: Sequence[float]) -> str:
        """The resources that are too small on most nodes."""
        short = [sum(free[index] < asked[index] for free in self.free) for index in range(len(RESOURCES))]
        return " and ".join(name for name, nodes in zip(RESOURCES, short, strict=True) if nodes == max(short))


def fitted(job: Job, cluster: Cluster) -> Job:
    """A job on this cluster: on a single node, Snakemake lowers its threads to the cores that there are.

    Raises:
        MimicError: no node can ever hold it.
    """
    if cluster.nodes == 1:
        job = replace(job, cores=min(job.cores, cluster.cores))
    whole = (cluster.cores, cluster.gpus, cluster.memory_gb * 1000)
    options = ("--cores-per-node", "--gpus-per-node", "--memory-per-node")
    for name, asked, there, option in zip(RESOURCES, request(job), whole, options, strict=True):
        if asked > there or job.nodes > cluster.nodes:
            who = f"{job.rule} ({', '.join(job.wildcards.values())})"
            raise MimicError(
                f"{who} asks for {job.nodes} node(s) with {asked:g} {name}{' (MB)' if name == 'memory' else ''} each, "
                f"and there are {cluster.nodes} with {there:g}",
                where="the cluster",
                remedy=f"plan for nodes that hold it ({option}, --nodes), or lower what the config asks for",
            )
    return job


def request(job: Job) -> tuple[float, float, float]:
    """Cores, GPUs and memory (MB) of a job on each of its nodes."""
    return job.cores / job.nodes, job.gpus / job.nodes, job.memory_mb / job.nodes


def simulate(
    jobs: Sequence[Job], seconds: Mapping[int, float], cluster: Cluster, eager: Collection[int] = ()
) -> Schedule:
    """Run a workflow on a cluster in thought.

    Args:
        jobs: with the numbers of those that they need.
        seconds: how long each runs.
        cluster: what there is.
        eager: numbers of jobs that free temporary files, and so come before others that are ready.

    Raises:
        MimicError: a job that no node can hold.
    """
    fit = {job.number: fitted(job, cluster) for job in jobs}
    open_needs = {number: {need for need in job.needs if need in fit} for number, job in fit.items()}
    followers: dict[int, list[int]] = defaultdict(list)
    for number, needs in open_needs.items():
        for need in needs:
            followers[need].append(number)
    schedule, nodes = Schedule(cluster), Nodes(cluster)
    queue = [Placed(fit[number], 0.0) for number, needs in open_needs.items() if not needs]
    running: list[tuple[float, int, list[int]]] = []
    now, freed_by = 0.0, None
    while queue or running:
        queue.sort(key=lambda one: one.job.number not in eager)  # stable: else in the order in which they became ready
        queue = started(queue, schedule, nodes, running, seconds, now, freed_by)
        if not running:
            break
        end, number, held = heapq.heappop(running)
        now, freed_by = end + cluster.latency, number
        nodes.give_back(request(fit[number]), held)
        for follower in followers[number]:
            open_needs[follower].discard(number)
            if not open_needs[follower]:
                queue.append(Placed(fit[follower], now, after=number))
    return schedule


def started(
    queue: Sequence[Placed],
    schedule: Schedule,
    nodes: Nodes,
    running: list[tuple[float, int, list[int]]],
    seconds: Mapping[int, float],
    now: float,
    freed_by: int | None,
) -> list[Placed]:
    """Start what fits of the queue, and return the rest."""
    waiting, refused = [], set()
    for one in queue:
        shape = (*request(one.job), one.job.nodes)
        held = [] if shape in refused else nodes.place(shape[:3], one.job.nodes)
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
