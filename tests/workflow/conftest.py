"""The workflow run once at a tiny scale; the tests then look at what it left and at what would run again."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from conftest import REPOSITORY

TINY = REPOSITORY / "tests" / "workflow" / "tiny.yaml"

Run = Callable[..., subprocess.CompletedProcess]


def snakemake(folder: Path, *arguments: str, configfile: Path | None = TINY) -> subprocess.CompletedProcess:
    """Run Snakemake on the project's Snakefile with results in ``folder``."""
    command = [sys.executable, "-m", "snakemake", "--snakefile", str(REPOSITORY / "Snakefile"), "--cores", "2"]
    command += ["--directory", str(folder), "--show-failed-logs"]
    if configfile is not None:
        command += ["--configfile", str(configfile)]
    return subprocess.run([*command, *arguments], capture_output=True, text=True, timeout=540)


def overlay(folder: Path, **blocks: object) -> Path:
    """The tiny config with some of its keys changed, as a file."""

    def merge(base: dict, changes: dict) -> dict:
        for key, value in changes.items():
            base[key] = merge(base.get(key, {}), value) if isinstance(value, dict) else value
        return base

    path = folder / "changed.yaml"
    path.write_text(yaml.safe_dump(merge(yaml.safe_load(TINY.read_text()), blocks)))
    return path


@pytest.fixture(scope="session")
def finished(tmp_path_factory) -> Path:
    """Folder with the results of the whole tiny workflow."""
    folder = tmp_path_factory.mktemp("tiny")
    result = snakemake(folder)
    assert result.returncode == 0, result.stdout + result.stderr
    return folder
