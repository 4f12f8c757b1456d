"""The workflow run once at a tiny scale; the tests then look at what it left and at what would run again."""

from pathlib import Path

import pytest
from workflow.running import UNFORTUNATE, copy_checkout, snakemake


@pytest.fixture(scope="session")
def finished(tmp_path_factory) -> Path:
    """Folder with the results of the whole tiny workflow."""
    folder = tmp_path_factory.mktemp("tiny")
    result = snakemake(folder, "all", "datasets", "pretrain")
    assert result.returncode == 0, result.stdout + result.stderr
    return folder


@pytest.fixture
def checkout(tmp_path) -> Path:
    """A copy of the repository in a folder of an unfortunate name."""
    return copy_checkout(tmp_path / UNFORTUNATE)
