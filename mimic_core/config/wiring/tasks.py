"""What the jobs of each fine-tuning task need."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class TaskJobs:
    """The jobs of a task.

    Attributes:
        minutes: half as long again as training the whole encoder at the paper's scale on one GPU, by ``mimic plan``.
        openmmlab: MMSegmentation or MMPose trains it, in an environment of its own.
        constant: the best constant prediction is measured as the floor of the tables.
    """

    minutes: int
    openmmlab: bool = False
    constant: bool = False


TASKS = {
    "depth": TaskJobs(2400, constant=True),
    "normals": TaskJobs(1440, constant=True),
    "segmentation": TaskJobs(3600, openmmlab=True),
    "pose": TaskJobs(8640, openmmlab=True),
    "classification": TaskJobs(10080),
}


def task_names(*, openmmlab: bool | None = None) -> list[str]:
    """Names of all tasks; of those that OpenMMLab trains, or does not, where that is asked."""
    return [name for name, task in TASKS.items() if openmmlab in (None, task.openmmlab)]
