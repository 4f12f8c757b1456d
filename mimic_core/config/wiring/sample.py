"""The sample world: the files that it writes for a config, and the settings of its jobs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mimic_core.config.wiring.datasets import used_sources
from mimic_core.config.wiring.params import as_json
from mimic_core.config.wiring.tasks import TASKS
from mimic_core.kit.errors import MimicError
from mimic_core.sampledata import DOWNSTREAM, RAW, flat_names, part

Config = Mapping[str, Any]
SCENES = "hm3d"  # the source with one job per scene


def settings(config: Config, *keys: str) -> str:
    """Return only the settings that a job reads (such as ``flats.train``), so that edits of others do not rerun it."""
    return as_json(part(config["sample"], *keys), seed=config["seed"])


def source_settings(config: Config, source: str) -> str:
    """Return the settings that a source is generated from."""
    return settings(config, *RAW[source].reads)


def task_settings(config: Config, task: str) -> str:
    """Return the settings that a downstream dataset is generated from."""
    return settings(config, "flats.train", "flats.test", *DOWNSTREAM[TASKS[task].layout].reads)


def task_names() -> list[str]:
    """Return the tasks whose dataset the sample world can write."""
    return [name for name, task in TASKS.items() if task.layout in DOWNSTREAM]


def source_folder(config: Config, source: str) -> str:
    """Return the folder that a source is written to: its root, or a default if the config does not have the source."""
    return str(config["sources"].get(source, {}).get("root", f"results/sample/{source}"))


def task_folder(config: Config, task: str) -> str:
    """Return the folder of a downstream dataset: the task's root, or a default if the config does not have the task."""
    return str(config["finetune"]["tasks"].get(task, {}).get("root", DOWNSTREAM[TASKS[task].layout].folder))


def source_files(config: Config, source: str) -> list[str]:
    """Return the files needed before a source's frames can be read: receipts, and for HM3D also each scene.

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
            f"the sample world has no source {source!r}",
            where=f"config key sources.{source}.origin",
            remedy=f"use origin: disk and give its root, or choose one of: {', '.join([SCENES, *RAW])}",
        )
    return [f"results/sample/receipts/source-{source}.json"]


def task_files(task: str) -> list[str]:
    """Return the receipt of a downstream dataset."""
    return [f"results/sample/receipts/{task}.json"]


def every_file(config: Config) -> list[str]:
    """Return all files that the sample world writes for a config."""
    sources = [source for source in used_sources(config) if config["sources"][source]["origin"] == "sample"]
    asked = config["finetune"]["tasks"]
    tasks = [task for task in task_names() if task in asked and asked[task]["origin"] == "sample"]
    if config["scale"] == "sample":  # also the datasets of tasks that are not in the config
        for layout in DOWNSTREAM:
            own = [task for task in task_names() if TASKS[task].layout == layout]
            tasks += own[:1] if not set(own) & set(asked) else []
    return [file for source in sources for file in source_files(config, source)] + [
        file for task in tasks for file in task_files(task)
    ]
