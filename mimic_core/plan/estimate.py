"""What each job of a workflow will take: units of work times what a unit costs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mimic_core.datasets.composition import wanted_pairs
from mimic_core.plan.costs import Cost, Costs
from mimic_core.plan.finetuning import finetune_terms
from mimic_core.plan.jobs import Job
from mimic_core.plan.models import run_model
from mimic_core.plan.speeds import pretrain_speed
from mimic_core.plan.terms import Estimate, Term
from mimic_core.plan.units import Work, source_work
from mimic_core.sources import read_registry

FLOAT = 4  # bytes


@dataclass(frozen=True)
class Setting:
    """What the estimates of all jobs share.

    Attributes:
        config: the merged config.
        costs: the table, with what was measured here in its place.
        work: source -> its work.
    """

    config: Mapping[str, Any]
    costs: Costs
    work: Mapping[str, Work]

    @classmethod
    def of(cls, config: Mapping[str, Any], costs: Costs) -> Setting:
        """The work of every source that a dataset asks for."""
        registry = read_registry()
        asked = {source for name in config["datasets"] for source in wanted_pairs(name, config["datasets"])}
        work = {name: source_work(name, config, registry[name], costs) for name in sorted(asked)}
        return cls(config, costs, work)

    def pairs_of(self, dataset: str) -> tuple[float, str]:
        """Pairs of a dataset, and whether they are asked for or expected."""
        wanted = wanted_pairs(dataset, self.config["datasets"])
        found = sum(self.work[source].kept if count is None else count for source, count in wanted.items())
        return (
            found,
            "config, datasets" if None not in wanted.values() else "config, datasets; all: as many as expected",
        )


def estimate(job: Job, setting: Setting) -> Estimate:
    """Seconds, disk and memory of a job."""
    return BY_RULE.get(job.rule, BY_STAGE.get(job.stage, report))(job, setting)


def started(setting: Setting, what: str) -> Term:
    """Starting Python and importing what a job needs."""
    return Term(1, "jobs", setting.costs[f"start.{what}"])


def frames(job: Job, setting: Setting) -> Estimate:
    """Views of a shard: read or rendered, and written."""
    name = job.wildcards["source"]
    settings, work = setting.config["sources"][name], setting.work[name]
    kind = read_registry()[name].kind
    rate = f"frames.{kind}" if settings["origin"] == "sample" or kind != "video" else "frames.video_1080p"
    views = work.views * work.share(int(job.wildcards["shard"]), settings["shards"])
    disk = views * setting.costs.value("bytes.view")
    kept = setting.config["frames"]["keep"]
    return Estimate(
        name,
        (started(setting, "mining"), Term(views, "views", setting.costs[rate], work.source)),
        disk=disk if kept else 0.0,
        temporary=0.0 if kept else disk,
    )


def listing(job: Job, setting: Setting) -> Estimate:
    """The units of a source."""
    name = job.wildcards["source"]
    work = setting.work[name]
    listed = Term(work.units, "units", setting.costs["frames.listing"], work.source)
    return Estimate(name, (started(setting, "mining"), listed), disk=0.0)


def pairs(job: Job, setting: Setting) -> Estimate:
    """Candidates of a shard: features of every view, every candidate measured, the retained ones written."""
    name = job.wildcards["source"]
    work = setting.work[name]
    share = work.share(int(job.wildcards["shard"]), setting.config["sources"][name]["shards"])
    costs = setting.costs
    return Estimate(
        name,
        (
            started(setting, "mining"),
            Term(work.features * share, "views", costs["pairs.view"], work.source),
            Term(work.candidates * share, "candidates", costs["pairs.candidate"], work.source),
            Term(work.kept * share, "pairs", costs["pairs.kept"], work.source),
        ),
        disk=share * (work.kept * costs.value("bytes.pair") + work.candidates * costs.value("bytes.candidate")),
    )


def assemble(job: Job, setting: Setting) -> Estimate:
    """A manifest from the tables of all retained pairs of its sources."""
    name = job.wildcards["dataset"]
    pool = sum(setting.work[source].kept for source in wanted_pairs(name, setting.config["datasets"]))
    taken, _ = setting.pairs_of(name)
    return Estimate(
        name,
        (
            started(setting, "mining"),
            Term(pool, "pairs", setting.costs["datasets.pair"], "retained pairs of its sources"),
        ),
        disk=taken * setting.costs.value("bytes.row"),
    )


def pretrain(job: Job, setting: Setting) -> Estimate:
    """Pairs times epochs over the speed of all processes."""
    run = job.wildcards["run"]
    model = run_model(setting.config, run)
    found, source = setting.pairs_of(model.epoch_of)
    pairs_seen = found * (1 - model.validation_share) * model.epochs
    speed = pretrain_speed(model, setting.costs, "gpu" if job.gpus else "cpu")
    workers = job.gpus or job.cores
    seconds = Cost(speed.name, 1 / (speed.value * workers), "s a pair", speed.basis, speed.source)
    shown = (
        f"{found:,.0f} pairs x {model.epochs:g} epochs, {speed.value:,.4g} pairs/s a {'GPU' if job.gpus else 'core'}"
    )
    checkpoint = model.cost.model + 2 * model.cost.trained  # the optimizer keeps two moments
    kept = setting.config["pretrain"]["keep_checkpoints"]
    return Estimate(
        run,
        (started(setting, "learning"), Term(pairs_seen, "pairs", seconds, f"{shown} ({source})")),
        disk=FLOAT * (model.cost.encoder + model.cost.model + kept * checkpoint),
    )


def finetune(job: Job, setting: Setting) -> Estimate:
    """Images times epochs; each seed is a run of its own."""
    item, terms = finetune_terms(job, setting.config, setting.costs)
    return Estimate(item, (started(setting, "learning"), *terms), disk=setting.costs.value("bytes.result"))


def sample(job: Job, setting: Setting) -> Estimate:
    """A part of the sample world."""
    what = {"sample_scene": "scene", "sample_source": "source"}.get(job.rule, "task")
    source = "as many flats and images as the sample config asks for, whatever this config does"
    term = Term(1, "layouts", setting.costs[f"sample.{what}"], source)
    return Estimate(what, (term,), disk=setting.costs.value(f"bytes.sample.{what}"))


def report(job: Job, setting: Setting) -> Estimate:
    """A table or a figure."""
    return Estimate(job.rule, (Term(1, "jobs", setting.costs["report.job"]),), disk=0.0)


Estimator = Callable[[Job, Setting], Estimate]
BY_RULE: dict[str, Estimator] = {
    "source_units": listing,
    "frames_shard": frames,
    "pairs_shard": pairs,
    "assemble": assemble,
    "pretrain_run": pretrain,
}
BY_STAGE: dict[str, Estimator] = {"sample": sample, "finetune": finetune, "report": report}


def estimate_all(jobs: Sequence[Job], setting: Setting) -> dict[int, Estimate]:
    """The estimate of every job, by its number."""
    return {job.number: estimate(job, setting) for job in jobs}
