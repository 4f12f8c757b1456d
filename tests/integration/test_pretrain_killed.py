"""Pretraining as the cluster treats it: killed at any moment, one process of several dying, asked to stop."""

import json
import os
import random
import signal
import subprocess
import time
from pathlib import Path

import pandas as pd
import pytest
import warm
from support import REPOSITORY
from unit.pretrain.conftest import BLOCK, make_manifest

from mimic_core.pretrain.metrics import SPEEDS

pytestmark = pytest.mark.integration

SCRIPT = REPOSITORY / "workflow_scripts" / "pretrain_run.py"
SLOW = {"epochs": 20, "warmup_epochs": 2, "validation_every": 5, "checkpoint_minutes": 1e-9, "effective_batch": 4}
ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1"}


@pytest.fixture(scope="module")
def manifest(tmp_path_factory):
    return make_manifest(tmp_path_factory.mktemp("dataset"))


def script(manifest: Path, folder: Path, **changes: object) -> list[str]:
    return [
        *(str(SCRIPT), "--manifest", str(manifest), "--out", str(folder / "out")),
        *("--checkpoints", str(folder / "checkpoints"), "--settings", json.dumps(BLOCK | SLOW | changes)),
        *("--seed", "0"),
    ]


def start(words: list[str], log: Path) -> warm.Started:
    """Start the script in a process of its own that need not import anything."""
    with log.open("ab") as stream:
        return warm.training().start(words, stream.fileno(), stream.fileno(), environment=ENVIRONMENT)


def run(words: list[str]) -> subprocess.CompletedProcess[str]:
    return warm.training().run(words, timeout=120, environment=ENVIRONMENT)


def wait_for_checkpoint(folder: Path, after: int, seconds: float = 90) -> None:
    """Until a checkpoint of iteration ``after`` or later is there."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        names = [path.stem for path in (folder / "checkpoints").glob("iteration-*.pt")]
        if any(int(name.split("-")[1]) >= after for name in names):
            return
        time.sleep(0.02)
    raise AssertionError(f"no checkpoint of iteration {after} after {seconds} s")


def results(folder: Path) -> tuple[pd.DataFrame, bytes]:
    """What the run decides: the metrics without the machine's part, and the encoder's bytes."""
    table = pd.read_csv(folder / "out" / "metrics.csv")
    return table.drop(columns=list(SPEEDS)), (folder / "out" / "encoder.safetensors").read_bytes()


@pytest.mark.parametrize("seed", [0])  # which iterations it is killed after; any other may be tried
def test_killed_five_times_at_random_it_ends_as_if_nothing_had_happened(manifest, tmp_path, seed):
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    for folder in (whole, killed):
        folder.mkdir()
    done = run(script(manifest, whole))
    assert done.returncode == 0, done.stderr
    iterations = json.loads((whole / "out" / "receipt.json").read_text())["statistics"]["iterations"]
    rng = random.Random(seed)
    for after in sorted(rng.sample(range(1, iterations * 2 // 3), 5)):
        process = start(script(manifest, killed), killed / "log")
        wait_for_checkpoint(killed, after)
        time.sleep(rng.uniform(0, 0.05))  # in the middle of an iteration, or of writing a checkpoint
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    assert not (killed / "out" / "receipt.json").exists()
    done = run(script(manifest, killed))
    assert done.returncode == 0, done.stderr
    assert "resuming from iteration" in done.stderr
    (table, encoder), (again, as_well) = results(whole), results(killed)
    pd.testing.assert_frame_equal(table, again, check_exact=True)
    assert encoder == as_well


@pytest.mark.parametrize("name", ["SIGTERM", "SIGUSR1"])
def test_a_warning_leaves_a_checkpoint_and_says_how_to_go_on(manifest, tmp_path, name):
    process = start(script(manifest, tmp_path, checkpoint_minutes=1000, epochs=4000), tmp_path / "log")
    deadline = time.monotonic() + 90
    while not (tmp_path / "out" / "metrics.csv").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(getattr(signal, name))
    assert process.wait(timeout=60) == 1
    said = (tmp_path / "log").read_text()
    assert f"stopped by {name} after iteration" in said
    assert "run the same command again" in said
    assert len(list((tmp_path / "checkpoints").glob("iteration-*.pt"))) == 1
    assert not (tmp_path / "checkpoints" / "lock.json").exists()


def test_a_process_that_dies_ends_all_within_a_minute(manifest, tmp_path):
    torchrun = ["-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2", "--tee=3"]
    process = start([*torchrun, *script(manifest, tmp_path, batch_size=2, epochs=4000)], tmp_path / "log")
    wait_for_checkpoint(tmp_path, 5)
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    victims = [pid for pid in children if b"pretrain_run" in Path(f"/proc/{pid}/cmdline").read_bytes()]
    assert len(victims) == 2
    os.kill(int(victims[1]), signal.SIGKILL)
    died = time.monotonic()
    assert process.wait(timeout=60) != 0
    assert time.monotonic() - died < 60
    said = (tmp_path / "log").read_text()
    assert "[default0]:" in said
    assert "Signal 9 (SIGKILL)" in said
    assert not [pid for pid in victims if Path(f"/proc/{pid}").exists()]
    resumed = script(manifest, tmp_path, batch_size=4, epochs=4000, checkpoint_minutes=1000)
    process = start(resumed, tmp_path / "log")
    time.sleep(0.1)
    deadline = time.monotonic() + 60
    while "resuming from iteration" not in (tmp_path / "log").read_text() and time.monotonic() < deadline:
        time.sleep(0.1)
    process.kill()
    process.wait()
    assert "resuming from iteration" in (tmp_path / "log").read_text(), "one process goes on where two were"


def test_two_jobs_do_not_write_into_one_run(manifest, tmp_path):
    first = start(script(manifest, tmp_path, epochs=4000), tmp_path / "log")
    wait_for_checkpoint(tmp_path, 1)
    second = run(script(manifest, tmp_path, epochs=4000))
    assert first.poll() is None
    first.kill()
    first.wait()
    assert second.returncode == 1
    assert f"another process is working on this run: process {first.pid}" in second.stderr
