"""Find, signal and end processes of this machine, through ``/proc``."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")


@dataclass(frozen=True)
class Process:
    """A process.

    Attributes:
        number: its PID, which may be reused once it has ended.
        started: when it started, in clock ticks since boot; together with the PID it identifies the process.
        words: its command line.
        folder: its working directory.
    """

    number: int
    started: str
    words: tuple[str, ...]
    folder: Path


def alive(number: int) -> bool:
    """Return whether a process of this machine is running; zombies are not."""
    try:
        os.kill(number, 0)
        state = (PROC / str(number) / "stat").read_text(errors="replace").rpartition(")")[2].split()[0]
    except ProcessLookupError:
        return False
    except OSError:  # another user's process, or a system without /proc
        return True
    return state != "Z"


def running() -> list[Process]:
    """Return the processes that this user can inspect, sorted by PID; none without ``/proc``."""
    numbers = sorted(int(entry.name) for entry in PROC.glob("[0-9]*"))
    return [process for process in map(look_at, numbers) if process is not None]


def look_at(number: int) -> Process | None:
    """Look up a process by its PID; None if it has ended or belongs to another user."""
    entry = PROC / str(number)
    try:
        words = (entry / "cmdline").read_bytes().decode(errors="surrogateescape").rstrip("\0").split("\0")
        started = (entry / "stat").read_text(errors="replace").rpartition(")")[2].split()[19]
        folder = (entry / "cwd").readlink()
    except OSError:
        return None
    return Process(number, started, tuple(words), folder) if words != [""] else None  # zombies have no command line


def still_runs(process: Process) -> bool:
    """Return whether this very process still runs, and not another with the same PID."""
    now = look_at(process.number)
    return now is not None and now.started == process.started


def end(processes: Iterable[Process], grace: float, poll: float = 0.1) -> list[Process]:
    """Send SIGTERM, and after ``grace`` seconds SIGKILL to the processes that still run.

    Returns:
        Those that were sent SIGKILL.
    """
    left = [process for process in processes if send(process, signal.SIGTERM)]
    deadline = time.monotonic() + grace
    while (left := [process for process in left if still_runs(process)]) and time.monotonic() < deadline:
        time.sleep(poll)
    return [process for process in left if send(process, signal.SIGKILL)]


def send(process: Process, number: signal.Signals) -> bool:
    """Send a signal; return False if the process has ended."""
    if not still_runs(process):
        return False
    try:
        os.kill(process.number, number)
    except ProcessLookupError:
        return False
    return True
