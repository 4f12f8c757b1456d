"""After a crash: what still runs in a results folder, and how the workflow is started again.

Snakemake that was ended by SIGKILL (or whose machine lost power) leaves its jobs running and its locks behind. What it
left is found by the processes of this machine, by SLURM's queue, and by pretraining's locks with their sign of life.
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
    again,
    all_starts,
    external_numbers,
    incomplete_files,
    locked,
    may_hold_the_lock,
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
LOOK_EVERY = 1.0  # seconds between two looks at whether jobs still run
TOLD_EVERY = 30.0  # seconds between two lines that say what is waited for
ABANDONED_AFTER = 3600.0  # seconds untouched after which another machine's half-written file counts as abandoned
SHOWN = 20  # files of a list that are shown


@dataclass(frozen=True)
class Found:
    """What there is in a folder.

    Attributes:
        masters: processes of Snakemake that are at work in it.
        jobs: processes of this machine that run one of its jobs.
        queued: jobs of SLURM, running or waiting: number -> what it does and its state.
        elsewhere: pretraining on other machines that no job of SLURM accounts for: name of the run -> who is at it.
        locked: whether Snakemake's locks are there.
        incomplete: files whose jobs had begun and were not seen to end.
    """

    masters: list[Process]
    jobs: list[Process]
    queued: dict[str, str]
    elsewhere: dict[str, Holder]
    locked: bool
    incomplete: list[str]

    @property
    def orphans(self) -> list[str]:
        """A line a job that runs without a Snakemake that waits for it."""
        return [
            *(f"process {job.number}: {described(job)}" for job in self.jobs),
            *(f"SLURM job {number}: {what}" for number, what in self.queued.items()),
            *(f"pretraining {run}: {holder}" for run, holder in self.elsewhere.items()),
        ]


def recover(
    folder: str | Path, *, cancel: bool = False, sure: bool = False, say: Say = print, grace: float = GRACE
) -> None:
    """Bring a folder whose Snakemake was killed into a state in which the workflow can be started again.

    Jobs that still run are waited for, or with ``cancel`` ended; what was left locked is unlocked; files that killed
    jobs left half-written are removed.

    Args:
        folder: where Snakemake runs (``--directory``), or its folder ``results``.
        cancel: end the jobs; they are only listed unless ``sure``.
        sure: also: no Snakemake runs in the folder on another machine, which cannot be seen from here.
        say: takes each line of what is found and done.
        grace: seconds that a job has to end by itself.

    Raises:
        MimicError: there is no run of Snakemake in the folder, one is still at work, or it cannot be unlocked.
    """
    say = harmless(say)
    work = working_folder(Path(folder))
    starts = all_starts(work)
    found = look(work, starts)
    refuse_where_at_work(work, found, starts, sure)
    for line in found.orphans:
        say(f"still runs: {line}")
    if found.orphans and cancel and not sure:
        say("nothing was ended; to end these jobs: mimic recover --cancel --yes")
        return
    if found.orphans and cancel:
        cancel_jobs(found, say, grace)
    elif found.orphans:
        say("waiting for them to end; Ctrl-C stops the waiting, and mimic recover --cancel ends them")
        wait_for_jobs(work, starts)
    if not found.orphans:
        say("no job runs")
    if found.locked:
        unlock(work, again(starts))
        say("unlocked the folder")
    for path in abandoned(work / "results"):
        shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink(missing_ok=True)
        say(f"removed what was half-written: {path.relative_to(work)}")
    for line in listed(incomplete_files(work)):
        say(line)
    say(f"start the workflow again: {again(starts)}")


def harmless(say: Say) -> Say:
    """What says lines as they are safe to show: names of files and lines of logs steer no terminal."""
    return lambda line: say(printable(line))


def working_folder(folder: Path) -> Path:
    """The folder Snakemake runs in, from itself or from its results."""
    for candidate in (folder.resolve(), folder.resolve().parent):
        if (candidate / ".snakemake").is_dir():
            return candidate
    raise MimicError(
        "no Snakemake has run here", where=folder, remedy="name the folder it ran in (--directory), or its results"
    )


def look(work: Path, starts: Sequence[Start]) -> Found:
    """See what there is, after these starts of Snakemake."""
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
    """Name of the workflow's script that a process runs; empty where it runs none."""
    words = (Path(word) for word in process.words if word.endswith(".py"))
    return next((word.stem for word in words if word.parent.name == "workflow_scripts"), "")


def described(process: Process) -> str:
    """What a job makes, by its script and the results on its command line."""
    outputs = [word for word in process.words if word.startswith("results/") and word.endswith("receipt.json")]
    return " ".join(filter(None, [script(process), *map(printable, outputs[-1:])]))


def is_snakemake(process: Process) -> bool:
    """Whether a process is a Snakemake that starts jobs, and not one that runs inside of a job."""
    names = [Path(word).name for word in process.words[:3]]
    starts = "snakemake" in names or "snakemake/__main__.py" in " ".join(process.words[:3])
    modes = {value for name, value in pairwise(process.words) if name == "--mode"}
    return starts and not modes & {"subprocess", "remote"}


def pretraining(work: Path) -> dict[str, Holder]:
    """Runs that a living process is at, by their locks."""
    locks = sorted((work / "results" / "checkpoints").glob(f"*/{LOCK}"))
    holders = ((path.parent.name, find_holder(path)) for path in locks)
    return {run: holder for run, holder in holders if holder is not None}


def slurm_jobs(runs: set[str], numbers: set[str]) -> dict[str, str]:
    """Jobs in SLURM's queue that Snakemake sent from this folder: number -> what it does and its state.

    Args:
        runs: names of its jobs: Snakemake draws one for each of its own runs.
        numbers: job numbers that it had noted.
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
        log.warning("squeue: %s; jobs of SLURM cannot be seen from here", fault)
    rows = (line.split("\t") for line in answer.splitlines())
    return {
        number: f"{what.strip()}, {state.lower()}"
        for number, name, state, what in (row for row in rows if len(row) == 4)
        if name in runs or (number in numbers and what.startswith("rule_"))
    }


def refuse_where_at_work(work: Path, found: Found, starts: Sequence[Start], sure: bool) -> None:
    """Raise the error of a folder in which Snakemake is at work, or may be."""
    if found.masters:
        numbers = ", ".join(str(process.number) for process in found.masters)
        raise MimicError(
            f"Snakemake is at work in this folder: process {numbers}",
            where=work,
            remedy=f"wait for it, or end it and its jobs first: kill -INT {found.masters[0].number}",
        )
    here = (socket.gethostname(), getpass.getuser())
    others = [start for start in may_hold_the_lock(work, starts) if (start.machine, start.user) != here]
    if others and not sure:
        at = f"{others[-1].user} on {others[-1].machine}"
        raise MimicError(
            f"Snakemake was started in this folder by {at}: whether it still runs cannot be seen from here",
            where=work,
            remedy=f"run mimic recover as {at}; where it surely runs no more: mimic recover --yes",
        )


def cancel_jobs(found: Found, say: Say, grace: float) -> None:
    """End the jobs: those of this machine, and those of SLURM."""
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
        say(f"not ended: pretraining {run} ({holder}): end it there; a second one is refused as long as it runs")


def wait_for_jobs(work: Path, starts: Sequence[Start]) -> None:
    """Wait until no job runs, and say now and then what is waited for."""
    told = time.monotonic()
    while orphans := (found := look(work, starts)).orphans:
        if time.monotonic() - told >= TOLD_EVERY:
            log.info("waiting for %d jobs: %s", len(orphans), "; ".join(orphans))
            told = time.monotonic()
        time.sleep(10 * LOOK_EVERY if found.queued else LOOK_EVERY)  # a scheduler is not asked every second


def abandoned(results: Path) -> list[Path]:
    """Half-written files and folders below the results that nobody writes any more."""
    found = []
    for path in sorted(results.rglob(f"{PARTIAL}*")):
        here = re.match(rf"{re.escape(PARTIAL + socket.gethostname())}-([0-9]{{1,9}})-", path.name)
        try:
            quiet = time.time() - path.lstat().st_mtime > ABANDONED_AFTER
        except FileNotFoundError:  # another process has removed it meanwhile
            continue
        if not alive(int(here[1])) if here else quiet:
            found.append(path)
    return found


def listed(files: list[str]) -> list[str]:
    """Lines about the files that will be made again."""
    if not files:
        return []
    more = [f"  ... and {len(files) - SHOWN:,} more"] if len(files) > SHOWN else []
    return [f"{len(files):,} files will be made again:", *(f"  {printable(file)}" for file in files[:SHOWN]), *more]
