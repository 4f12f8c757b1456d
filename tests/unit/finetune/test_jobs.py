"""One entry to the jobs of all tasks."""

import subprocess
import sys
from importlib import import_module

import pytest

from mimic_core.finetune.jobs import KINDS, run_job
from mimic_core.kit.errors import MimicError


def test_every_task_has_settings_and_a_job() -> None:
    for kind in set(KINDS.values()):
        module = import_module(kind.module)
        assert callable(getattr(module, kind.run)) and callable(getattr(module, kind.settings).from_dict)


def test_a_task_is_run_by_its_name(make_settings, nyuv2, tmp_path):
    block = {"task": "depth", "mode": "frozen", "encoder": "random", "image_size": 32, "epochs": 1, "warmup_epochs": 0}
    block |= {"architecture": {"image_size": 32, "width": 16, "depth": 4, "heads": 2}, "batch_size": 4}
    block |= {"head": {"feature": 8, "layer_dims": [8, 8, 8, 8]}}
    assert run_job(block, "random", tmp_path, data=nyuv2)["task"] == "depth"
    assert (tmp_path / "receipt.json").is_file()


def test_an_unknown_task_is_named(tmp_path):
    with pytest.raises(MimicError, match="there is no task 'segmentaton'") as caught:
        run_job({"task": "segmentaton"}, "random", tmp_path)
    assert "segmentation" in caught.value.remedy


def test_dense_tasks_need_no_openmmlab() -> None:
    code = "import sys, mimic_core.finetune.jobs, mimic_core.finetune.probe, mimic_core.finetune.run; "
    code += "print([name for name in ('mmengine', 'mmcv', 'mmseg', 'mmpose') if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
