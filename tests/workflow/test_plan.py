"""``mimic plan`` on the real workflow, and its simulator against a real run."""

import argparse
import csv
import functools

import pytest
import yaml
from support import REPOSITORY
from workflow.running import TINY

import mimic_core.plan
from mimic_core.cli.plan import add_arguments, run
from mimic_core.config.checking import read_config
from mimic_core.kit.errors import MimicError
from mimic_core.plan.costs import read_costs
from mimic_core.plan.jobs import STAGES, list_jobs
from mimic_core.plan.measured import measured_costs
from mimic_core.plan.plan import make_plan
from mimic_core.plan.replay import recorded, replay_jobs
from mimic_core.plan.schedule import Cluster

pytestmark = pytest.mark.integration
SNAKEFILE = REPOSITORY / "Snakefile"
RAN = ("all", "datasets", "pretrain")  # what the fixture ``finished`` ran, on two cores


@pytest.fixture(scope="module", autouse=True)
def listed_once():
    """Lets the command list the jobs of the same words only once."""

    @functools.cache
    def listed(snakefile, folder, overlays, values, targets):
        return list_jobs(snakefile, folder, overlays, values, targets)

    def list_cached(snakefile, folder, overlays, values, targets):
        return listed(snakefile.resolve(), folder.resolve(), tuple(overlays), tuple(values), tuple(targets))

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(mimic_core.plan, "list_jobs", list_cached)
        yield


@pytest.fixture(scope="module")
def jobs(finished):
    """The jobs of the finished tiny workflow."""
    return list_jobs(SNAKEFILE, finished, [TINY], targets=RAN)


def test_the_listed_jobs_are_those_that_ran(finished, jobs):
    assert {job.benchmark for job in jobs} == {
        str(path.relative_to(finished)) for path in (finished / "results/benchmarks").rglob("*.tsv")
    }
    by_number = {job.number: job for job in jobs}
    pairs = next(job for job in jobs if job.rule == "pairs_shard" and job.wildcards["source"] == "hm3d")
    made = {output for need in pairs.needs for output in by_number[need].outputs}
    assert f"results/frames/hm3d/{pairs.wildcards['shard']}.tar" in made
    assert {job.stage for job in jobs} == set(STAGES)


def test_the_simulated_wall_time_is_the_real_ones(finished, jobs):
    found = replay_jobs(jobs, finished, 2)
    print(f"the run took {found.wall:.1f} s, simulated {found.schedule.wall:.1f} s, {found.between:.3f} s between jobs")
    assert found.ratio == pytest.approx(1, rel=0.25)
    alone = sum(one.seconds for one in found.ran.values())
    assert found.wall < 0.9 * alone  # jobs did run side by side: to add them up would be far off
    assert found.between < 0.1 * found.wall / len(jobs)  # and their own times explain the run, not the pauses


def test_the_same_is_said_by_the_command(finished, tmp_path, monkeypatch, capsys):
    for name in ("Snakefile", "config.yaml", "rules"):
        (tmp_path / name).symlink_to(REPOSITORY / name)
    (tmp_path / "results").symlink_to(finished / "results")
    monkeypatch.chdir(tmp_path)
    text = plan([*RAN, "--configfile", str(TINY), "--replay", "2"], capsys)
    assert "finished jobs on 2 cores, and their simulation" in text
    assert {line.split("|")[1].strip() for line in text.splitlines() if line.startswith("| ")} >= set(STAGES)
    with pytest.raises(MimicError, match="held more than 1 cores"):
        plan([*RAN, "--configfile", str(TINY), "--replay", "1"], capsys)


def test_a_plan_from_the_runs_own_benchmarks_costs_what_the_run_did(finished, jobs):
    ran = recorded(jobs, finished)
    costs = measured_costs(read_costs(), finished / "results/benchmarks")
    config = read_config(REPOSITORY / "config.yaml", [TINY])
    plan = make_plan(jobs, config, costs, Cluster(1, 2, 0))
    found = {row.stage: row.core_hours * 3600 for row in plan.stages}
    for stage in ("frames", "pairs"):
        took = sum(ran[job.number].seconds for job in jobs if job.stage == stage)
        print(f"{stage}: planned {found[stage]:.1f} s, took {took:.1f} s")
        assert found[stage] == pytest.approx(took, rel=0.5)


def plan(arguments, capsys):
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    run(parser.parse_args(arguments))
    return capsys.readouterr().out


def test_the_papers_plan_has_a_source_for_every_number(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(REPOSITORY)
    out = tmp_path / "plan.csv"
    text = plan(
        ["--configfile", "configs/paper.yaml", "--benchmarks", str(tmp_path), "--out", str(out), "--nodes", "2"], capsys
    )
    assert out.with_suffix(".md").read_text() in text
    rows = list(csv.DictReader(out.open()))
    stages = {row["stage"]: row for row in rows if not row["item"]}
    assert set(stages) == set(STAGES) - {"sample"}
    croco = next(row for row in rows if row["item"] == "croco_mimic-3m" and row["stage"] == "pretrain")
    assert float(croco["gpu_days"]) == pytest.approx(111, rel=0.01)  # the paper's, at the paper's speed
    assert "111 (8 RTX A6000" in text
    assert "`between.jobs`" in text
    for row in rows:
        if row["item"] and row["stage"] not in ("report", "sample"):
            assert row["work"] and row["source"], row
    for name in {part.split(")")[0] for row in rows for part in row["work"].split("(")[1:]}:
        assert f"`{name}`" in text  # every cost in the work is explained
    config = yaml.safe_load((REPOSITORY / "configs/paper.yaml").read_text())
    shards = {source: settings["shards"] for source, settings in config["sources"].items()}
    assert {row["item"]: int(row["jobs"]) for row in rows if row["stage"] == "pairs" and row["item"]} == shards


def test_what_cannot_be_planned_is_said(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(MimicError, match="no workflow here"):
        plan([], capsys)
    monkeypatch.chdir(REPOSITORY)
    with pytest.raises(MimicError, match="no_such_rule"):
        plan(["no_such_rule"], capsys)
    with pytest.raises(MimicError, match="is not key=value"):
        plan(["--config", "seed"], capsys)
    with pytest.raises(MimicError, match="latency is -1"):
        plan(["--latency", "-1"], capsys)
    with pytest.raises(MimicError, match="has no readable benchmark file"):
        plan(["--configfile", "configs/paper.yaml", "--replay", "2"], capsys)
    with pytest.raises(MimicError, match="8 gpus"):
        plan(["--configfile", "configs/paper.yaml", "--gpus-per-node", "4"], capsys)
