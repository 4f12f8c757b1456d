"""A lock on the checkpoint folder of a run, since two jobs that write to it would ruin each other's run."""

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
HEARTBEAT = 10.0  # seconds between two heartbeats of the holder
DEAD_AFTER = 60.0  # seconds without a heartbeat after which the holder counts as dead, on any machine
POLL_INTERVAL = 1.0  # seconds between checks for a heartbeat


@dataclass(frozen=True)
class Holder:
    """A process that holds a lock.

    Attributes:
        machine, process: host name and PID.
        job: its SLURM job; empty if there is none.
        started: when it started, in clock ticks since boot; empty if unknown.
    """

    machine: str
    process: int
    job: str
    started: str = ""

    @property
    def here(self) -> bool:
        """Whether it is a process of this machine."""
        return self.machine == socket.gethostname()

    @property
    def surely_alive(self) -> bool:
        """Whether the process on this machine that took the lock is known to run, independently of any clock."""
        now = look_at(self.process) if self.here else None
        return now is not None and bool(self.started) and now.started == self.started and alive(self.process)

    def __str__(self) -> str:
        return f"process {self.process} on {self.machine}" + (f", job {self.job}" if self.job else "")


class RunLock:
    """A context in which only this process writes to the folder; its file names the holder and is touched every 10 s.

    The lock of a dead process is taken over: at once if it ran on this machine, else after a minute without a
    heartbeat. We wait that minute, since a scheduler may restart a killed job on another machine within seconds.

    Raises:
        MimicError: another process holds it; the message gives its machine, PID and job.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / NAME
        job = os.environ.get("SLURM_JOB_ID", "")
        own = look_at(os.getpid())
        started = own.started if own else ""
        self.about = {"machine": socket.gethostname(), "process": os.getpid(), "job": job, "started": started}
        self.ahead = 0.0  # seconds by which the clock of the disk, which dates the heartbeats, is ahead of ours
        self.done = threading.Event()
        self.beating = threading.Thread(target=self.beat, daemon=True)

    def __enter__(self) -> RunLock:
        own = self.path.with_name(f"{NAME}.{socket.gethostname()}.{os.getpid()}")
        write_json(own, self.about)
        try:
            self.ahead = (last_touched(own) or time.time()) - time.time()
            self.wait_for_remote_holder()
            holder = self.holder()
            if holder is not None:
                raise self.held_error(holder)
            self.path.unlink(missing_ok=True)  # left by a dead process
            os.link(own, self.path)  # atomic: of two processes that start together, only one succeeds
        except FileExistsError:
            raise self.held_error(self.holder() or "one that started at the same time") from None
        except OSError:
            own.replace(self.path)  # a file system without hard links
        finally:
            own.unlink(missing_ok=True)
        self.beating.start()
        return self

    def refuse_living(self) -> None:
        """Raise if a living process of this machine holds the lock, and so may replace checkpoints while we read."""
        holder = find_holder(self.path)
        if holder is not None and holder.here and holder.process != os.getpid():
            raise self.held_error(str(holder))

    def wait_for_remote_holder(self) -> None:
        """Wait until a holder on another machine gives a heartbeat or counts as dead."""
        holder, seen, since = find_holder(self.path, self.ahead), last_touched(self.path), time.monotonic()
        if holder is None or holder.here:
            return
        log.info("waiting for a heartbeat of %s, for a minute at most: %s", holder, self.path)
        while last_touched(self.path) == seen:
            if time.monotonic() - since > DEAD_AFTER:  # by our own clock, not the file server's
                self.path.unlink(missing_ok=True)
                return
            time.sleep(POLL_INTERVAL)

    def held_error(self, holder: str) -> MimicError:
        """Return the error for a lock that another process holds."""
        return MimicError(
            f"another process is working on this run: {holder}",
            where=self.path,
            remedy=f"wait for it or end it; its lock expires {DEAD_AFTER:g} s after its last heartbeat",
        )

    def is_ours(self) -> bool:
        """Return whether the lock file still names this process."""
        try:
            return bool(read_json(self.path) == self.about)
        except (OSError, ValueError):
            return False

    def holder(self) -> str | None:
        """Describe the process that holds the lock; None if no other living process does."""
        holder = find_holder(self.path, self.ahead)
        return None if holder is None or (holder.here and holder.process == os.getpid()) else str(holder)

    def beat(self) -> None:
        """Touch the file until the lock is released or another process has taken it over."""
        while not self.done.wait(HEARTBEAT):
            try:
                if read_json(self.path) != self.about:
                    return
                os.utime(self.path)
            except (FileNotFoundError, ValueError):
                return
            except OSError:  # a network disk may be away for a while: the next heartbeat may succeed
                continue

    def __exit__(self, *_: object) -> None:
        self.done.set()
        self.beating.join()
        if self.is_ours():
            self.path.unlink()


def last_touched(path: Path) -> float | None:
    """Return a file's modification time, or None if it is missing; opening it bypasses a network disk's cache."""
    try:
        with path.open("rb") as file:
            return os.fstat(file.fileno()).st_mtime
    except OSError:
        return None


def find_holder(path: Path, ahead: float = 0.0) -> Holder | None:
    """Return the living holder of a lock file, or None.

    Args:
        ahead: seconds by which the clock of the file's disk is ahead of this machine's.
    """
    try:
        about = parse_json(read_regular(path, "a lock", TEXT_BYTES), "a lock", path)
        silent = time.time() + ahead - (last_touched(path) or 0)
        holder = Holder(str(about["machine"]), int(about["process"]), str(about["job"]), str(about.get("started", "")))
    except (OSError, ValueError, KeyError, TypeError, AttributeError, OverflowError, MimicError):
        return None
    if holder.surely_alive:
        return holder  # even if the clock was changed
    return None if silent > DEAD_AFTER or (holder.here and not alive(holder.process)) else holder
