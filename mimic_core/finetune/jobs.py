"""One entry to the jobs of all tasks: each has settings of its own, and leaves the same files."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

from mimic_core.kit.errors import MimicError
from mimic_core.kit.suggestions import did_you_mean


class Kind(NamedTuple):
    """Where a task's job is: its module, which is imported when it is asked for, and its two names in there."""

    module: str
    settings: str
    run: str


DENSE = Kind("mimic_core.finetune.run", "FinetuneSettings", "finetune")
KINDS = {
    "depth": DENSE,
    "normals": DENSE,
    "segmentation": Kind("mimic_core.finetune.openmmlab.segmentation", "SegmentationSettings", "run"),
    "pose": Kind("mimic_core.finetune.openmmlab.pose", "PoseSettings", "run"),
    "classification": Kind("mimic_core.finetune.probe", "ProbeSettings", "run"),
}


def run_job(
    block: Mapping[str, Any], weights: str | Path, out: str | Path, *, data: str | Path | None = None, seed: int = 0
) -> dict[str, Any]:
    """Fine-tune one encoder on one task, over all its seeds; writes ``metrics.json``, pictures and the receipt.

    Args:
        block: settings, as in the config; ``task`` says whose.
        weights: ``random`` or the path of a checkpoint.
        out: the folder of the results.
        data: the dataset's folder; None: ``root`` of the settings.
        seed: the config's seed.

    Returns:
        The content of ``metrics.json``.

    Raises:
        MimicError: there is no such task, or what the task's own job raises.
    """
    task = str(block.get("task"))
    if task not in KINDS:
        remedy = did_you_mean(task, KINDS, "choose one of")
        raise MimicError(f"there is no task {task!r}", where="finetune.task", remedy=remedy)
    kind = KINDS[task]
    module = import_module(kind.module)
    job: Callable[..., dict[str, Any]] = getattr(module, kind.run)
    return job(getattr(module, kind.settings).from_dict(block), weights, out, data=data, seed=seed)
