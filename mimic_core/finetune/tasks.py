"""The registry of dense tasks."""

from __future__ import annotations

from mimic_core.finetune.depth import DEPTH
from mimic_core.finetune.normals import NORMALS
from mimic_core.finetune.task import Task
from mimic_core.kit.errors import MimicError
from mimic_core.kit.suggestions import did_you_mean

TASKS = {task.name: task for task in (DEPTH, NORMALS)}


def get_task(name: str) -> Task:
    """The task of a name.

    Raises:
        MimicError: there is no such task.
    """
    if name not in TASKS:
        remedy = did_you_mean(name, TASKS, "choose one of")
        raise MimicError(f"there is no task {name!r}", where="finetune.task", remedy=remedy)
    return TASKS[name]
