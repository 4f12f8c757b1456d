"""Jobs killed by memory, time, a person or a node, and Snakemake itself killed: outputs are those of a quiet run."""

import os
import signal
import subprocess
import time
from pathlib import Path

import pytest
from integration.faults.world import assert_undisturbed
from integration.slurm.cluster import NODES, run
from integration.slurm.world import DATASET, ONE_NODE, Submitted

pytestmark = pytest.mark.integration


def lost(folder: Submitted, rule: str = "shard") -> list[str]:
    """States in which jobs of a rule have ended without success."""
    states = [job["JobState"] for job in folder.jobs(rule)]
    return [state for state in states if state not in ("COMPLETED", "RUNNING", "PENDING", "COMPLETING")]


@pytest.fixture
def mining(fresh):
    """A folder, and what starts a Snakemake in it and halts one of its jobs while that reads views."""

    def start(*options: str) -> tuple[subprocess.Popen, int]:
        return fresh.submit(DATASET, options=options), fresh.held_job("frames_shard", 240)

    return fresh, start


def job_of(process: int) -> str:
    """The number of the SLURM job that a process belongs to."""
    words = Path(f"/proc/{process}/environ").read_bytes().split(b"\0")
    return next(word for word in words if word.startswith(b"SLURM_JOB_ID=")).split(b"=")[1].decode()


def test_too_little_memory(fresh, undisturbed):
    little = "100 if attempt == 1 else 2000"  # SLURM looks once a second: mining is over sooner, Snakemake is not
    options = ("--set-resources", f"frames_shard:mem_mb={little}", f"pairs_shard:mem_mb={little}")
    fresh.ends_well(fresh.submit(DATASET, options=options))
    assert len(lost(fresh)) == 2
    assert [job["TRES"].split(",")[1] for job in fresh.jobs("shard")].count("mem=2000M") == 2
    assert_undisturbed(fresh, undisturbed)


def test_too_little_time(mining, undisturbed):
    folder, start = mining
    minutes = "(1 if attempt == 1 else 30)"
    snakemake, _ = start("--set-resources", f"frames_shard:runtime={minutes}", "pairs_shard:runtime=0")
    folder.ends_well(snakemake)
    assert lost(folder) == ["TIMEOUT"]
    assert folder.jobs("shard")[-1]["TimeLimit"] == "00:30:00"
    assert_undisturbed(folder, undisturbed)


def test_scancel(mining, undisturbed):
    folder, start = mining
    snakemake, process = start()
    run("scancel", job_of(process))
    folder.ends_well(snakemake)
    assert lost(folder) == ["CANCELLED"]
    assert_undisturbed(folder, undisturbed)


@pytest.fixture
def repaired(slurm):
    """Every node takes jobs again at the end."""
    yield
    for node in NODES:
        subprocess.run(["scontrol", "update", f"NodeName={node}", "State=RESUME"], capture_output=True, timeout=60)
    deadline = time.monotonic() + 60
    while slurm.node_states() != {"idle"} and time.monotonic() < deadline:
        time.sleep(0.2)


def test_a_drained_node_ends_its_jobs_and_takes_no_more(mining, undisturbed, repaired):
    folder, start = mining
    snakemake, process = start()
    (held,) = [job for job in folder.jobs("shard") if job["JobId"] == job_of(process)]
    run("scontrol", "update", f"NodeName={held['NodeList']}", "State=DRAIN", "Reason=test")
    os.kill(process, signal.SIGCONT)
    folder.ends_well(snakemake)
    assert lost(folder) == []
    (assembled,) = folder.jobs("assemble")
    assert assembled["NodeList"] != held["NodeList"]
    assert_undisturbed(folder, undisturbed)


def test_jobs_of_a_node_that_goes_down_are_started_again(mining, undisturbed, repaired):
    folder, start = mining
    snakemake, process = start()
    (held,) = [job for job in folder.jobs("shard") if job["JobId"] == job_of(process)]
    run("scontrol", "update", f"NodeName={held['NodeList']}", "State=DOWN", "Reason=test")
    folder.ends_well(snakemake)
    (again,) = [job for job in folder.jobs("shard") if job["JobId"] == held["JobId"]]
    assert (again["Restarts"], again["JobState"]) == ("1", "COMPLETED"), "SLURM itself puts it back into the queue"
    assert_undisturbed(folder, undisturbed)


@pytest.mark.parametrize("cancel", [True, False])
def test_killed_snakemake(mining, undisturbed, cancel):
    folder, start = mining
    snakemake, process = start()
    number = job_of(process)
    snakemake.kill()
    snakemake.wait()
    if not cancel:
        os.kill(process, signal.SIGCONT)
    code, said = folder.recover(folder.results, *(("--cancel", "--yes") if cancel else ()))
    assert code == 0, said
    assert f"still runs: SLURM job {number}: rule_shard" in said
    assert (f"cancelled: SLURM job {number}" in said) == cancel
    assert "unlocked the folder" in said
    folder.wait_for(lambda: not [job for job in folder.jobs("shard") if job["JobState"] in ("RUNNING", "COMPLETING")])
    assert set(lost(folder)) == ({"CANCELLED"} if cancel else set())
    folder.ends_well(folder.submit(DATASET))
    assert_undisturbed(folder, undisturbed)


def test_pretraining_goes_on_in_the_next_job(fresh, undisturbed, slurm):
    """A job that is cancelled leaves its checkpoint, and a quiet run gives the same bytes."""
    ends = []
    for disturbed in (False, True):
        folder = Submitted(fresh.path / str(disturbed), undisturbed.path.parent, slurm)
        subprocess.run(["cp", "-r", undisturbed.results, folder.results], check=True)
        snakemake = folder.submit(ONE_NODE, options=("--rerun-triggers", "mtime"))
        if disturbed:
            folder.wait_for_checkpoint("one-node")
            run("scancel", folder.running("pretrain_run")["JobId"])
        folder.ends_well(snakemake)
        log = (folder.results / "logs" / "pretrain" / "one-node.log").read_text()
        assert ("resuming from iteration" in log) == disturbed
        ends.append((folder.results / "pretrain" / "one-node" / "encoder.safetensors").read_bytes())
    assert lost(folder, "pretrain_run") == ["CANCELLED"]
    assert ends[0] == ends[1]
