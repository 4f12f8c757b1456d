"""The registry of tasks, in the paper's order."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mimic_core.finetune.settings import JobSettings
from mimic_core.finetune.tasks.base import DenseTask, Task
from mimic_core.finetune.tasks.classification import Classification
from mimic_core.finetune.tasks.depth import Depth
from mimic_core.finetune.tasks.normals import Normals
from mimic_core.finetune.tasks.pose import Pose
from mimic_core.finetune.tasks.segmentation import Segmentation
from mimic_core.kit.errors import MimicError
from mimic_core.kit.suggestions import did_you_mean

ALL_TASKS: tuple[Task, ...] = (
    Depth(),
    Segmentation(),
    Normals(),
    Pose(),
    Classification(),
)
TASKS: Mapping[str, Task] = {task.name: task for task in ALL_TASKS}
SETTINGS: Mapping[str, type[JobSettings]] = {task.name: task.settings for task in ALL_TASKS}


def get_task(name: str) -> Task:
    """Return the task of a name.

    Raises:
        MimicError: there is no such task.
    """
    if name not in TASKS:
        remedy = did_you_mean(name, TASKS, "choose one of")
        raise MimicError(f"there is no task {name!r}", where="finetune.task", remedy=remedy)
    return TASKS[name]


def get_dense_task(name: str) -> DenseTask:
    """Return the dense task of a name.

    Raises:
        MimicError: there is no such task, or it is not dense.
    """
    task = get_task(name)
    if not isinstance(task, DenseTask):
        known = ", ".join(one.name for one in ALL_TASKS if isinstance(one, DenseTask))
        raise MimicError(f"{name!r} is not a dense task", where="finetune.task", remedy=f"choose one of: {known}")
    return task


def job_settings(block: Mapping[str, Any]) -> JobSettings:
    """Read the settings of a job from a config block whose ``task`` names the task.

    Raises:
        MimicError: there is no such task, a key is unknown or missing, or a value is out of range.
    """
    return get_task(str(block.get("task"))).settings.from_dict(block)


def tasks_of(table: int) -> list[Task]:
    """Return the tasks in one of the paper's tables."""
    return [task for task in ALL_TASKS if table in task.tables]
