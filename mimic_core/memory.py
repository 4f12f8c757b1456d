"""How the process treats the memory it frees."""

from __future__ import annotations

import ctypes

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
