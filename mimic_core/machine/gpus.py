"""GPUs for jobs that run beside each other on one machine: each takes free ones, and gives them back when it ends.

Snakemake counts GPUs on a local machine but hands out none. A job that is started through this module waits for as
many free ones as it asks for and sees these alone (``CUDA_VISIBLE_DEVICES``). A GPU is taken by a lock on a file, which
the job's process holds open: the system frees it with the process, however that ends.

Under SLURM, which hands out GPUs itself, the command is started as it is. A job that asks for none sees none.

Run: python -m mimic_core.machine.gpus --gpus 1 -- python train.py
"""

from __future__ import annotations

import argparse
import fcntl
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from mimic_core.kit import program
from mimic_core.kit.errors import MimicError

VISIBLE = "CUDA_VISIBLE_DEVICES"
AUTO = "auto"  # as many as the machine has
WAITING = 1.0  # seconds between two looks for free GPUs, on average
TOLD_EVERY = 30.0  # seconds between two lines that say what is waited for


def machine_gpus() -> list[str]:
    """Ids of this machine's GPUs: those that ``CUDA_VISIBLE_DEVICES`` leaves, else all that the driver lists."""
    visible = os.environ.get(VISIBLE)
    if visible is not None:
        return [name for name in (part.strip() for part in visible.split(",")) if name]
    tool = shutil.which("nvidia-smi")
    if tool is None:
        return []
    query = [tool, "--query-gpu=index", "--format=csv,noheader"]
    listed = subprocess.run(query, capture_output=True, text=True, check=False)
    return listed.stdout.split() if listed.returncode == 0 else []


def gpus_to_use(most: str | int) -> list[str]:
    """Ids of the GPUs that jobs may take here.

    Args:
        most: the config key ``gpus``: so many of the machine's, the first ones; ``auto``: all of them.
    """
    if str(most) == AUTO:
        return machine_gpus()
    return machine_gpus()[: int(most)] if int(most) else []


@cache
def trains_on_gpus(most: str | int) -> bool:
    """Whether training jobs ask for GPUs, by the config key ``gpus``: nodes of a cluster may have what this lacks."""
    return bool(machine_gpus()) if most == AUTO else int(most) > 0


def lock_folder() -> Path:
    """Folder of the locks, one for all workflows of a user on this machine, on its own disk: locks are local."""
    return Path(tempfile.gettempdir()) / f"mimic-gpus-{os.getuid()}"


def take(gpu: str, folder: Path) -> int | None:
    """Lock a GPU's file; the open file that holds the lock, or None where another process holds it."""
    file = os.open(folder / f"{gpu.replace('/', '_')}.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(file)
        return None
    os.ftruncate(file, 0)
    os.write(file, f"{os.getpid()}\n".encode())
    os.set_inheritable(file, True)  # the program that replaces this process keeps the lock
    return file


def try_to_take(count: int, gpus: Sequence[str], folder: Path) -> dict[str, int]:
    """``count`` free GPUs and the open files that hold them, or none at all: two jobs never wait for each other."""
    taken: dict[str, int] = {}
    for gpu in gpus:
        file = take(gpu, folder)
        if file is not None:
            taken[gpu] = file
        if len(taken) == count:
            return taken
    for file in taken.values():
        os.close(file)
    return {}


def holders(gpus: Sequence[str], folder: Path) -> str:
    """Processes that have locked GPUs, for a message."""
    written = {gpu: folder / f"{gpu.replace('/', '_')}.lock" for gpu in gpus}
    return ", ".join(f"{gpu} by process {path.read_text().strip()}" for gpu, path in written.items() if path.is_file())


def lease(count: int, folder: Path | None = None, most: str | int = AUTO) -> list[str]:
    """Wait for ``count`` free GPUs and take them for the rest of this process's life.

    Args:
        count: how many.
        folder: of the locks.
        most: see :func:`gpus_to_use`.

    Returns:
        Their ids, as ``CUDA_VISIBLE_DEVICES`` takes them.

    Raises:
        MimicError: this machine has fewer.
    """
    gpus = gpus_to_use(most)
    if count > len(gpus):
        raise MimicError(
            f"{count} GPUs are asked for, and jobs on this machine may take {len(gpus)}",
            where=VISIBLE if VISIBLE in os.environ else "nvidia-smi",
            remedy="lower pretrain.processes, or run where there are as many; the config key gpus says how many to use",
        )
    folder = folder or lock_folder()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    told = 0.0
    while not (taken := try_to_take(count, gpus, folder)):
        if time.monotonic() - told > TOLD_EVERY:
            print(f"waiting for {count} of {len(gpus)} GPUs ({holders(gpus, folder)})", file=sys.stderr, flush=True)
            told = time.monotonic()
        time.sleep(WAITING * random.uniform(0.5, 1.5))  # noqa: S311 - those who wait should not look in step
    return list(taken)


def main(argv: Sequence[str] | None = None) -> None:
    """Take the GPUs and become the command."""
    parser = argparse.ArgumentParser(description="Run a command on free GPUs of this machine.")
    parser.add_argument("--gpus", type=int, required=True, help="how many it needs")
    parser.add_argument("--of", default=AUTO, help="the first so many of the machine's; auto: all (default: auto)")
    parser.add_argument("command", nargs=argparse.REMAINDER, help="behind --")
    args = parser.parse_args(argv)
    words = args.command[1:] if args.command[:1] == ["--"] else args.command
    if not words:
        parser.error("no command is given")
    if args.gpus == 0:
        os.environ[VISIBLE] = ""  # a job that asked for none computes on the processor
    elif "SLURM_JOB_ID" not in os.environ:
        os.environ[VISIBLE] = ",".join(lease(args.gpus, most=args.of))
    program.become(words)


if __name__ == "__main__":
    program.run(main)
