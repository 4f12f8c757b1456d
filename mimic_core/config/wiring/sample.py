"""The sample world: what it writes under a config, and what each of its jobs reads."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mimic_core.config.wiring.datasets import used_sources
from mimic_core.config.wiring.params import as_json
from mimic_core.config.wiring.tasks import TASKS
from mimic_core.kit.errors import MimicError
from mimic_core.sampledata import DOWNSTREAM, RAW, flat_names, part

Config = Mapping[str, Any]
SCENES = "hm3d"  # the source whose scenes are a job each


def settings(config: Config, *keys: str) -> str:
    """The settings that one job reads (``flats.train``: one key of a block), so that others do not rerun it."""
    return as_json(part(config["sample"], *keys), seed=config["seed"])


def source_settings(config: Config, source: str) -> str:
    """The settings that a source is made from."""
    return settings(config, *RAW[source].reads)


def task_settings(config: Config, task: str) -> str:
    """The settings that a downstream dataset is made from."""
    return settings(config, "flats.train", "flats.test", *DOWNSTREAM[TASKS[task].layout].reads)


def task_names() -> list[str]:
    """Tasks whose dataset the sample world can write."""
    return [name for name, task in TASKS.items() if task.layout in DOWNSTREAM]


def source_folder(config: Config, source: str) -> str:
    """Where a source is written: its root, or a folder of the sample world's where the config has no such source."""
    return str(config["sources"].get(source, {}).get("root", f"results/sample/{source}"))


def task_folder(config: Config, task: str) -> str:
    """Where a downstream dataset is written: the task's root, or its usual folder where the config has no such task."""
    return str(config["finetune"]["tasks"].get(task, {}).get("root", DOWNSTREAM[TASKS[task].layout].folder))


def source_files(config: Config, source: str) -> list[str]:
    """What must be there before a source's frames can be read: receipts, and of HM3D each scene as well.

    Raises:
        MimicError: the sample world does not write this source.
    """
    root, adapter = config["sources"][source]["root"], config["sources"][source]["adapter"]
    if adapter == SCENES:
        flats = flat_names(config["sample"])[SCENES]
        scenes = {f"{int(flat.removeprefix('flat')):05d}-{flat}": flat for flat in flats}
        receipts = [f"results/sample/receipts/{name}.json" for name in scenes]
        return [*(f"{root}/{name}/{flat}.glb" for name, flat in scenes.items()), *receipts]
    if source not in RAW:
        raise MimicError(
            f"the sample world writes no {source!r}",
            where=f"config key sources.{source}.origin",
            remedy=f"say where the source lies on disk (origin: disk); known here: {', '.join([SCENES, *RAW])}",
        )
    return [f"results/sample/receipts/source-{source}.json"]


def task_files(task: str) -> list[str]:
    """Receipt of a downstream dataset."""
    return [f"results/sample/receipts/{task}.json"]


def every_file(config: Config) -> list[str]:
    """All that the sample world writes under a config."""
    sources = [source for source in used_sources(config) if config["sources"][source]["origin"] == "sample"]
    asked = config["finetune"]["tasks"]
    tasks = [task for task in task_names() if task in asked and asked[task]["origin"] == "sample"]
    if config["scale"] == "sample":  # the sets of tasks that are not in the config too
        for layout in DOWNSTREAM:
            own = [task for task in task_names() if TASKS[task].layout == layout]
            tasks += own[:1] if not set(own) & set(asked) else []
    return [file for source in sources for file in source_files(config, source)] + [
        file for task in tasks for file in task_files(task)
    ]
