"""Snakemake or a job of mining killed; two Snakemakes in one folder."""

import os
import re
import shutil
import signal
import subprocess
import threading
import time
from pathlib import Path

import pytest
from integration.faults.world import assert_undisturbed

pytestmark = pytest.mark.integration


@pytest.fixture
def mining(done):
    """A folder, the process of its Snakemake, and that of a job that is halted while it mines."""
    done.remove("pairs/videos/*", "datasets/faults/*")
    master = done.start()
    job = done.held_job("pairs_shard")
    yield done, master, job
    for process in (master.pid, job):
        try:
            os.kill(process, signal.SIGKILL)
        except ProcessLookupError:
            continue
    master.wait()


def kill(master: subprocess.Popen) -> None:
    master.kill()
    master.wait()


def test_killed_snakemake_its_job_waited_for(mining, undisturbed):
    folder, master, job = mining
    second = folder.run()
    assert second.returncode != 0, "two Snakemakes do not run in one folder"
    assert "Directory cannot be locked" in second.stdout
    assert "--unlock" in second.stdout
    code, said = folder.recover(folder.path)
    assert code == 1
    assert f"Snakemake is running in this folder: process {master.pid}" in said
    kill(master)
    assert list((folder.path / ".snakemake/locks").iterdir())
    timer = threading.Timer(4, os.kill, (job, signal.SIGCONT))
    timer.start()
    code, said = folder.recover(folder.results)
    timer.join()
    assert code == 0, said
    receipt = re.search(rf"still runs: process {job}: pairs_shard (results/pairs/videos/00[01].receipt.json)", said)[1]
    assert (folder.path / receipt).exists(), "the job was let go on to its end"
    assert "4 files will be made again:" in said
    assert f"  {receipt}\n" in said
    assert f"--directory {folder.path} --cores 1" in said
    folder.must()
    assert_undisturbed(folder, undisturbed)


def test_killed_snakemake_its_job_cancelled(mining, undisturbed):
    folder, master, job = mining
    kill(master)
    code, said = folder.recover(folder.path, "--cancel")
    assert code == 0, said
    assert "no job was ended" in said
    assert list((folder.path / ".snakemake/locks").iterdir()), "a listing changes nothing"
    os.kill(job, 0)
    bystander = subprocess.Popen(["sleep", "100"], cwd=folder.path)
    code, said = folder.recover(folder.path, "--cancel", "--yes")
    assert bystander.poll() is None, "a process that is no job of ours"
    bystander.kill()
    bystander.wait()
    assert code == 0, said
    assert f"ended: process {job}, by SIGKILL" in said, "a halted process hears no SIGTERM"
    assert "removed a partial file: results/pairs/videos/.partial-" in said
    assert not list(folder.results.rglob(".partial-*"))
    assert not list(folder.results.glob("pairs/videos/*"))
    folder.must()
    assert_undisturbed(folder, undisturbed)


def test_rerun_beside_an_orphan(mining, undisturbed):
    """Who unlocks without looking: the orphan and the new job write the same files, each whole."""
    folder, master, job = mining
    kill(master)
    shutil.rmtree(folder.path / ".snakemake/locks")
    folder.must()
    os.kill(job, signal.SIGCONT)
    deadline = time.monotonic() + 30
    while list(folder.results.rglob(".partial-*")) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert_undisturbed(folder, undisturbed)


def test_killed_jobs(fresh, undisturbed):
    """As the kernel does when memory runs out."""
    master = fresh.start_warm()
    first = fresh.held_job("frames_shard")
    words = Path(f"/proc/{first}/cmdline").read_text().split("\0")
    shard = words[words.index("--shard") + 1]  # Snakemake begins with either
    os.kill(first, signal.SIGKILL)
    second = fresh.held_job("pairs_shard")
    os.kill(second, signal.SIGKILL)
    assert master.wait(timeout=60) != 0
    assert not list(fresh.results.glob(f"frames/videos/{shard}.*")), "nothing half-written counts as done"
    assert not list(fresh.results.glob("pairs/videos/*.json")), "nothing half-written counts as done"
    for killed in (first, second):
        assert list(fresh.results.rglob(f".partial-*-{killed}-*.tar")), "a killed process removes nothing"
    fresh.must()
    assert_undisturbed(fresh, undisturbed)
