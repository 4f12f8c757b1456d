"""OpenMMLab is checked before it is imported, and imported only where it is needed."""

import re
import subprocess
import sys

import pytest
from support import REPOSITORY

from mimic_core.finetune.openmmlab import installed, require_openmmlab
from mimic_core.kit.errors import MimicError


def test_the_pins_are_those_of_the_lock():
    locked = dict(re.findall(r"^([\w.-]+)==(\S+)", (REPOSITORY / "requirements.lock").read_text(), re.MULTILINE))
    assert {name: locked.get(name) for name in installed.PINS} == installed.PINS


def test_what_is_installed_is_what_is_pinned():
    assert installed.problems() == []
    require_openmmlab()


def test_everything_that_is_wrong_is_named_at_once_with_all_pins(monkeypatch):
    versions = {**installed.PINS, "onedl-mmcv": "2.1.0", "mmpose": None, "mmcv": "2.1.0"}
    monkeypatch.setattr(installed, "installed_version", versions.get)
    with pytest.raises(MimicError) as caught:
        installed.require_openmmlab.__wrapped__()
    for part in ("onedl-mmcv is 2.1.0", "mmpose is missing", "mmcv is installed beside its fork"):
        assert part in caught.value.what
    for name, version in installed.PINS.items():
        assert f"{name}=={version}" in caught.value.remedy


def test_neither_the_packages_nor_dense_tasks_import_openmmlab():
    modules = ("run", "dense", "probe", "openmmlab.job")
    code = f"import sys, {', '.join(f'mimic_core.finetune.{name}' for name in modules)};"
    code += "print([name for name in sys.modules if name.split('.')[0] in ('mmengine', 'mmcv', 'mmseg', 'mmpose')])"
    done = subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_an_operator_that_is_not_compiled_can_be_imported_and_not_called():
    require_openmmlab()
    from mmcv.ops import nms  # type: ignore[attr-defined]
    from mmcv.ops.nms import ext_module

    assert callable(nms)
    if type(ext_module).__name__ != "MissingOps":
        pytest.skip("mmcv was compiled with its operators")
    with pytest.raises(MimicError, match="operator 'nms' was called"):
        ext_module.nms(1)
    with pytest.raises(AttributeError):
        _ = ext_module.__wrapped__
