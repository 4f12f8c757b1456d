"""Share the GPUs of one machine between jobs: each takes free ones, and releases them when it ends.

Snakemake counts GPUs on a local machine but does not assign them. A job started through this module waits until the
GPUs it needs are free, and sees only these (``CUDA_VISIBLE_DEVICES``). A GPU is taken by locking a file that the job's
process holds open, so that the system releases it however the process ends.

Under SLURM, which assigns GPUs itself, the command is started unchanged. A job that needs no GPU sees none.

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
AUTO = "auto"  # all GPUs of the machine
POLL_INTERVAL = 1.0  # seconds between checks for free GPUs, on average
REPORT_INTERVAL = 30.0  # seconds between messages while waiting


def machine_gpus() -> list[str]:
    """Return the IDs of this machine's GPUs: those in ``CUDA_VISIBLE_DEVICES``, else all that ``nvidia-smi`` lists."""
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
    """Return the IDs of the GPUs that jobs may take on this machine.

    Args:
        most: the config key ``gpus``: how many, counted from the first; ``auto``: all.
    """
    if str(most) == AUTO:
        return machine_gpus()
    return machine_gpus()[: int(most)] if int(most) else []


@cache
def trains_on_gpus(most: str | int) -> bool:
    """Return whether training jobs request GPUs: as the config key ``gpus`` says, or if this machine has any (auto).

    A number counts even on a machine without GPUs, since the nodes of a cluster may have them.
    """
    return bool(machine_gpus()) if most == AUTO else int(most) > 0


def lock_folder() -> Path:
    """Return the folder of the locks: on a local disk, and shared by all workflows of this user on this machine."""
    return Path(tempfile.gettempdir()) / f"mimic-gpus-{os.getuid()}"


def take(gpu: str, folder: Path) -> int | None:
    """Lock a GPU's file; return the descriptor that holds the lock, or None if another process holds it."""
    file = os.open(folder / f"{gpu.replace('/', '_')}.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(file)
        return None
    os.ftruncate(file, 0)
    os.write(file, f"{os.getpid()}\n".encode())
    os.set_inheritable(file, True)  # keeps the lock across exec
    return file


def try_to_take(count: int, gpus: Sequence[str], folder: Path) -> dict[str, int]:
    """Take ``count`` free GPUs, or none at all, so that two jobs never wait for each other.

    Returns:
        GPU -> descriptor that holds its lock; empty if too few are free.
    """
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
    """List the processes that hold GPUs, for a message."""
    written = {gpu: folder / f"{gpu.replace('/', '_')}.lock" for gpu in gpus}
    return ", ".join(f"{gpu} by process {path.read_text().strip()}" for gpu, path in written.items() if path.is_file())


def lease(count: int, folder: Path | None = None, most: str | int = AUTO) -> list[str]:
    """Wait for ``count`` free GPUs and take them until this process ends.

    Args:
        count: how many.
        folder: of the locks.
        most: see :func:`gpus_to_use`.

    Returns:
        Their IDs, for ``CUDA_VISIBLE_DEVICES``.

    Raises:
        MimicError: jobs may take fewer on this machine.
    """
    gpus = gpus_to_use(most)
    if count > len(gpus):
        raise MimicError(
            f"{count} GPUs requested, but jobs on this machine may take only {len(gpus)}",
            where=VISIBLE if VISIBLE in os.environ else "nvidia-smi",
            remedy="lower pretrain.processes, raise the config key gpus, or run on a machine with more GPUs",
        )
    folder = folder or lock_folder()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    reported = 0.0
    while not (taken := try_to_take(count, gpus, folder)):
        if time.monotonic() - reported > REPORT_INTERVAL:
            print(f"waiting for {count} of {len(gpus)} GPUs ({holders(gpus, folder)})", file=sys.stderr, flush=True)
            reported = time.monotonic()
        time.sleep(POLL_INTERVAL * random.uniform(0.5, 1.5))  # noqa: S311 - so that waiting jobs do not poll in step
    return list(taken)


def main(argv: Sequence[str] | None = None) -> None:
    """Take the GPUs, then replace this process with the command."""
    parser = argparse.ArgumentParser(description="Run a command on free GPUs of this machine.")
    parser.add_argument("--gpus", type=int, required=True, help="number of GPUs that the command needs")
    parser.add_argument("--of", default=AUTO, help="how many of the machine's GPUs may be used (default: auto, all)")
    parser.add_argument("command", nargs=argparse.REMAINDER, help="after --")
    args = parser.parse_args(argv)
    words = args.command[1:] if args.command[:1] == ["--"] else args.command
    if not words:
        parser.error("no command given")
    if args.gpus == 0:
        os.environ[VISIBLE] = ""  # hide the GPUs, so that the job computes on the CPU
    elif "SLURM_JOB_ID" not in os.environ:
        os.environ[VISIBLE] = ",".join(lease(args.gpus, most=args.of))
    program.exec_command(words)


if __name__ == "__main__":
    program.run(main)
