"""A lock on a run's checkpoints: two jobs that wrote into one folder would spoil both runs."""

from __future__ import annotations

import os
import socket
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from mimic_core.errors import MimicError
from mimic_core.files import read_json, write_json
from mimic_core.processes import alive

NAME = "lock.json"
BEAT = 10.0  # seconds between two signs of life
DEAD_AFTER = 60.0  # seconds without one after which the holder counts as dead, on whatever machine it was


@dataclass(frozen=True)
class Holder:
    """A process that holds a lock; ``job`` is its SLURM job, empty where there is none."""

    machine: str
    process: int
    job: str

    @property
    def here(self) -> bool:
        """Whether it is one of this machine."""
        return self.machine == socket.gethostname()

    def __str__(self) -> str:
        return f"process {self.process} on {self.machine}" + (f", job {self.job}" if self.job else "")


class RunLock:
    """Inside its context this process alone writes into the folder; its file says who, and is touched every 10 s.

    The lock of a process that is dead is taken over: at once where it ran on this machine, else when it has given no
    sign of life for a minute.

    Raises:
        MimicError: another process holds it (machine, process and job are named).
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / NAME
        job = os.environ.get("SLURM_JOB_ID", "")
        self.about = {"machine": socket.gethostname(), "process": os.getpid(), "job": job}
        self.done = threading.Event()
        self.beating = threading.Thread(target=self.beat, daemon=True)

    def __enter__(self) -> RunLock:
        holder = self.holder()
        if holder is not None:
            raise self.held(holder)
        self.path.unlink(missing_ok=True)  # of one that is dead
        own = self.path.with_name(f"{NAME}.{socket.gethostname()}.{os.getpid()}")
        write_json(own, self.about)
        try:
            os.link(own, self.path)  # whole or not at all, and of two that start together for one alone
        except FileExistsError:
            raise self.held(self.holder() or "one that started at the same time") from None
        except OSError:
            own.replace(self.path)  # a file system without links
        finally:
            own.unlink(missing_ok=True)
        self.beating.start()
        return self

    def held(self, holder: str) -> MimicError:
        """The error of a lock that somebody holds."""
        return MimicError(
            f"another process is at this run: {holder}",
            where=self.path,
            remedy=f"wait for it or end it; without a sign of life its lock ends after {DEAD_AFTER:g} s",
        )

    def ours(self) -> bool:
        """Whether the file is still the one of this process."""
        try:
            return bool(read_json(self.path) == self.about)
        except (OSError, ValueError):
            return False

    def holder(self) -> str | None:
        """Who holds the lock; None where nobody alive does."""
        holder = find_holder(self.path)
        return None if holder is None or (holder.here and holder.process == os.getpid()) else str(holder)

    def beat(self) -> None:
        """Touch the file until the lock is given back, or another has taken it over."""
        while not self.done.wait(BEAT) and self.ours():
            os.utime(self.path)

    def __exit__(self, *_: object) -> None:
        self.done.set()
        self.beating.join()
        if self.ours():
            self.path.unlink()


def find_holder(path: Path) -> Holder | None:
    """The living holder of the lock in a file; None where there is none."""
    try:
        silent = time.time() - path.stat().st_mtime
        about = read_json(path)
        holder = Holder(str(about["machine"]), int(about["process"]), str(about["job"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return None if silent > DEAD_AFTER or (holder.here and not alive(holder.process)) else holder
