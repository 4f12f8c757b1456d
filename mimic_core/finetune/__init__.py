"""Fine-tuning of all tasks on a pretrained encoder, frozen or trained too, and the constant baseline."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mimic_core.kit.doors import lazy_door

if TYPE_CHECKING:
    from mimic_core.finetune.constant import ConstantSettings, constant_baseline
    from mimic_core.finetune.run import finetune
    from mimic_core.finetune.settings import RANDOM, DenseSettings, HeadSettings, JobSettings
    from mimic_core.finetune.tasks import SETTINGS, TASKS, Task, get_dense_task, get_task, job_settings, tasks_of
    from mimic_core.finetune.test_hashes import write_hashes

__all__ = [
    "RANDOM",
    "SETTINGS",
    "TASKS",
    "ConstantSettings",
    "DenseSettings",
    "HeadSettings",
    "JobSettings",
    "Task",
    "constant_baseline",
    "finetune",
    "get_dense_task",
    "get_task",
    "job_settings",
    "tasks_of",
    "write_hashes",
]

MODULES = {  # imported when first used, so that the registry of tasks can be read without torch and numpy
    "RANDOM": "settings",
    "SETTINGS": "tasks",
    "TASKS": "tasks",
    "ConstantSettings": "constant",
    "DenseSettings": "settings",
    "HeadSettings": "settings",
    "JobSettings": "settings",
    "Task": "tasks",
    "constant_baseline": "constant",
    "finetune": "run",
    "get_dense_task": "tasks",
    "get_task": "tasks",
    "job_settings": "tasks",
    "tasks_of": "tasks",
    "write_hashes": "test_hashes",
}

__getattr__ = lazy_door(__name__, MODULES)
