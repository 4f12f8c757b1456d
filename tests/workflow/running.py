"""Running Snakemake on the project, with a config that is done in about a minute."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import warm
import yaml
from support import REPOSITORY

TINY = REPOSITORY / "tests" / "workflow" / "tiny.yaml"
PARTS = ("Snakefile", "config.yaml", "rules", "workflow_scripts", "mimic_core", "profiles", "envs")
UNFORTUNATE = "a b $(touch pwned) 'c'"  # of a folder: a shell must not take it apart, or run what is in it


def snakemake(folder: Path, *arguments: str, configfile: Path | None = TINY) -> subprocess.CompletedProcess:
    """Run Snakemake on the project's Snakefile with results in ``folder``."""
    words = ["--snakefile", str(REPOSITORY / "Snakefile"), "--cores", "2", "--directory", str(folder)]
    words += ["--show-failed-logs", *arguments]
    if configfile is not None:  # last: the option takes every name that follows it
        words += ["--configfile", str(configfile)]
    return warm.mining().run(["-m", "snakemake", *words], 540, jobs=warm.training())


def overlay(folder: Path, **blocks: object) -> Path:
    """The tiny config with some of its keys changed, as a file."""

    def merge(base: dict, changes: dict) -> dict:
        for key, value in changes.items():
            base[key] = merge(base.get(key, {}), value) if isinstance(value, dict) else value
        return base

    tiny = json.loads(json.dumps(yaml.safe_load(TINY.read_text())))  # without what YAML's anchors share
    path = folder / "changed.yaml"
    path.write_text(yaml.safe_dump(merge(tiny, blocks)))
    return path


def copy_checkout(folder: Path) -> Path:
    """A copy of the repository's workflow in a new folder."""
    folder.mkdir()
    for part in PARTS:
        source = REPOSITORY / part
        ignore = shutil.ignore_patterns("__pycache__")
        shutil.copytree(source, folder / part, ignore=ignore) if source.is_dir() else shutil.copy(source, folder / part)
    return folder


def snakemake_in(folder: Path, *arguments: str) -> subprocess.CompletedProcess:
    """Run Snakemake in a folder by the Snakefile that lies there, without this repository's code."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    return warm.snakemake().run(["-m", "snakemake", *arguments], 300, folder=folder, environment=environment)


def pwned(folder: Path) -> list[Path]:
    """Files that were made because a shell ran a name."""
    return [path for path in folder.rglob("*") if path.name.startswith("pwned")]


def planned(output: str) -> dict[str, int]:
    """Jobs by rule in a dry-run's table."""
    table = re.search(r"job\s+count\n-+\s+-+\n(.*?)\ntotal", output, re.DOTALL)
    if table is None:
        assert "Nothing to be done" in output, output
        return {}
    return {name: int(count) for name, count in (line.split() for line in table[1].splitlines())}
