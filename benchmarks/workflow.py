"""Measure the workflow at sample scale: planning, time, memory, and a second run that must do nothing.

    python benchmarks/workflow.py [--cores 2] [--target results/table1.csv]

Runs in a temporary folder. Memory is the largest sum of the proportional set sizes of all processes, sampled twice per
second (Linux).
"""

import argparse
import platform
import subprocess
import sys
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

ROOT = Path(__file__).resolve().parents[1]
INTERVAL = 0.5  # seconds between two samples of the memory


def processes_below(root: int) -> list[int]:
    """Return a process and all its descendants."""
    children: dict[int, list[int]] = defaultdict(list)
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(status.read_text().rpartition(")")[2].split()[1])
        except OSError:  # it has ended
            continue
        children[parent].append(int(status.parent.name))
    found = [root]
    for process in found:
        found += children[process]
    return found


def memory_kib(process: int) -> int:
    """Return the proportional set size of a process in KiB, or 0 if it has ended."""
    try:
        lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("Pss:")), 0)


class Memory(threading.Thread):
    """Watch the memory of a process and its descendants until it ends; ``peak`` is in GiB."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        super().__init__(daemon=True)
        self.process, self.peak = process, 0.0

    def run(self) -> None:
        """Sample the memory until the process ends."""
        while self.process.poll() is None:
            total = sum(memory_kib(process) for process in processes_below(self.process.pid))
            self.peak = max(self.peak, total / 2**20)
            time.sleep(INTERVAL)


def snakemake(folder: Path, *arguments: str) -> tuple[float, float, str]:
    """Run Snakemake; return its seconds, peak GiB and output. If it fails, exit with its last lines."""
    command = [sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile"), "--directory", str(folder)]
    log = folder / "snakemake.txt"
    started = time.perf_counter()
    with log.open("w") as output:
        process = subprocess.Popen([*command, *arguments], stdout=output, stderr=subprocess.STDOUT, cwd=ROOT)
        memory = Memory(process)
        memory.start()
        memory.join()
    seconds, text = time.perf_counter() - started, log.read_text()
    if process.returncode:
        raise SystemExit("\n".join(text.splitlines()[-30:]))
    return seconds, memory.peak, text


def slowest_rules(folder: Path, most: int = 6) -> list[tuple[str, str]]:
    """Return the number of jobs and the seconds of the slowest stages, from Snakemake's benchmark files."""
    seconds: dict[str, list[float]] = defaultdict(list)
    for path in (folder / "results" / "benchmarks").rglob("*.tsv"):
        seconds[path.parent.name].append(float(pd.read_csv(path, sep="\t")["s"].iloc[-1]))
    ranked = sorted(seconds.items(), key=lambda item: -sum(item[1]))[:most]
    return [(f"  jobs of {stage}", f"{len(times)} jobs, {sum(times):.0f} s in total") for stage, times in ranked]


def main(argv: Sequence[str] | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cores", type=int, default=2)
    parser.add_argument("--target", default="results/table1.csv")
    args = parser.parse_args(argv)
    run = ["--cores", str(args.cores), args.target]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        plan, _, _ = snakemake(folder, "--dry-run", *run)
        seconds, peak, _ = snakemake(folder, *run)
        again, _, text = snakemake(folder, *run)
        print(f"{platform.processor() or platform.machine()}, {args.cores} cores, {args.target}\n")
        rows = [
            ("planning (snakemake -n)", f"{plan:.1f} s"),
            ("the run", f"{int(seconds // 60)} min {seconds % 60:.0f} s, {peak:.2f} GiB at most"),
            *slowest_rules(folder),
            ("a second run", f"{again:.1f} s: {'nothing' if 'Nothing to be done' in text else 'SOMETHING'} to be done"),
        ]
    for what, found in rows:
        print(f"{what:<26}{found}")


if __name__ == "__main__":
    main()
