"""Costs measured on this machine, from Snakemake's benchmark files and the receipts of the same jobs."""

from __future__ import annotations

import csv
import logging
import math
import statistics
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from mimic_core.foreign import foreign
from mimic_core.kit.errors import MimicError
from mimic_core.kit.read_receipts import ReadReceipt, read_receipt
from mimic_core.plan.costs import Cost, Costs
from mimic_core.plan.models import read_model
from mimic_core.plan.speeds import SHAPES, operations_of, speed_name
from mimic_core.sources import read_registry

log = logging.getLogger("mimic")

LEAST = 0.1  # least share of a job's time that counts as work rather than startup


@dataclass(frozen=True)
class Measured:
    """A job that ran on this machine.

    Attributes:
        stage, name: folder and name of its benchmark file.
        seconds: wall time.
        memory_mb: peak resident memory.
        receipt: its receipt.
    """

    stage: str
    name: str
    seconds: float
    memory_mb: float
    receipt: ReadReceipt

    def count(self, statistic: str) -> int:
        """Return one of the counts in its statistics."""
        return self.receipt.count("statistics", statistic)


def receipt_path(results: Path, stage: str, name: str) -> Path:
    """Return the path of the receipt of a benchmark file's job."""
    if stage in ("frames", "pairs"):
        source, _, shard = name.rpartition("-")
        return results / stage / source / f"{shard}.receipt.json"
    if stage in ("finetune", "few_shot"):
        task, _, rest = name.partition("-")
        return results / stage / task / rest / "receipt.json"
    return results / stage / name / "receipt.json"


@contextmanager
def skip_unreadable(path: Path) -> Iterator[None]:
    """Log a file that cannot be read, and continue without it."""
    try:
        with foreign("a measurement that cannot be read", path):
            yield
    except MimicError as error:
        log.warning("skipping %s: %s", path, error.what)


def read_benchmark(path: Path) -> tuple[float, float]:
    """Read the seconds and the peak resident memory (MB) of the last run in a benchmark file."""
    with open(path, newline="", encoding="utf-8") as stream:
        last = list(csv.DictReader(stream, delimiter="\t"))[-1]
    memory = last.get("max_rss", "")
    return float(last["s"]), float(memory) if memory.replace(".", "", 1).isdigit() else 0.0


def read_measured(benchmarks: Path) -> Iterator[Measured]:
    """Yield every job in a folder of benchmark files (``results/benchmarks``) that has a receipt.

    Logs and skips files that cannot be read: they may be half written.
    """
    for path in sorted(benchmarks.glob("*/*.tsv")):
        stage, name = path.parent.name, path.stem
        with skip_unreadable(path):
            seconds, memory = read_benchmark(path)
            receipt = receipt_path(benchmarks.parent, stage, name)
            if seconds > 0 and receipt.is_file():
                yield Measured(stage, name, seconds, memory, read_receipt(receipt))


def measured_costs(costs: Costs, benchmarks: Path) -> Costs:
    """Return the costs with the rates of this machine in place of the shipped ones, if jobs of that kind ran here.

    Mining rates are the shipped ones times one factor per kind: measured over expected seconds, without startup.
    Pretraining speeds are those in the receipts, for the model's size and device.
    """
    jobs = list(read_measured(benchmarks))
    return costs.replaced(*mining_costs(costs, jobs), *pretrain_costs(jobs))


def expected(costs: Costs, job: Measured) -> tuple[str, float] | None:
    """Return the rate that a mining job calibrates, and its expected seconds by the shipped rates; None for others."""
    entry = read_registry().get(job.name.rpartition("-")[0])
    if job.stage == "frames" and entry is not None:
        return f"frames.{entry.kind}", job.count("views") * costs.value(f"frames.{entry.kind}")
    if job.stage == "pairs":
        names = {"pairs.view": "features", "pairs.candidate": "seen", "pairs.kept": "kept"}
        counted = {name: job.count(statistic) for name, statistic in names.items()}
        return "pairs", sum(count * costs.value(name) for name, count in counted.items())
    return None


def mining_costs(costs: Costs, jobs: list[Measured]) -> Iterator[Cost]:
    """Yield the rates of frames and pairs on this machine, and the spread of the jobs' times."""
    ratios: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for job in jobs:
        known = None
        with skip_unreadable(job.receipt.path):
            known = expected(costs, job)
        if known and known[1] > 0:
            work = max(job.seconds - costs.value("start.mining"), LEAST * job.seconds)
            ratios[known[0]].append((work, known[1]))
    for key, pairs in ratios.items():
        factor = sum(measured for measured, _ in pairs) / sum(planned for _, planned in pairs)
        names: tuple[str, ...] = ("pairs.view", "pairs.candidate", "pairs.kept") if key == "pairs" else (key,)
        names += ("frames.video_1080p",) if key == "frames.video" else ()
        for name in names:
            source = f"{len(pairs)} benchmark files, {factor:.2f} x the shipped rate"
            yield Cost(name, costs.value(name) * factor, costs[name].unit, "here", source)
    logs = [math.log(measured / planned) for pairs in ratios.values() for measured, planned in pairs]
    if len(logs) > 2:
        yield Cost("spread", statistics.stdev(logs), "log", "here", f"{len(logs)} benchmark files")


def pretrain_costs(jobs: list[Measured]) -> Iterator[Cost]:
    """Yield the pretraining speeds on this machine, for the model sizes in the table."""
    for job in jobs:
        if job.stage != "pretrain":
            continue
        with skip_unreadable(job.receipt.path):
            yield from pretrain_speeds(job)


def pretrain_speeds(job: Measured) -> list[Cost]:
    """Return the speed of a pretraining run under each size of the table that matches its model."""
    settings = job.receipt.block("settings")
    ran = read_model(settings, job.name)
    on_gpu = job.receipt.text("statistics", "device") != "cpu"
    workers = job.count("processes") * (1 if on_gpu else int(settings.get("threads", 1)))
    speed = job.receipt.number("statistics", "pairs_per_second") / workers
    same = [shape for shape in SHAPES if abs(operations_of(ran.name, shape) / ran.operations - 1) < 1e-6]
    names = [speed_name(ran.name, "gpu" if on_gpu else "cpu", shape) for shape in same]
    return [Cost(name, speed, "pairs/s", "here", f"receipt of {job.name}") for name in names]
