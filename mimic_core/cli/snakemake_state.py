"""Read what Snakemake leaves in its working folder: logs, markers of incomplete files, and locks."""

from __future__ import annotations

import base64
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from mimic_core.foreign import parse_json, read_regular
from mimic_core.kit.errors import MimicError, UnreadableError

REFUSED = "Directory cannot be locked"  # in the log of a second Snakemake in a folder
CLOCK_SKEW = 2.0  # seconds by which the clocks of machines may differ
SPECIAL, ESCAPED = re.compile(r"[^\w\s@%+=:,./-]"), r"\\\g<0>"  # characters special to a shell, and their escape
SNAKEFILE = Path(__file__).parents[2] / "Snakefile"


@dataclass(frozen=True)
class Start:
    """A start of Snakemake, from its log; ``slurm_runs`` are the names of the SLURM jobs that it submitted."""

    time: float  # seconds since 1970
    machine: str
    user: str
    folder: str
    command: str
    slurm_runs: frozenset[str]


def all_starts(work: Path) -> list[Start]:
    """Return the starts of Snakemake in a folder that ran jobs, or may have, latest first."""
    found = []
    folder = work / ".snakemake" / "log"
    logs = [path for path in folder.iterdir() if path.match("*.snakemake.log")] if folder.is_dir() else []
    for path in sorted(logs, reverse=True):
        try:
            stamp = datetime.strptime(path.name.split(".")[0], "%Y-%m-%dT%H%M%S").timestamp()
            text = read_regular(path, "a log").decode(errors="replace")
        except (ValueError, UnreadableError):
            continue  # not a log of Snakemake
        facts = dict(re.findall(r"^  (Host|User|Run directory|Command): (.*)$", text, re.MULTILINE))
        command = facts.get("Command", "")
        if REFUSED in text:
            continue
        if command and not re.search(r" (-n|--dry-run|--dryrun|--unlock|--mode)\b", command):
            runs = frozenset(re.findall(r"^SLURM run ID: (\S+)$", text, re.MULTILINE))
            ran_in = facts.get("Run directory", str(work))
            found.append(Start(stamp, facts.get("Host", ""), facts.get("User", ""), ran_in, command, runs))
    return found


def may_hold_the_lock(work: Path, starts: Sequence[Start]) -> list[Start]:
    """Return the start that made the locks and all later ones; none if the folder is not locked."""
    locks = [path.stat().st_mtime for path in (work / ".snakemake" / "locks").glob("*.lock")]
    if not locks:
        return []
    before = [start for start in starts if start.time <= min(locks) + CLOCK_SKEW]
    return [start for start in starts if not before or start.time >= before[0].time]


def incomplete_marks(work: Path) -> Iterator[tuple[str, Path]]:
    """Yield each file that Snakemake marked incomplete, and its marker, whose path is the file's name in base64."""
    folder = work / ".snakemake" / "incomplete"
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        coded = "".join(part.removeprefix("@") for part in path.relative_to(folder).parts)
        try:
            yield base64.urlsafe_b64decode(coded).decode(), path
        except ValueError:
            continue


def incomplete_files(work: Path) -> list[str]:
    """Return the files whose jobs were started but not seen to finish, sorted."""
    return sorted(file for file, _ in incomplete_marks(work))


def external_numbers(work: Path) -> set[str]:
    """Return the scheduler's IDs of the jobs of incomplete files."""
    found = set()
    for _, path in incomplete_marks(work):
        try:
            found.add(str(parse_json(read_regular(path), "a mark", path)["external_jobid"]))
        except (OSError, KeyError, TypeError, UnreadableError):
            continue
    return found - {"None"}


def locked(work: Path) -> bool:
    """Return whether Snakemake's locks are there."""
    return any((work / ".snakemake" / "locks").glob("*.lock"))


def unlock(work: Path, restart: str) -> None:
    """Have Snakemake remove its locks; ``restart`` is the command that starts it again, for the error message."""
    command = [sys.executable, "-m", "snakemake", "--unlock", "--snakefile", str(SNAKEFILE), "--directory", str(work)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise MimicError(
            "the folder could not be unlocked:\n  " + "\n  ".join(done.stderr.strip().splitlines()[-5:]),
            where=work,
            remedy=f"unlock it with: {restart} --unlock",
        )


def restart_command(starts: Sequence[Start]) -> str:
    """Return the command of the last start as it was typed, except for quotes, which Snakemake's log does not keep.

    Characters special to a shell are escaped, so that the line runs nothing but Snakemake.
    """
    if not starts:
        return "snakemake --cores all"
    _, _, arguments = starts[0].command.partition(" ")
    return f"cd {shlex.quote(starts[0].folder)} && snakemake {SPECIAL.sub(ESCAPED, arguments)}".rstrip()
