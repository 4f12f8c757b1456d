"""A lock on a run's checkpoints: two jobs that wrote into one folder would spoil both runs."""

from __future__ import annotations

import logging
import os
import socket
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from mimic_core.foreign import TEXT_BYTES, parse_json, read_regular
from mimic_core.kit.errors import MimicError
from mimic_core.kit.files import read_json, write_json
from mimic_core.kit.processes import alive, look_at

log = logging.getLogger("mimic")

NAME = "lock.json"
BEAT = 10.0  # seconds between two signs of life
DEAD_AFTER = 60.0  # seconds without one after which the holder counts as dead, on whatever machine it was
LOOK_EVERY = 1.0  # seconds between two looks for one


@dataclass(frozen=True)
class Holder:
    """A process that holds a lock.

    Attributes:
        machine, process: which one.
        job: its SLURM job, empty where there is none.
        started: when it started, in clock ticks since its machine did; empty where that is not known.
    """

    machine: str
    process: int
    job: str
    started: str = ""

    @property
    def here(self) -> bool:
        """Whether it is one of this machine."""
        return self.machine == socket.gethostname()

    @property
    def surely_alive(self) -> bool:
        """Whether it is the very process of this machine that took the lock, and runs: no clock is asked."""
        now = look_at(self.process) if self.here else None
        return now is not None and bool(self.started) and now.started == self.started and alive(self.process)

    def __str__(self) -> str:
        return f"process {self.process} on {self.machine}" + (f", job {self.job}" if self.job else "")


class RunLock:
    """Inside its context this process alone writes into the folder; its file says who, and is touched every 10 s.

    The lock of a process that is dead is taken over: at once where it ran on this machine, else when it has given no
    sign of life for a minute, which is waited for: a scheduler starts a killed job again within seconds, elsewhere.

    Raises:
        MimicError: another process holds it (machine, process and job are named).
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / NAME
        job = os.environ.get("SLURM_JOB_ID", "")
        own = look_at(os.getpid())
        started = own.started if own else ""
        self.about = {"machine": socket.gethostname(), "process": os.getpid(), "job": job, "started": started}
        self.ahead = 0.0  # seconds by which the clock of the disk, which dates the signs of life, is ahead of ours
        self.done = threading.Event()
        self.beating = threading.Thread(target=self.beat, daemon=True)

    def __enter__(self) -> RunLock:
        own = self.path.with_name(f"{NAME}.{socket.gethostname()}.{os.getpid()}")
        write_json(own, self.about)
        try:
            self.ahead = (touched(own) or time.time()) - time.time()
            self.wait_for_the_dead()
            holder = self.holder()
            if holder is not None:
                raise self.held(holder)
            self.path.unlink(missing_ok=True)  # of one that is dead
            os.link(own, self.path)  # whole or not at all, and of two that start together for one alone
        except FileExistsError:
            raise self.held(self.holder() or "one that started at the same time") from None
        except OSError:
            own.replace(self.path)  # a file system without links
        finally:
            own.unlink(missing_ok=True)
        self.beating.start()
        return self

    def refuse_living(self) -> None:
        """Raise where a living process of this machine holds the lock: its checkpoints come and go while one reads."""
        holder = find_holder(self.path)
        if holder is not None and holder.here and holder.process != os.getpid():
            raise self.held(str(holder))

    def wait_for_the_dead(self) -> None:
        """Until the holder, where it is on another machine, gives a sign of life or counts as dead."""
        holder, seen, since = find_holder(self.path, self.ahead), touched(self.path), time.monotonic()
        if holder is None or holder.here:
            return
        log.info("waiting for a sign of life of %s, for a minute at most: %s", holder, self.path)
        while touched(self.path) == seen:
            if time.monotonic() - since > DEAD_AFTER:  # by this clock, whatever that of the file's server says
                self.path.unlink(missing_ok=True)
                return
            time.sleep(LOOK_EVERY)

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
        holder = find_holder(self.path, self.ahead)
        return None if holder is None or (holder.here and holder.process == os.getpid()) else str(holder)

    def beat(self) -> None:
        """Touch the file until the lock is given back, or another has taken it over."""
        while not self.done.wait(BEAT):
            try:
                if read_json(self.path) != self.about:
                    return
                os.utime(self.path)
            except (FileNotFoundError, ValueError):
                return
            except OSError:  # a network disk that is lost for a while: the next sign of life may succeed
                continue

    def __exit__(self, *_: object) -> None:
        self.done.set()
        self.beating.join()
        if self.ours():
            self.path.unlink()


def touched(path: Path) -> float | None:
    """When the file was last touched; None where there is none. Opening it makes a network disk ask its server."""
    try:
        with path.open("rb") as file:
            return os.fstat(file.fileno()).st_mtime
    except OSError:
        return None


def find_holder(path: Path, ahead: float = 0.0) -> Holder | None:
    """The living holder of the lock in a file; None where there is none.

    Args:
        ahead: seconds by which the clock of the file's disk is ahead of this machine's.
    """
    try:
        about = parse_json(read_regular(path, "a lock", TEXT_BYTES), "a lock", path)
        silent = time.time() + ahead - (touched(path) or 0)
        holder = Holder(str(about["machine"]), int(about["process"]), str(about["job"]), str(about.get("started", "")))
    except (OSError, ValueError, KeyError, TypeError, AttributeError, OverflowError, MimicError):
        return None
    if holder.surely_alive:
        return holder  # whatever the clock says, which may have been set
    return None if silent > DEAD_AFTER or (holder.here and not alive(holder.process)) else holder
