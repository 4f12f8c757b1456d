"""The registry of dense tasks."""

from __future__ import annotations

import difflib

from mimic_core.finetune.depth import DEPTH
from mimic_core.finetune.normals import NORMALS
from mimic_core.finetune.task import Task
from mimic_core.kit.errors import MimicError

TASKS = {task.name: task for task in (DEPTH, NORMALS)}


def get_task(name: str) -> Task:
    """The task of a name.

    Raises:
        MimicError: there is no such task.
    """
    if name not in TASKS:
        near = difflib.get_close_matches(name, TASKS, n=1)
        remedy = f"did you mean {near[0]!r}?" if near else f"choose one of: {', '.join(TASKS)}"
        raise MimicError(f"there is no task {name!r}", where="finetune.task", remedy=remedy)
    return TASKS[name]
