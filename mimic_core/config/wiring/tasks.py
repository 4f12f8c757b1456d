"""The fine-tuning tasks that the rules know: those of the registry."""

from __future__ import annotations

from mimic_core.finetune import TASKS as TASKS


def task_names(*, openmmlab: bool | None = None) -> list[str]:
    """Names of all tasks; of those that OpenMMLab trains, or does not, where that is asked."""
    return [name for name, task in TASKS.items() if openmmlab in (None, task.openmmlab)]
