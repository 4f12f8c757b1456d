"""docs/add_task.md, followed to the letter in a copy of the project."""

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from support import REPOSITORY
from workflow.running import copy_checkout, snakemake_in

pytestmark = pytest.mark.integration

FEW = "sample: {flats: {train: 1, test: 1}, depth_images: {train: 8, test: 4}, downstream_resolution: [96, 128]}\n"


def blocks() -> list[tuple[str, str]]:
    """The page's code blocks, each with its language."""
    return re.findall(r"```(\w+)\n(.*?)```", (REPOSITORY / "docs" / "add_task.md").read_text(), re.DOTALL)


def follow(folder: Path) -> list[list[str]]:
    """Write the page's files into a copy of the project; returns its commands."""
    commands = []
    registry = folder / "mimic_core/finetune/tasks/registry.py"
    for language, code in blocks():
        if language == "python":
            (folder / "mimic_core/finetune/tasks/inverse_depth.py").write_text(code)
        elif language == "registry":
            imported, line = code.splitlines(keepends=True)
            for before, new in (("from mimic_core.finetune.tasks.normals", imported), (")\nTASKS", line)):
                text = registry.read_text()
                assert text.count(before) == 1
                registry.write_text(text.replace(before, new + before))
        elif language == "yaml":
            (folder / "inverse_depth.yaml").write_text(code)
        else:
            commands.append(shlex.split(code))
    return commands


def test_a_task_is_one_file_and_a_line(tmp_path):
    folder = copy_checkout(tmp_path / "project")
    (folder / "docs").mkdir()
    make_schema, train = follow(folder)
    environment = {**os.environ, "PYTHONPATH": str(folder)}
    words = [sys.executable, *make_schema[1:]]
    done = subprocess.run(words, cwd=folder, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    (folder / "few.yaml").write_text(FEW)
    assert train[0] == "snakemake"
    done = snakemake_in(folder, *train[1:], "few.yaml")
    assert done.returncode == 0, done.stdout + done.stderr

    results = folder / "results/finetune/inverse_depth"
    found = json.loads((results / "random-frozen/metrics.json").read_text())
    assert (found["task"], found["metric"], found["data"]) == ("inverse_depth", "mae", "sample world")
    assert (found["train_images"], found["test_images"], found["seeds"]) == (8, 4, [0, 1])
    assert found["curve"][-1][1] < found["curve"][0][1]
    assert (results / "random-frozen/predictions.png").stat().st_size > 1000
    constant = json.loads((results / "constant/metrics.json").read_text())
    assert constant["mode"] == "constant" and 0 < constant["mean"]["mae"] < 100


def test_the_page_names_what_there_is():
    page = (REPOSITORY / "docs" / "add_task.md").read_text()
    paths = set(re.findall(r"`(mimic_core/[\w/.]+)`", page)) - {"mimic_core/finetune/tasks/inverse_depth.py"}
    assert len(paths) > 5
    assert not [path for path in paths if not (REPOSITORY / path).exists()]
