"""Mining and pretraining as jobs of a cluster: which ran where, with which resources, and what came out."""

import re
from pathlib import Path

import pytest
import yaml
from integration.faults.world import assert_undisturbed
from integration.slurm.cluster import NODES
from integration.slurm.world import DATASET, ONE_NODE, PROFILE, TWO_NODES, Submitted
from support import REPOSITORY

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def done(slurm, world) -> Submitted:
    """The whole workflow, run on the cluster."""
    run = Submitted(world / "done", world, slurm)
    run.ends_well(run.submit(DATASET, ONE_NODE, TWO_NODES))
    return run


def test_the_mined_dataset_is_that_of_one_machine(done, undisturbed):
    assert_undisturbed(done, undisturbed)


def test_a_shard_is_one_job_of_the_cpu_partition(done):
    shards = done.jobs("shard")
    assert len(shards) == 2
    for job in shards:
        assert (job["Partition"], job["JobState"], job["NumNodes"]) == ("cpu", "COMPLETED", "1")
        assert job["TRES"] == "cpu=1,mem=1400M,node=1,billing=1", "the larger memory of its two rules"
        assert job["TimeLimit"] == "08:00:00", "the times of its two rules together"
        assert job["NodeList"] in NODES
    assert not done.jobs("frames_shard")
    assert not done.jobs("pairs_shard")


def test_pretraining_holds_a_gpu_a_process(done):
    (job,) = done.jobs("pretrain_run")
    assert (job["Partition"], job["NumNodes"], job["JOB_GRES"]) == ("gpu", "1", "gpu:2")
    assert re.search(r"cpu=2,mem=12528M", job["TRES"])


def test_pretraining_on_two_nodes_is_one_job_with_its_gpus_on_both(done):
    (job,) = done.jobs("pretrain_on_nodes")
    assert (job["Partition"], job["NodeList"], job["NumTasks"]) == ("gpu", "n[1-2]", "2")
    assert (job["JOB_GRES"], job["TresPerNode"]) == ("gpu:2", "gres:gpu:1")
    assert re.search(r"cpu=2,mem=12928M,node=2", job["TRES"]), "memory is asked for on each node"


def test_processes_train_the_same_weights_wherever_they_are(done):
    one, two = ((done.path / Path(receipt).parent / "encoder.safetensors") for receipt in (ONE_NODE, TWO_NODES))
    assert one.read_bytes() == two.read_bytes()
    logs = [(done.results / "logs" / "pretrain" / f"{run}.log").read_text() for run in ("one-node", "two-nodes")]
    assert "[default1]:" in logs[0]
    assert "[default1]:" not in logs[1], "one process on each node"


def test_a_second_run_has_nothing_to_do(done):
    before = len(done.slurm.jobs())
    done.ends_well(done.submit(DATASET, ONE_NODE, TWO_NODES))
    assert "Nothing to be done" in done.said()
    assert len(done.slurm.jobs()) == before


def test_rules_that_ask_for_gpus_go_to_their_partition():
    """Here and not among the unit tests, for it is about this profile."""
    profile = yaml.safe_load((PROFILE / "config.yaml").read_text())
    asks = set()
    for path in (REPOSITORY / "rules").glob("*.smk"):
        for name, parent, block in re.findall(
            r"^(?:use )?rule (\w+)(?: as (\w+) with)?:\n((?:    .*\n|\n)+)", path.read_text(), re.M
        ):
            if re.search(r"^        gpu=", block, re.M) or (parent and name in asks):
                asks.add(parent or name)
    assert asks == set(profile["set-resources"])
    assert {block["slurm_partition"] for block in profile["set-resources"].values()} == {"gpu"}
