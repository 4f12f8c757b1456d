"""The simulator: laws that every schedule keeps, and small ones known by hand."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mimic_core.kit.errors import MimicError
from mimic_core.plan.jobs import Job
from mimic_core.plan.plan import peak_temporary, readers_of_temporary
from mimic_core.plan.schedule import Cluster, simulate
from mimic_core.plan.terms import Estimate


def job(number, needs=(), stage="pairs", **asked):
    return Job(number, "rule", stage, {"shard": str(number)}, needs=tuple(needs), **asked)


@st.composite
def workflows(draw):
    count = draw(st.integers(1, 25))
    jobs, seconds = [], {}
    for number in range(count):
        needs = draw(st.sets(st.integers(0, number - 1), max_size=3)) if number else set()
        asked = {
            "cores": draw(st.integers(1, 4)),
            "gpus": draw(st.integers(0, 2)),
            "memory_mb": draw(st.integers(0, 2000)),
        }
        jobs.append(job(number, sorted(needs), **asked))
        seconds[number] = draw(st.floats(0.1, 100))
    return jobs, seconds


@given(workflows(), st.integers(1, 3))
def test_no_job_starts_before_its_inputs_and_no_node_is_overfull(workflow, nodes):
    jobs, seconds = workflow
    cluster = Cluster(nodes, cores=4, gpus=2, memory_gb=2)
    schedule = simulate(jobs, seconds, cluster)
    placed = schedule.placed
    assert set(placed) == set(seconds)
    for one in placed.values():
        assert one.end == pytest.approx(one.start + seconds[one.job.number])
        assert all(placed[need].end <= one.start for need in one.job.needs)
    for one in placed.values():  # what runs at a start is the most that is held until the next
        at_once = [other.job for other in placed.values() if other.start <= one.start < other.end]
        assert sum(other.cores for other in at_once) <= 4 * nodes
        assert sum(other.gpus for other in at_once) <= 2 * nodes
        assert sum(other.memory_mb for other in at_once) <= 2000 * nodes
    work = sum(seconds[one.number] * one.cores for one in jobs) / (4 * nodes)
    assert work - 1e-6 <= schedule.wall <= sum(seconds.values()) + 1e-6
    assert 0 < schedule.used("cores") <= 1 + 1e-9


@given(workflows())
def test_the_chain_is_the_wall_time(workflow):
    schedule = simulate(*workflow, Cluster(1, 4, 2, 2))
    chain = schedule.chain()
    assert chain[0].start == 0 and chain[-1].end == schedule.wall
    assert all(one.end == other.start for one, other in pairwise(chain))


def test_two_runs_that_ask_for_all_gpus_run_one_after_the_other():
    runs = [job(number, stage="pretrain", gpus=8, cores=8) for number in (0, 1)]
    schedule = simulate(runs, {0: 100, 1: 50}, Cluster(1, 64, 8))
    assert schedule.wall == 150
    assert schedule.waited() == {("pretrain", "gpus"): [100]}
    assert simulate(runs, {0: 100, 1: 50}, Cluster(2, 64, 8)).wall == 100


def test_a_small_job_passes_a_large_one_that_does_not_fit():
    jobs = [job(0, cores=3), job(1, cores=4), job(2, cores=1)]
    schedule = simulate(jobs, {0: 10, 1: 10, 2: 5}, Cluster(1, 4, 0))
    assert schedule.placed[2].start == 0
    assert schedule.placed[1].start == 10


def test_jobs_that_free_temporary_files_come_first():
    jobs = [job(0), job(1), job(2), job(3, needs=[0])]
    times = dict.fromkeys(range(4), 1.0)
    assert simulate(jobs, times, Cluster(1, 1, 0)).placed[3].start == 3
    assert simulate(jobs, times, Cluster(1, 1, 0), eager={3}).placed[3].start == 1


def test_latency_lies_between_a_job_and_what_waited_for_it():
    assert simulate([job(0), job(1, needs=[0])], {0: 1, 1: 1}, Cluster(1, 1, 0, latency=3)).wall == 5


def test_a_job_of_two_nodes_takes_its_share_of_each():
    wide = job(0, nodes=2, gpus=16, cores=64)
    assert simulate([wide, job(1, gpus=1)], {0: 10, 1: 10}, Cluster(2, 64, 8)).wall == 20
    with pytest.raises(MimicError, match="2 node"):
        simulate([wide], {0: 10}, Cluster(1, 64, 8))


def test_a_job_that_no_node_holds_is_named_with_the_option_to_change():
    with pytest.raises(MimicError, match="8 gpus") as error:
        simulate([job(7, gpus=8)], {7: 1}, Cluster(4, 64, 4))
    assert "--gpus-per-node" in error.value.remedy


def test_one_machine_lowers_threads_to_its_cores():
    assert simulate([job(0, cores=64)], {0: 1}, Cluster(1, 2, 0)).wall == 1


def test_a_temporary_file_lives_until_the_last_job_that_reads_it():
    tar, receipt = "frames/000.tar", "frames/000.receipt.json"
    jobs = [
        job(0, stage="frames", outputs=(tar, receipt)),
        job(1, needs=[0], inputs=frozenset({tar})),
        job(2, stage="frames", outputs=("frames/001.tar",)),
        job(3, needs=[2], inputs=frozenset({"frames/001.tar"})),
        job(4, stage="report", needs=[0], inputs=frozenset({receipt})),  # keeps no archive alive
    ]
    estimates = {number: Estimate("hm3d", ()) for number in range(5)}
    estimates |= {number: Estimate("hm3d", (), temporary=10.0) for number in (0, 2)}
    readers = readers_of_temporary(jobs, estimates)
    assert readers == {0: [1], 2: [3]}
    times = dict.fromkeys(range(5), 1.0)
    eager = simulate(jobs, times, Cluster(1, 1, 0), eager={1, 3})
    assert peak_temporary(jobs, estimates, eager) == 10
    assert peak_temporary(jobs, estimates, simulate(jobs, times, Cluster(1, 1, 0))) == 20
