"""Run one fine-tuning job of any task, from the dataset's folder to the results."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mimic_core.finetune.results import write_results
from mimic_core.finetune.settings import JobSettings
from mimic_core.finetune.tasks import get_task
from mimic_core.kit.errors import MimicError
from mimic_core.machine.devices import cpu_threads


def finetune(
    settings: JobSettings, weights: str | Path, out: str | Path, *, data: str | Path | None = None, seed: int = 0
) -> dict[str, Any]:
    """Fine-tune one encoder on one task, with every seed, and evaluate it.

    Writes ``metrics.json``, ``predictions.png``, ``config.py`` (the first seed's, if OpenMMLab trains) and, last,
    ``receipt.json``.

    Args:
        settings: settings of the job; ``settings.task`` names the task.
        weights: ``random`` or the path of a checkpoint.
        out: folder of the results.
        data: folder of the dataset; None: ``settings.root``.
        seed: the config's seed.

    Returns:
        The content of ``metrics.json`` (see :func:`mimic_core.finetune.results.summary_of`).

    Raises:
        MimicError: data, weights or a package are missing or invalid, or a setting does not fit.
    """
    out, task = Path(out), get_task(settings.task)
    if not isinstance(settings, task.settings):
        what = f"these are not the settings of {task.name}, but {type(settings).__name__}"
        raise MimicError(what, where="finetune", remedy=f"give {task.settings.__name__}")
    task.prepare()
    with cpu_threads(settings.threads):
        job = task.job()(task, settings, weights, data, seed)
        receipt = job.receipt()
        summary = job.summary(job.results())
        job.write(out)
    return write_results(out, summary, receipt, job.outputs)
