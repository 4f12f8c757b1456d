"""Recover a results folder after a crash: find jobs that still run, unlock it, and say how to restart the workflow.

When Snakemake is killed by SIGKILL or a power failure, its jobs keep running and its locks stay. We find the jobs
through this machine's processes, SLURM's queue, and the heartbeats of pretraining's locks.
"""

from __future__ import annotations

import getpass
import logging
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from mimic_core.cli.snakemake_state import (
    Start,
    all_starts,
    external_numbers,
    incomplete_files,
    locked,
    may_hold_the_lock,
    restart_command,
    unlock,
)
from mimic_core.kit.errors import MimicError, printable
from mimic_core.kit.files import PARTIAL
from mimic_core.kit.processes import Process, alive, end, running, still_runs
from mimic_core.machine import RUN_LOCK as LOCK
from mimic_core.machine import Holder, find_holder

log = logging.getLogger("mimic")

Say = Callable[[str], None]

GRACE = 120.0  # seconds that a job has to end by itself: pretraining writes a checkpoint
POLL_INTERVAL = 1.0  # seconds between checks whether jobs still run
REPORT_INTERVAL = 30.0  # seconds between messages while waiting
ABANDONED_AFTER = 3600.0  # seconds without a change after which another machine's partial file counts as abandoned
SHOWN = 20  # files of a list that are shown


@dataclass(frozen=True)
class Found:
    """The state of a folder in which Snakemake ran.

    Attributes:
        masters: Snakemake processes that are running in it.
        jobs: processes of this machine that run one of its jobs.
        queued: SLURM jobs, running or pending: ID -> what it does and its state.
        elsewhere: pretraining on other machines that belongs to no SLURM job in the queue: run -> process.
        locked: whether Snakemake's locks are there.
        incomplete: files whose jobs were started but not seen to finish.
    """

    masters: list[Process]
    jobs: list[Process]
    queued: dict[str, str]
    elsewhere: dict[str, Holder]
    locked: bool
    incomplete: list[str]

    @property
    def orphans(self) -> list[str]:
        """Describe each job that is still running, one line each."""
        return [
            *(f"process {job.number}: {described(job)}" for job in self.jobs),
            *(f"SLURM job {number}: {what}" for number, what in self.queued.items()),
            *(f"pretraining {run}: {holder}" for run, holder in self.elsewhere.items()),
        ]


def recover(
    folder: str | Path, *, cancel: bool = False, sure: bool = False, say: Say = print, grace: float = GRACE
) -> None:
    """Make a folder whose Snakemake was killed ready for the workflow to be started again.

    Waits for jobs that still run, or ends them with ``cancel``; then unlocks the folder and removes the partial files
    of killed jobs.

    Args:
        folder: where Snakemake ran (``--directory``), or its folder ``results``.
        cancel: end the jobs; without ``sure``, only list them.
        sure: confirm ``cancel``, and that no Snakemake runs in the folder on another machine, which we cannot see.
        say: called with each line of the report.
        grace: seconds that a job has to end by itself.

    Raises:
        MimicError: Snakemake never ran in the folder or is still running, or the folder cannot be unlocked.
    """
    say = escaped(say)
    work = working_folder(Path(folder))
    starts = all_starts(work)
    found = look(work, starts)
    refuse_if_running(work, found, starts, sure)
    for line in found.orphans:
        say(f"still runs: {line}")
    if found.orphans and cancel and not sure:
        say("no job was ended; to end these jobs: mimic recover --cancel --yes")
        return
    if found.orphans and cancel:
        cancel_jobs(found, say, grace)
    elif found.orphans:
        say("waiting for them to end; press Ctrl-C to stop waiting, or run mimic recover --cancel to end them")
        wait_for_jobs(work, starts)
    if not found.orphans:
        say("no job is running")
    if found.locked:
        unlock(work, restart_command(starts))
        say("unlocked the folder")
    for path in abandoned(work / "results"):
        shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink(missing_ok=True)
        say(f"removed a partial file: {path.relative_to(work)}")
    for line in listed(incomplete_files(work)):
        say(line)
    say(f"start the workflow again: {restart_command(starts)}")


def escaped(say: Say) -> Say:
    """Wrap ``say`` to escape control characters, which file names and log lines may hold."""
    return lambda line: say(printable(line))


def working_folder(folder: Path) -> Path:
    """Return the folder Snakemake ran in, given that folder or its results."""
    for candidate in (folder.resolve(), folder.resolve().parent):
        if (candidate / ".snakemake").is_dir():
            return candidate
    raise MimicError(
        "Snakemake has never run here", where=folder, remedy="name the folder it ran in (--directory), or its results"
    )


def look(work: Path, starts: Sequence[Start]) -> Found:
    """Inspect a folder in which Snakemake was started like this."""
    here = [process for process in running() if process.folder == work]
    queued = slurm_jobs({run for start in starts for run in start.slurm_runs}, external_numbers(work))
    jobs = [process for process in here if script(process)]
    return Found(
        masters=[process for process in here if is_snakemake(process)],
        jobs=jobs,
        queued=queued,
        elsewhere={
            run: holder
            for run, holder in pretraining(work).items()
            if holder.job not in queued and not (holder.here and holder.process in {job.number for job in jobs})
        },
        locked=locked(work),
        incomplete=incomplete_files(work),
    )


def script(process: Process) -> str:
    """Return the name of the workflow script that a process runs; empty if it runs none."""
    words = (Path(word) for word in process.words if word.endswith(".py"))
    return next((word.stem for word in words if word.parent.name == "workflow_scripts"), "")


def described(process: Process) -> str:
    """Describe a job by its script and the receipt on its command line."""
    outputs = [word for word in process.words if word.startswith("results/") and word.endswith("receipt.json")]
    return " ".join(filter(None, [script(process), *map(printable, outputs[-1:])]))


def is_snakemake(process: Process) -> bool:
    """Return whether a process is a main Snakemake, and not one that runs inside a job."""
    names = [Path(word).name for word in process.words[:3]]
    starts = "snakemake" in names or "snakemake/__main__.py" in " ".join(process.words[:3])
    modes = {value for name, value in pairwise(process.words) if name == "--mode"}
    return starts and not modes & {"subprocess", "remote"}


def pretraining(work: Path) -> dict[str, Holder]:
    """Return the pretraining runs whose lock is held by a living process."""
    locks = sorted((work / "results" / "checkpoints").glob(f"*/{LOCK}"))
    holders = ((path.parent.name, find_holder(path)) for path in locks)
    return {run: holder for run, holder in holders if holder is not None}


def slurm_jobs(runs: set[str], numbers: set[str]) -> dict[str, str]:
    """Return the jobs in SLURM's queue that were submitted from this folder: ID -> what it does and its state.

    Args:
        runs: SLURM job names; Snakemake makes up one for each of its own runs.
        numbers: job IDs that Snakemake had recorded.
    """
    if not (runs or numbers) or shutil.which("squeue") is None:
        return {}
    query = ["squeue", "--noheader", f"--user={getpass.getuser()}", "--format=%i\t%j\t%T\t%k"]
    try:
        asked = subprocess.run(query, capture_output=True, text=True, timeout=60, check=False)
        answer, fault = asked.stdout, asked.stderr.strip() if asked.returncode else ""
    except subprocess.TimeoutExpired:
        answer, fault = "", "no answer for a minute"
    if fault:
        log.warning("squeue: %s; SLURM jobs cannot be seen from here", fault)
    rows = (line.split("\t") for line in answer.splitlines())
    return {
        number: f"{what.strip()}, {state.lower()}"
        for number, name, state, what in (row for row in rows if len(row) == 4)
        if name in runs or (number in numbers and what.startswith("rule_"))
    }


def refuse_if_running(work: Path, found: Found, starts: Sequence[Start], sure: bool) -> None:
    """Raise if Snakemake is running in the folder, or may be."""
    if found.masters:
        numbers = ", ".join(str(process.number) for process in found.masters)
        raise MimicError(
            f"Snakemake is running in this folder: process {numbers}",
            where=work,
            remedy=f"wait for it, or end it and its jobs first: kill -INT {found.masters[0].number}",
        )
    here = (socket.gethostname(), getpass.getuser())
    others = [start for start in may_hold_the_lock(work, starts) if (start.machine, start.user) != here]
    if others and not sure:
        at = f"{others[-1].user} on {others[-1].machine}"
        raise MimicError(
            f"Snakemake was started in this folder by {at}, and this machine cannot see whether it still runs",
            where=work,
            remedy=f"run mimic recover as {at}, or mimic recover --yes if you are sure that it has ended",
        )


def cancel_jobs(found: Found, say: Say, grace: float) -> None:
    """End the jobs of this machine and of SLURM."""
    if found.queued:
        subprocess.run(["scancel", *found.queued], check=False, timeout=60)
    killed = end(found.jobs, grace)
    for process in found.jobs:
        say(f"ended: process {process.number}" + (", by SIGKILL" if process in killed else ""))
    for number in found.queued:
        say(f"cancelled: SLURM job {number}")
    deadline = time.monotonic() + 5
    while any(map(still_runs, killed)) and time.monotonic() < deadline:
        time.sleep(0.05)
    for run, holder in found.elsewhere.items():
        say(f"not ended: pretraining {run} ({holder}): end it there; while it runs, the run cannot be started again")


def wait_for_jobs(work: Path, starts: Sequence[Start]) -> None:
    """Wait until no job runs, and log from time to time which ones still do."""
    reported = time.monotonic()
    while orphans := (found := look(work, starts)).orphans:
        if time.monotonic() - reported >= REPORT_INTERVAL:
            log.info("waiting for %d jobs: %s", len(orphans), "; ".join(orphans))
            reported = time.monotonic()
        time.sleep(10 * POLL_INTERVAL if found.queued else POLL_INTERVAL)  # go easy on the scheduler


def abandoned(results: Path) -> list[Path]:
    """Find partial files and folders below the results whose writer is gone."""
    found = []
    for path in sorted(results.rglob(f"{PARTIAL}*")):
        here = re.match(rf"{re.escape(PARTIAL + socket.gethostname())}-([0-9]{{1,9}})-", path.name)
        try:
            quiet = time.time() - path.lstat().st_mtime > ABANDONED_AFTER
        except FileNotFoundError:  # removed by another process meanwhile
            continue
        if not alive(int(here[1])) if here else quiet:
            found.append(path)
    return found


def listed(files: list[str]) -> list[str]:
    """Format a list of the files that will be made again."""
    if not files:
        return []
    more = [f"  ... and {len(files) - SHOWN:,} more"] if len(files) > SHOWN else []
    return [f"{len(files):,} files will be made again:", *(f"  {printable(file)}" for file in files[:SHOWN]), *more]
