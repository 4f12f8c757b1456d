"""How the process treats the memory it frees, and how much it has had."""

from __future__ import annotations

import ctypes
import resource
from pathlib import Path

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # parameters of glibc's mallopt
LARGEST_INT = 2**31 - 1


def keep_freed_memory() -> bool:
    """Ask the C library to keep freed memory for the next array instead of giving it back to the system.

    Mining and training free and take the same megabytes again and again. Given back, each page is fetched and zeroed
    anew: that took a fifth to a third of a training step at sample scale, and two thirds of the vote that follows a
    homography. Peak memory stays what it was.

    Returns:
        Whether it does; False with a C library other than glibc.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return False
    return all(mallopt(name, LARGEST_INT) == 1 for name in (M_MMAP_THRESHOLD, M_TRIM_THRESHOLD))


def peak_resident() -> float:
    """Highest resident memory of this process so far, MiB."""
    try:
        status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
        return int(status["VmHWM"].split()[0]) / 1024  # ru_maxrss would count the parent that it was forked from
    except (OSError, KeyError, ValueError):
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
