"""The tasks, one file each; importing them needs neither torch nor numpy."""

from mimic_core.finetune.tasks.base import DenseTask, Metric, OpenMMLabTask, Task
from mimic_core.finetune.tasks.registry import SETTINGS, TASKS, get_dense_task, get_task, job_settings, tasks_of

__all__ = [
    "SETTINGS",
    "TASKS",
    "DenseTask",
    "Metric",
    "OpenMMLabTask",
    "Task",
    "get_dense_task",
    "get_task",
    "job_settings",
    "tasks_of",
]
