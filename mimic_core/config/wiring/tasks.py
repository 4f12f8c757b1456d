"""The fine-tuning tasks for the rules, from the registry."""

from __future__ import annotations

from mimic_core.finetune import TASKS as TASKS


def task_names(*, openmmlab: bool | None = None) -> list[str]:
    """Return the names of all tasks, or only of those that OpenMMLab trains (True) or does not train (False)."""
    return [name for name, task in TASKS.items() if openmmlab in (None, task.openmmlab)]
