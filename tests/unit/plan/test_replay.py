"""A finished run beside its simulation: what is read from it, and what is no single run."""

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mimic_core.kit.errors import MimicError
from mimic_core.plan.jobs import Job, to_jobs
from mimic_core.plan.page import replay_page
from mimic_core.plan.replay import Ran, replay_jobs, waits
from mimic_core.plan.schedule import Cluster, simulate

EPOCH = 1_700_000_000.0


def job(number, needs=(), stage="pairs", cores=1):
    name = f"results/benchmarks/{stage}/{number}.tsv"
    return Job(number, "rule", stage, {"shard": str(number)}, cores=cores, needs=tuple(needs), benchmark=name)


def write(folder, jobs, times):
    """Benchmark files of jobs that ran from a start to an end."""
    for one in jobs:
        start, end = times[one.number]
        path = folder / one.benchmark
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"s\th:m:s\tmax_rss\n{end - start}\t0:00:10\t20.5\n")
        os.utime(path, (EPOCH + end, EPOCH + end))


@st.composite
def workflows(draw):
    count = draw(st.integers(1, 20))
    jobs = [
        job(number, sorted(draw(st.sets(st.integers(0, number - 1), max_size=3))) if number else (), cores=cores)
        for number in range(count)
        for cores in [draw(st.integers(1, 4))]
    ]
    return jobs, {one.number: draw(st.floats(0.5, 40)) for one in jobs}


@given(workflows(), st.sampled_from([0.0, 1.5]))
def test_a_simulated_run_waits_for_nothing_but_its_latency(workflow, latency):
    jobs, seconds = workflow
    schedule = simulate(jobs, seconds, Cluster(1, 4, 0, 1, latency))
    ran = {number: Ran(one.start, one.end, seconds[number]) for number, one in schedule.placed.items()}
    found = waits(jobs, ran, 4)
    assert len(found) == len(jobs)
    at_once = [number for number, one in schedule.placed.items() if one.start == 0]
    assert sum(wait < 1e-6 for wait in found) >= len(at_once)
    assert sum(wait == pytest.approx(latency) for wait in found) >= len(found) - len(at_once)


def test_a_run_known_by_hand(tmp_path):
    # on two cores: 0 and 1 at once, then 2 after both, started 2 s late; 3 fills the core that 0 leaves, 1 s late
    jobs = [job(0, stage="frames"), job(1, stage="frames"), job(2, needs=[0, 1]), job(3)]
    write(tmp_path, jobs, {0: (0, 10), 1: (0, 20), 2: (22, 30), 3: (11, 15)})
    found = replay_jobs(jobs, tmp_path, 2)
    assert found.wall == pytest.approx(30, abs=1e-3)
    assert found.between == pytest.approx((0 + 0 + 2 + 1) / 4, abs=1e-3)
    assert found.spans()["frames"] == pytest.approx((0, 20), abs=1e-3)
    assert found.spans()["pairs"] == pytest.approx((11, 30), abs=1e-3)
    assert found.schedule.wall == pytest.approx(20 + found.between + 8, abs=1e-3)
    assert found.ratio == pytest.approx(28.75 / 30, abs=1e-3)
    text = replay_page(found)
    assert "**0.958**" in text and "| frames |" in text


def test_the_simulator_does_not_know_how_a_run_was_ordered(tmp_path):
    """A run that left a core idle while a job was ready: the simulation is quicker, and the ratio says so."""
    jobs = [job(0), job(1)]
    write(tmp_path, jobs, {0: (0, 20), 1: (20, 40)})
    found = replay_jobs(jobs, tmp_path, 2)
    assert found.wall == pytest.approx(40, abs=1e-3)
    assert found.between == pytest.approx(10, abs=1e-3)
    assert found.ratio == pytest.approx(0.5, abs=1e-3)


def test_what_is_no_finished_run_is_refused(tmp_path):
    jobs = [job(0), job(1, cores=64)]
    write(tmp_path, jobs[:1], {0: (0, 10)})
    with pytest.raises(MimicError, match=r"rule \(1\) has no readable benchmark file") as error:
        replay_jobs(jobs, tmp_path, 2)
    assert "1.tsv" in str(error.value.where)
    write(tmp_path, jobs, {0: (0, 10), 1: (5, 15)})
    with pytest.raises(MimicError, match="held more than 2 cores"):
        replay_jobs(jobs, tmp_path, 2)
    write(tmp_path, jobs, {0: (0, 10), 1: (500, 510)})
    with pytest.raises(MimicError, match="nothing ran for 490 s"):
        replay_jobs(jobs, tmp_path, 2)
    for missing, cores in (([], 2), (jobs, 0)):
        with pytest.raises(MimicError, match="cannot be replayed"):
            replay_jobs(missing, tmp_path, cores)


def test_threads_and_memory_are_asked_for_on_each_node():
    row = {
        "number": 0,
        "rule": "pretrain_on_nodes",
        "benchmark": "results/benchmarks/pretrain/croco.tsv",
        "wildcards": {},
        "threads": 64,
        "resources": {"nodes": 2, "gpu": 16, "mem_mb": 48000, "runtime": 7200},
        "inputs": [],
        "outputs": ["encoder"],
    }
    (found,) = to_jobs([row])
    assert (found.nodes, found.cores, found.gpus, found.memory_mb) == (2, 128, 16, 96000)
    assert simulate([found], {0: 1}, Cluster(2, 64, 8, 48)).wall == 1
    with pytest.raises(MimicError, match="64 cores"):
        simulate([found], {0: 1}, Cluster(2, 32, 8, 48))
