"""One entry to the jobs of all tasks."""

import subprocess
import sys

import numpy as np
import pytest
from unit.finetune.tiny import ARCHITECTURE, tiny_settings

from mimic_core.finetune import SETTINGS, TASKS, finetune, job_settings
from mimic_core.kit.errors import MimicError
from mimic_core.kit.settings import schema_of
from mimic_core.models import build_encoder, save_encoder


@pytest.mark.parametrize("task", TASKS.values(), ids=TASKS)
def test_every_task_says_what_a_job_and_a_table_need(task):
    from mimic_core.finetune.job import Job

    assert issubclass(task.job(), Job)
    assert type(tiny_settings(task.name)) is SETTINGS[task.name] is task.settings
    assert task.metrics and task.minutes > 0 and task.tables and task.sample_images
    assert set(task.modes) <= {"frozen", "whole"} and bool(task.packages) == task.openmmlab
    assert all(told.get("description") for told in schema_of(task.settings)["properties"].values())


def test_a_task_is_run_by_its_name(make_settings, nyuv2, tmp_path):
    assert finetune(make_settings(epochs=1, warmup_epochs=0), "random", tmp_path, data=nyuv2)["task"] == "depth"
    assert (tmp_path / "receipt.json").is_file()


@pytest.mark.parametrize(("patch", "size"), [(8, 112), (14, 112), (14, 96)])
@pytest.mark.parametrize("task", TASKS)
def test_encoders_of_another_patch_size_work_or_are_refused(request, tmp_path, task, patch, size):
    weights = tmp_path / "encoder.safetensors"
    save_encoder(weights, build_encoder({**ARCHITECTURE, "patch_size": patch, "image_size": 2 * patch}, 7), {})
    schedule = {"epochs": 1} if task == "pose" else {"epochs": 1, "warmup_epochs": 0}
    settings = tiny_settings(task, image_size=size, architecture={}, **schedule)
    if size == 112:
        if TASKS[task].openmmlab:
            request.getfixturevalue("quick_openmmlab")
        data = request.getfixturevalue(TASKS[task].layout)
        found = finetune(settings, weights, tmp_path / "out", data=data)
        assert all(np.isfinite(value) for value in found["mean"].values()) and np.isfinite(found["curve"][-1][1])
        return
    with pytest.raises(MimicError, match=r"inputs of 96x96 pixels cannot be cut .* patches of 14") as caught:
        finetune(settings, weights, tmp_path / "out", data=tmp_path / "nowhere")  # before any data is looked for
    assert caught.value.where == f"finetune.image_size, for {weights}"
    assert caught.value.remedy == "choose multiples of 14, such as 98x98"


def test_settings_of_another_task_are_refused(make_settings, nyuv2, tmp_path):
    with pytest.raises(MimicError, match="these are not the settings of pose, but DenseSettings"):
        finetune(type(make_settings())(task="pose", mode="frozen", encoder="random"), "random", tmp_path, data=nyuv2)
    for task, kind in SETTINGS.items():
        other = "pose" if task != "pose" else "segmentation"
        if not TASKS[task].constant:
            with pytest.raises(MimicError, match=f"task is '{other}'") as caught:
                kind(task=other, mode="frozen", encoder="random")
            assert (caught.value.where, caught.value.remedy) == ("finetune.task", f"give '{task}'")


def test_an_unknown_task_is_named():
    with pytest.raises(MimicError, match="there is no task 'segmentaton'") as caught:
        job_settings({"task": "segmentaton"})
    assert "segmentation" in caught.value.remedy


def imported(code: str, *names: str) -> str:
    """Which of some packages a piece of code imports."""
    code += f"; import sys; print(*(name for name in {names} if name in sys.modules))"
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()


def test_the_registry_is_read_without_the_scientific_stack():
    assert imported("from mimic_core.finetune import TASKS", "torch", "numpy", "cv2", "PIL", "pandas", "mmengine") == ""
