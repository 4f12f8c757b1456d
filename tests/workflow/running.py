"""Running Snakemake on the project, with a config that is done in about a minute."""

import json
import subprocess
import sys
from pathlib import Path

import yaml
from support import REPOSITORY

TINY = REPOSITORY / "tests" / "workflow" / "tiny.yaml"


def snakemake(folder: Path, *arguments: str, configfile: Path | None = TINY) -> subprocess.CompletedProcess:
    """Run Snakemake on the project's Snakefile with results in ``folder``."""
    command = [sys.executable, "-m", "snakemake", "--snakefile", str(REPOSITORY / "Snakefile"), "--cores", "2"]
    command += ["--directory", str(folder), "--show-failed-logs"]
    command += arguments
    if configfile is not None:  # last: the option takes every name that follows it
        command += ["--configfile", str(configfile)]
    return subprocess.run(command, capture_output=True, text=True, timeout=540)


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
