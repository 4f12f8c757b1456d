"""The machine a job runs on: GPUs, processor, memory, and the locks that keep two jobs apart.

Import :mod:`devices`, which loads torch, and the programs :mod:`gpus` and :mod:`launch` by their names.
"""

from mimic_core.machine.folder_lock import FolderLock
from mimic_core.machine.memory import keep_freed_memory, peak_resident
from mimic_core.machine.run_lock import NAME as RUN_LOCK
from mimic_core.machine.run_lock import Holder, RunLock, find_holder

__all__ = [
    "RUN_LOCK",
    "FolderLock",
    "Holder",
    "RunLock",
    "find_holder",
    "keep_freed_memory",
    "peak_resident",
]
