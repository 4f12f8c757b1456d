"""A small encoder, and where its checkpoint goes."""

import pytest

from mimic_core.models import build_encoder


@pytest.fixture(scope="module")
def encoder():
    sizes = {"image_size": 32, "width": 16, "depth": 2, "heads": 2, "mlp_ratio": 3}
    return build_encoder(sizes, seed=0).eval()


@pytest.fixture
def path(tmp_path):
    return tmp_path / "checkpoint.pth"
