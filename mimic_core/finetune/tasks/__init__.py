"""The tasks, one file each; reading them takes neither torch nor numpy."""

from mimic_core.finetune.tasks.base import DenseTask, Figure, OpenMMLabTask, Task
from mimic_core.finetune.tasks.registry import SETTINGS, TASKS, get_dense_task, get_task, job_settings, tasks_of

__all__ = [
    "SETTINGS",
    "TASKS",
    "DenseTask",
    "Figure",
    "OpenMMLabTask",
    "Task",
    "get_dense_task",
    "get_task",
    "job_settings",
    "tasks_of",
]
