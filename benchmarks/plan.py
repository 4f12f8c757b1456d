"""Measure the time and memory of planning at the paper's scale, and check the simulator of ``mimic plan``.

    python benchmarks/plan.py [--again] [--run results/table1.csv] [--finished FOLDER]

``configs/paper.yaml`` is planned on a tree of empty files with the numbers of scenes and videos that the datasets'
owners give (rules/sources.tsv). ``--again`` creates every output as an empty file and marks it as up to date (minutes);
a second plan must then find nothing to do. ``--run`` makes a target at sample scale on two cores and compares its wall
time with the simulator's, which gets the measured times of the jobs. ``--finished`` does the same for the folder of a
finished run.
"""

from __future__ import annotations

import argparse
import os
import platform
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from mimic_core.plan import TARGETS
from mimic_core.plan.jobs import list_jobs
from mimic_core.plan.replay import replay_jobs
from mimic_core.sources.registry import read_registry

ROOT = Path(__file__).resolve().parents[1]
PAPER = ROOT / "configs" / "paper.yaml"
GROUPS = 1000  # units of a source whose number of units is not known


def paper_files() -> Iterator[str]:
    """Yield names of raw files, with as many units of each source as its owner gives."""
    units = {name: entry.units for name, entry in read_registry().items()}

    def count(name: str) -> range:
        return range(units[name] or GROUPS)

    yield from (f"hm3d/{number:05d}-scene{number}/scene{number}.basis.glb" for number in count("hm3d"))
    yield from (f"gibson/scene{number}.glb" for number in count("gibson"))
    yield from (f"gibson_heldout/scene{number}.glb" for number in range(4))
    yield from (f"matterport3d/scene{number}/scene{number}.glb" for number in count("matterport3d"))
    yield from (f"objectron/thing{number % 9}/batch-{number // 90}/{number}/video.MOV" for number in count("objectron"))
    yield "arkitscenes/metadata.csv"
    yield from (f"arkitscenes/{number}/{number}.mov" for number in count("arkitscenes"))
    yield from (f"mannequin/clip{number}/trims/0.mp4" for number in count("mannequin"))
    yield from (f"scannet/scene{number:04d}_00/scene{number:04d}_00.sens" for number in count("scannet"))
    yield from (
        f"co3d/thing{number % 51}/sequence{number}/images/frame{frame:06d}.jpg"
        for number in count("co3d")
        for frame in (1, 2)
    )
    yield from (f"demon/part{number}.h5" for number in range(10))
    yield from (f"3dstreetview/{number:06d}_{photo}.jpg" for number in count("3dstreetview") for photo in (1, 2))


def write_paper_tree(raw: Path) -> int:
    """Create the files of :func:`paper_files`, empty except for a table's header, and return how many there are."""
    folders: set[str] = set()
    names = list(paper_files())
    for name in names:
        folder = os.path.dirname(name)  # noqa: PTH120 - called tens of thousands of times
        if folder not in folders:
            os.makedirs(raw / folder, exist_ok=True)  # noqa: PTH103
            folders.add(folder)
        os.close(os.open(raw / name, os.O_CREAT))
    (raw / "arkitscenes" / "metadata.csv").write_text("video_id,sky_direction\n")
    return len(names)


class Planned(NamedTuple):
    """Cost and result of a dry run."""

    seconds: float
    peak_mib: float
    jobs: int
    output: str


# A forked process inherits the peak memory of its parent, so Snakemake is started from this small one.
PEAK_PROBE = """
import resource, subprocess, sys
code = subprocess.call(sys.argv[1:])
print("peak", resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
sys.exit(code)
"""


def call(folder: Path, *arguments: str) -> str:
    """Run Snakemake with results in ``folder``; return its output, then its peak memory. Exit if it fails."""
    command = [sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile"), "--directory", str(folder)]
    measured = [sys.executable, "-c", PEAK_PROBE, *command, *arguments]
    process = subprocess.run(measured, capture_output=True, text=True, cwd=ROOT)
    text = process.stdout + process.stderr
    if process.returncode:
        raise SystemExit("\n".join(text.splitlines()[-30:]))
    return text


def dry_run(folder: Path, *arguments: str) -> Planned:
    """Measure a dry run with results in ``folder``."""
    started = time.perf_counter()
    text = call(folder, "--cores", "64", "--dry-run", *arguments)
    seconds = time.perf_counter() - started
    total = re.search(r"^total\s+(\d+)", text, re.MULTILINE)
    peak = re.search(r"^peak (\d+)$", text, re.MULTILINE)
    return Planned(seconds, int(peak.group(1)) / 1024 if peak else 0.0, int(total.group(1)) if total else 0, text)


def plan_again(folder: Path, *arguments: str) -> str:
    """Plan finished results again and describe what is left to do, for the table."""
    again = dry_run(folder, *arguments)
    done = "nothing" if "Nothing to be done" in again.output else f"{again.jobs} JOBS"
    return f"{done} to be done, {format_cost(again)}"


def mark_as_made(folder: Path, paper: Sequence[str]) -> None:
    """Create every file that the paper's scale makes and keeps, empty, and mark it as up to date for Snakemake."""
    for job in list_jobs(ROOT / "Snakefile", folder, [PAPER]):
        for name in job.outputs:
            if job.stage != "frames" or not name.endswith(".tar"):  # the views are temporary
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                (folder / name).touch()
    call(folder, "--cores", "1", "--scheduler", "greedy", "--touch", *paper)


def print_replay(folder: Path, targets: Sequence[str], overlays: Sequence[Path], cores: int) -> None:
    """Print the wall time of a run beside the simulated one."""
    jobs = list_jobs(ROOT / "Snakefile", folder, overlays, targets=targets)
    found = replay_jobs(jobs, folder, cores)
    print(
        f"its {len(jobs)} jobs on {cores} cores               measured {found.wall:.1f} s, simulated "
        f"{found.schedule.wall:.1f} s, ratio {found.ratio:.3f}; {found.between:.3f} s between jobs"
    )


def format_cost(planned: Planned) -> str:
    """Format seconds and memory for the table."""
    return f"{planned.seconds:.1f} s, {planned.peak_mib:.0f} MiB"


def main(argv: Sequence[str] | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--again", action="store_true", help="plan the paper's scale again with all files made")
    parser.add_argument("--run", nargs="+", metavar="TARGET", default=[], help="make these targets, simulate the run")
    parser.add_argument("--finished", type=Path, help="folder of a finished run, made in one go")
    parser.add_argument("--targets", nargs="+", default=["results/table1.csv"], help="targets of --finished")
    parser.add_argument("--configfile", type=Path, nargs="*", default=[], help="overlays for --run and --finished")
    parser.add_argument("--cores", type=int, default=2, help="cores of the run (default: 2)")
    args = parser.parse_args(argv)
    overlays = ["--configfile", *(str(path.resolve()) for path in args.configfile)] if args.configfile else []
    print(f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores\n")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        files = write_paper_tree(folder / "raw")
        paper = [*TARGETS, "--configfile", str(PAPER)]
        found = dry_run(folder, *paper)
        print(f"configs/paper.yaml, {files:,} raw files   {found.jobs:,} jobs, {format_cost(found)}")
        if args.again:
            mark_as_made(folder, paper)
            print(f"the same when all is finished          {plan_again(folder, *paper)}")
    if args.run:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            started = time.perf_counter()
            call(folder, "--cores", str(args.cores), *args.run, *overlays)
            print(f"a run of {', '.join(args.run):<29} {time.perf_counter() - started:.1f} s from its start to its end")
            print_replay(folder, args.run, args.configfile, args.cores)
            print(f"the same run again                     {plan_again(folder, *args.run, *overlays)}")
    if args.finished:
        print_replay(args.finished, args.targets, args.configfile, args.cores)
        print(f"finished results once more             {plan_again(args.finished, *args.targets, *overlays)}")


if __name__ == "__main__":
    main()
