"""Damaging files round after round, and judging what their readers do."""

import random
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from fuzzing.targets import TARGETS, files_of, reading
from mimic_core.kit.confined import LostError, Worker
from mimic_core.kit.in_worker import Limits

SILENCE = 120.0  # seconds that one damaged folder may take; a busy machine imports torch in half of that
MEMORY = 1500  # MiB that reading it may take
MOST = 100  # rounds of a target beyond its time, in which at least one file is refused


@dataclass
class Outcome:
    """What became of a target's files.

    Attributes:
        counts: how many were read, refused, or neither.
        faults: of those that were neither, the round and what happened.
        peak: highest memory, MiB.
        slowest: seconds.
    """

    counts: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)
    peak: int = 0
    slowest: float = 0.0


def fuzz(names: Sequence[str], seconds: float, start: int = 0, keep: Path | None = None) -> dict[str, Outcome]:
    """Damage the files of each target for its share of the time, and until one of them is refused.

    The rounds are the same on every machine; how many there are depends on its speed.

    Args:
        start: number of the first round.
        keep: where folders that showed a fault are kept.
    """
    outcomes = {name: Outcome() for name in names}
    limits = Limits(memory=2 * MEMORY << 20, silence=SILENCE)
    with tempfile.TemporaryDirectory() as scratch, Worker(reading, (), limits) as worker:
        for name in names:
            good, tried = Path(scratch) / f"{name}-good", Path(scratch) / name
            good.mkdir()
            worker = worker if not worker.ended else Worker(reading, (), limits)
            list(worker.answers((name, good, True)))
            assert ask(worker, name, good)[0] == "read", f"{name}: the good files cannot be read"
            ends = time.monotonic() + seconds / len(names)
            for number in rounds(start, ends, outcomes[name]):
                damage_one(name, good, tried, number)
                worker = worker if not worker.ended else Worker(reading, (), limits)
                fault = judge(worker, name, tried, outcomes[name])
                if fault:
                    outcomes[name].faults.append(f"round {number}: {fault}")
                    if keep is not None:
                        shutil.copytree(tried, keep / f"{name}-{number}", dirs_exist_ok=True)
            if not worker.ended:
                worker.end()
    return outcomes


def rounds(start: int, ends: float, outcome: Outcome) -> Iterator[int]:
    number = start
    while time.monotonic() < ends or (not outcome.counts["refused"] and number < start + MOST):
        yield number
        number += 1


def damage_one(name: str, good: Path, tried: Path, number: int) -> None:
    """Copy the good files, and let something happen to one of them."""
    rng = random.Random(f"{name} {number}")
    shutil.rmtree(tried, ignore_errors=True)
    shutil.copytree(good, tried)
    path, damage = rng.choice(files_of(good, TARGETS[name]))
    (tried / path.relative_to(good)).write_bytes(damage(path.read_bytes(), rng))


def ask(worker: Worker, name: str, folder: Path) -> tuple[str, int]:
    said, peak = worker.answers((name, folder, False))
    return said, int(peak)


def judge(worker: Worker, name: str, folder: Path, outcome: Outcome) -> str:
    """What is wrong with how a damaged folder was read; empty where nothing is."""
    started = time.monotonic()
    try:
        said, peak = ask(worker, name, folder)
    except LostError as error:
        outcome.counts["lost"] += 1
        return str(error)
    except Exception as error:
        outcome.counts["traceback"] += 1
        return f"{type(error).__name__}: {error}\n{error.__cause__}"
    outcome.counts[said.split(":")[0]] += 1
    outcome.peak = max(outcome.peak, peak)
    outcome.slowest = max(outcome.slowest, time.monotonic() - started)
    return f"{peak} MiB of memory" if peak > MEMORY else ""
