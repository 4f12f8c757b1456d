"""``make`` in folders whose names a shell would take apart, or run."""

import os
import shutil
import subprocess
import sys

import pytest
from support import REPOSITORY

NAMES = ["a b", "a b $(touch pwned) 'c'", 'd"e`touch pwned`', "#f $x *", "größe; touch pwned"]
STUB = '#!/bin/sh\nprintf "%s\\n" "$0" "$VIRTUAL_ENV" "$@" >> "$RECORD"\n'


def make(folder, target, **environment):
    return subprocess.run(
        ["make", target], cwd=folder, env={**os.environ, **environment}, capture_output=True, text=True, timeout=60
    )


def checkout(folder):
    folder.mkdir()
    for name in ("Makefile", "requirements.lock", "pyproject.toml"):
        shutil.copy(REPOSITORY / name, folder)
    return folder


def stub(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(STUB)
    path.chmod(0o755)


@pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")
@pytest.mark.parametrize("name", NAMES)
def test_the_environment_of_a_folder_is_used_whatever_its_name(tmp_path, name):
    folder, record = checkout(tmp_path / name), tmp_path / "record"
    for program in ("uv", "python", "snakemake"):
        stub(folder / ".venv" / "bin" / program)
    stub(folder / "my $(touch pwned) python")
    (folder / "results").mkdir()
    (folder / "results" / "table1.md").write_text("the table")
    python = str(folder / "my $(touch pwned) python")
    ended = make(folder, "table1", RECORD=str(record), PYTHON=python)
    assert ended.returncode == 0 and "the table" in ended.stdout, ended.stdout + ended.stderr
    called = record.read_text().splitlines()
    own = folder / ".venv"
    assert called[0] == python and called[2:5] == ["-m", "venv", ".venv"]
    assert called[-5:] == [str(own / "bin" / "snakemake"), str(own), "--cores", "all", "results/table1.csv"]
    assert not [path for path in tmp_path.rglob("*") if path.name.startswith("pwned")]


@pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")
@pytest.mark.parametrize("name", ["a:b", "a {x}"])
def test_a_folder_in_which_nothing_can_run_is_refused(tmp_path, name):
    ended = make(checkout(tmp_path / name), "env", PYTHON="false")
    assert ended.returncode != 0 and "the path of this folder must not contain a colon or brace" in ended.stderr


@pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")
def test_the_threads_of_a_process_do_not_decide_how_many_test(tmp_path):
    folder, record = checkout(tmp_path / "project"), tmp_path / "record"
    stub(folder / ".venv" / "bin" / "pytest")
    (folder / ".venv" / "bin" / "python").symlink_to(sys.executable)
    (folder / ".venv" / "installed").touch()
    ended = make(folder, "test-all", RECORD=str(record), OMP_NUM_THREADS="1")
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert record.read_text().splitlines()[2:4] == ["-n", str(min((os.cpu_count() or 1) + 1, 8))]
