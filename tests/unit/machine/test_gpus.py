"""Jobs beside each other on pretended GPUs: no GPU has two of them, and none is lost when one dies."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from mimic_core.kit.errors import MimicError
from mimic_core.machine import gpus as lease

JOB = """
import os, sys, time
from pathlib import Path
folder = Path(sys.argv[1])
for gpu in os.environ["CUDA_VISIBLE_DEVICES"].split(","):
    held = folder / f"held-{gpu}"
    held.touch(exist_ok=False)  # fails where another job has this GPU
    (folder / f"used-{gpu}-{os.getpid()}").touch()
(folder / f"started-{os.getpid()}").touch()
time.sleep(float(sys.argv[2]))
for gpu in os.environ["CUDA_VISIBLE_DEVICES"].split(","):
    (folder / f"held-{gpu}").unlink()
"""


@pytest.fixture(autouse=True)
def asked_anew() -> None:
    """Forget the GPUs that another test pretended to have."""
    lease.trains_on_gpus.cache_clear()


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """Four pretended GPUs, and a folder of locks of our own."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("SLURM")}
    return {**kept, "CUDA_VISIBLE_DEVICES": "0,1,2,3", "TMPDIR": str(tmp_path)}


def start(environment: dict[str, str], gpus: int, folder: Path, seconds: float) -> subprocess.Popen[str]:
    words = [sys.executable, "-m", "mimic_core.machine.gpus", "--gpus", str(gpus), "--"]
    words += [sys.executable, "-c", JOB, str(folder), str(seconds)]
    return subprocess.Popen(words, env=environment, stderr=subprocess.PIPE, text=True)


def wait_for(folder: Path, pattern: str, seconds: float = 20) -> list[Path]:
    ending = time.monotonic() + seconds
    while not (found := sorted(folder.glob(pattern))):
        assert time.monotonic() < ending, f"no {pattern} within {seconds} s"
        time.sleep(0.02)
    return found


def test_no_gpu_has_two_jobs_and_all_jobs_end(environment: dict[str, str], tmp_path: Path) -> None:
    jobs = [start(environment, gpus, tmp_path, 0.3) for gpus in (1, 2, 1, 3, 4, 1, 1)]
    for job in jobs:
        _, errors = job.communicate(timeout=60)
        assert job.returncode == 0, errors
    assert not list(tmp_path.glob("held-*"))
    assert len({path.name.split("-")[1] for path in tmp_path.glob("used-*")}) == 4


def test_a_killed_job_frees_its_gpus(environment: dict[str, str], tmp_path: Path) -> None:
    first = start(environment, 4, tmp_path, 600)
    wait_for(tmp_path, "started-*")
    second = start(environment, 4, tmp_path, 0)
    assert "waiting for 4 of 4 GPUs" in second.stderr.readline()
    first.send_signal(signal.SIGKILL)
    first.communicate()
    for held in tmp_path.glob("held-*"):
        held.unlink()
    assert second.communicate(timeout=30)[1] == ""
    assert second.returncode == 0


def test_slurm_hands_out_gpus_itself(environment: dict[str, str], tmp_path: Path) -> None:
    show = [sys.executable, "-c", "import os; print(os.environ['CUDA_VISIBLE_DEVICES'])"]
    command = [sys.executable, "-m", "mimic_core.machine.gpus", "--gpus", "2", "--", *show]
    under = {**environment, "SLURM_JOB_ID": "7", "CUDA_VISIBLE_DEVICES": "5,6"}
    assert subprocess.run(command, env=under, capture_output=True, text=True, check=True).stdout == "5,6\n"
    assert subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout == "0,1\n"


def test_more_gpus_than_there_are(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1")
    with pytest.raises(MimicError, match="3 GPUs requested, but jobs on this machine may take only 2"):
        lease.lease(3, tmp_path)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    with pytest.raises(MimicError, match="may take only 0"):
        lease.lease(1, tmp_path)


def test_gpus_that_the_driver_lists(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    tool = tmp_path / "nvidia-smi"
    tool.write_text("#!/bin/sh\nprintf '0\\n1\\n'\n")
    tool.chmod(0o755)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    assert lease.machine_gpus() == ["0", "1"]


def test_a_command_that_is_not_there(environment: dict[str, str]) -> None:
    command = [sys.executable, "-m", "mimic_core.machine.gpus", "--gpus", "1", "--", "no-such-program"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "cannot start 'no-such-program'" in done.stderr


@pytest.mark.parametrize(
    ("most", "used", "trains"),
    [("auto", ["0", "1", "2", "3"], True), (2, ["0", "1"], True), ("2", ["0", "1"], True), (0, [], False)],
)
def test_the_config_says_how_many_gpus_jobs_may_take(monkeypatch, most, used, trains):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1,2,3")
    assert lease.gpus_to_use(most) == used
    assert lease.trains_on_gpus(most) is trains


def test_a_node_of_a_cluster_has_gpus_where_this_machine_has_none(monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert not lease.trains_on_gpus("auto")
    assert lease.trains_on_gpus(8)


@pytest.mark.parametrize(("gpus", "seen"), [(0, ""), (1, "0"), (2, "0,1")])
def test_a_job_sees_the_gpus_that_it_asked_for(environment: dict[str, str], gpus: int, seen: str) -> None:
    command = [sys.executable, "-m", "mimic_core.machine.gpus", "--gpus", str(gpus), "--of", "2", "--"]
    show = [sys.executable, "-c", "import os; print(os.environ['CUDA_VISIBLE_DEVICES'])"]
    done = subprocess.run([*command, *show], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == seen
