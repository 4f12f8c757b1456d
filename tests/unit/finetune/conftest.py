"""A small dataset for every task, an encoder, and settings; tests that change a dataset get one of their own."""

from pathlib import Path
from types import SimpleNamespace

import pytest
from unit.finetune import tiny

from mimic_core.models import build_encoder, save_encoder


@pytest.fixture
def nyuv2(tmp_path) -> Path:
    tiny.write_nyuv2(tmp_path / "nyuv2")
    return tmp_path / "nyuv2"


@pytest.fixture
def taskonomy(tmp_path) -> Path:
    tiny.write_taskonomy(tmp_path / "taskonomy")
    return tmp_path / "taskonomy"


@pytest.fixture
def datasets(nyuv2, taskonomy) -> dict[str, Path]:
    """Those of the dense tasks."""
    return {"depth": nyuv2, "normals": taskonomy}


@pytest.fixture(scope="session")
def ade20k(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("data") / "ADEChallengeData2016"
    tiny.write_ade20k(root, "training", 6)
    tiny.write_ade20k(root, "validation", 5)
    return root


@pytest.fixture(scope="session")
def coco(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("coco")
    tiny.write_coco(root, "train2017", 6)
    tiny.write_coco(root, "val2017", 4)
    return root


@pytest.fixture(scope="session")
def imagenet(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("imagenet")
    tiny.write_imagenet(root)
    return root


@pytest.fixture(scope="session")
def encoder_file(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("encoder") / "encoder.safetensors"
    save_encoder(path, build_encoder(tiny.ARCHITECTURE, 7), {})
    return path


@pytest.fixture
def make_settings():
    return tiny.tiny_settings


@pytest.fixture
def quick_openmmlab(monkeypatch):
    """Leave configs as they are instead of formatting them six times a run, and collect no garbage between runs."""
    from mmengine.dataset import base_dataset
    from yapf.yapflib import yapf_api

    monkeypatch.setattr(yapf_api, "FormatCode", lambda text, **_: (text, True))
    monkeypatch.setattr(base_dataset, "gc", SimpleNamespace(collect=lambda: 0))
