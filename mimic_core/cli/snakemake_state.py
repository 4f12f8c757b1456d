"""What Snakemake leaves in the folder it runs in: its logs, its marks of files that were begun, and its locks."""

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

REFUSED = "Directory cannot be locked"  # what a second Snakemake in a folder is told
CLOCKS = 2.0  # seconds by which the clocks of machines may differ
ACTED_ON, BEHIND_BACKSLASH = re.compile(r"[^\w\s@%+=:,./-]"), r"\\\g<0>"  # by a shell
SNAKEFILE = Path(__file__).parents[2] / "Snakefile"


@dataclass(frozen=True)
class Start:
    """A start of Snakemake, as its own log tells it; ``slurm_runs`` are the names of the jobs that it sent."""

    time: float  # seconds since 1970
    machine: str
    user: str
    folder: str
    command: str
    slurm_runs: frozenset[str]


def all_starts(work: Path) -> list[Start]:
    """The starts of Snakemake in a folder that ran jobs, or may have, the last one first."""
    found = []
    folder = work / ".snakemake" / "log"
    logs = [path for path in folder.iterdir() if path.match("*.snakemake.log")] if folder.is_dir() else []
    for path in sorted(logs, reverse=True):
        try:
            stamp = datetime.strptime(path.name.split(".")[0], "%Y-%m-%dT%H%M%S").timestamp()
            text = read_regular(path, "a log").decode(errors="replace")
        except (ValueError, UnreadableError):
            continue  # none of Snakemake's
        told = dict(re.findall(r"^  (Host|User|Run directory|Command): (.*)$", text, re.MULTILINE))
        command = told.get("Command", "")
        if REFUSED in text:
            continue
        if command and not re.search(r" (-n|--dry-run|--dryrun|--unlock|--mode)\b", command):
            runs = frozenset(re.findall(r"^SLURM run ID: (\S+)$", text, re.MULTILINE))
            ran_in = told.get("Run directory", str(work))
            found.append(Start(stamp, told.get("Host", ""), told.get("User", ""), ran_in, command, runs))
    return found


def may_hold_the_lock(work: Path, starts: Sequence[Start]) -> list[Start]:
    """Of the starts, that by which the locks were made, and those after it, which were refused or lost them again."""
    locks = [path.stat().st_mtime for path in (work / ".snakemake" / "locks").glob("*.lock")]
    if not locks:
        return []
    before = [start for start in starts if start.time <= min(locks) + CLOCKS]
    return [start for start in starts if not before or start.time >= before[0].time]


def incomplete_marks(work: Path) -> Iterator[tuple[str, Path]]:
    """Files that Snakemake has marked as begun, and its marks; a mark's name is the file's in base 64, in parts."""
    folder = work / ".snakemake" / "incomplete"
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        coded = "".join(part.removeprefix("@") for part in path.relative_to(folder).parts)
        try:
            yield base64.urlsafe_b64decode(coded).decode(), path
        except ValueError:
            continue


def incomplete_files(work: Path) -> list[str]:
    """Files whose jobs had begun and were not seen to end, in order."""
    return sorted(file for file, _ in incomplete_marks(work))


def external_numbers(work: Path) -> set[str]:
    """Numbers that a scheduler had given to the jobs of these files."""
    found = set()
    for _, path in incomplete_marks(work):
        try:
            found.add(str(parse_json(read_regular(path), "a mark", path)["external_jobid"]))
        except (OSError, KeyError, TypeError, UnreadableError):
            continue
    return found - {"None"}


def locked(work: Path) -> bool:
    """Whether Snakemake's locks are there."""
    return any((work / ".snakemake" / "locks").glob("*.lock"))


def unlock(work: Path, command_again: str) -> None:
    """Remove Snakemake's locks, by Snakemake; ``command_again`` is what the user is pointed to where that fails."""
    command = [sys.executable, "-m", "snakemake", "--unlock", "--snakefile", str(SNAKEFILE), "--directory", str(work)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise MimicError(
            "the folder could not be unlocked:\n  " + "\n  ".join(done.stderr.strip().splitlines()[-5:]),
            where=work,
            remedy=f"unlock it with: {command_again} --unlock",
        )


def again(starts: Sequence[Start]) -> str:
    """The command of the last start, as it was typed but for quotes, which Snakemake's log does not keep.

    Signs that a shell would act on stand behind backslashes: nothing runs but Snakemake.
    """
    if not starts:
        return "snakemake --cores all"
    _, _, arguments = starts[0].command.partition(" ")
    return f"cd {shlex.quote(starts[0].folder)} && snakemake {ACTED_ON.sub(BEHIND_BACKSLASH, arguments)}".rstrip()
