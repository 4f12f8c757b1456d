"""Estimate each job of a workflow: units of work times the cost of a unit."""

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
class Context:
    """What the estimates of all jobs share.

    Attributes:
        config: the merged config.
        costs: the table of costs, with values measured on this machine.
        work: source -> its work.
    """

    config: Mapping[str, Any]
    costs: Costs
    work: Mapping[str, Work]

    @classmethod
    def of(cls, config: Mapping[str, Any], costs: Costs) -> Context:
        """Compute the work of every source that a dataset uses."""
        registry = read_registry()
        used = {source for name in config["datasets"] for source in wanted_pairs(name, config["datasets"])}
        work = {name: source_work(name, config, registry[name], costs) for name in sorted(used)}
        return cls(config, costs, work)

    def pairs_of(self, dataset: str) -> tuple[float, str]:
        """Return the number of pairs of a dataset, and whether the config states it or it is expected."""
        wanted = wanted_pairs(dataset, self.config["datasets"])
        found = sum(self.work[source].kept if count is None else count for source, count in wanted.items())
        return (
            found,
            "config, datasets" if None not in wanted.values() else "config, datasets; all: as many as expected",
        )


def estimate(job: Job, context: Context) -> Estimate:
    """Estimate the seconds and the disk space of a job."""
    return BY_RULE.get(job.rule, BY_STAGE.get(job.stage, report))(job, context)


def startup(context: Context, what: str) -> Term:
    """Return the time to start Python and import what a job needs."""
    return Term(1, "jobs", context.costs[f"start.{what}"])


def frames(job: Job, context: Context) -> Estimate:
    """Estimate reading or rendering the views of a shard, and writing them."""
    name = job.wildcards["source"]
    settings, work = context.config["sources"][name], context.work[name]
    kind = read_registry()[name].kind
    rate = f"frames.{kind}" if settings["origin"] == "sample" or kind != "video" else "frames.video_1080p"
    views = work.views * work.share(int(job.wildcards["shard"]), settings["shards"])
    disk = views * context.costs.value("bytes.view")
    kept = context.config["frames"]["keep"]
    return Estimate(
        name,
        (startup(context, "mining"), Term(views, "views", context.costs[rate], work.source)),
        disk=disk if kept else 0.0,
        temporary=0.0 if kept else disk,
    )


def listing(job: Job, context: Context) -> Estimate:
    """Estimate listing the units of a source."""
    name = job.wildcards["source"]
    work = context.work[name]
    listed = Term(work.units, "units", context.costs["frames.listing"], work.source)
    return Estimate(name, (startup(context, "mining"), listed), disk=0.0)


def pairs(job: Job, context: Context) -> Estimate:
    """Estimate mining a shard: compute features of all views, measure all candidates, write the retained pairs."""
    name = job.wildcards["source"]
    work = context.work[name]
    share = work.share(int(job.wildcards["shard"]), context.config["sources"][name]["shards"])
    costs = context.costs
    return Estimate(
        name,
        (
            startup(context, "mining"),
            Term(work.features * share, "views", costs["pairs.view"], work.source),
            Term(work.candidates * share, "candidates", costs["pairs.candidate"], work.source),
            Term(work.kept * share, "pairs", costs["pairs.kept"], work.source),
        ),
        disk=share * (work.kept * costs.value("bytes.pair") + work.candidates * costs.value("bytes.candidate")),
    )


def assemble(job: Job, context: Context) -> Estimate:
    """Estimate writing a manifest from the tables of all retained pairs of its sources."""
    name = job.wildcards["dataset"]
    pool = sum(context.work[source].kept for source in wanted_pairs(name, context.config["datasets"]))
    taken, _ = context.pairs_of(name)
    return Estimate(
        name,
        (
            startup(context, "mining"),
            Term(pool, "pairs", context.costs["datasets.pair"], "retained pairs of its sources"),
        ),
        disk=taken * context.costs.value("bytes.row"),
    )


def pretrain(job: Job, context: Context) -> Estimate:
    """Estimate a pretraining run: pairs times epochs, divided by the speed of all processes."""
    run = job.wildcards["run"]
    model = run_model(context.config, run)
    found, source = context.pairs_of(model.epoch_of)
    pairs_seen = found * (1 - model.validation_share) * model.epochs
    speed = pretrain_speed(model, context.costs, "gpu" if job.gpus else "cpu")
    workers = job.gpus or job.cores
    seconds = Cost(speed.name, 1 / (speed.value * workers), "s a pair", speed.basis, speed.source)
    shown = (
        f"{found:,.0f} pairs x {model.epochs:g} epochs, {speed.value:,.4g} pairs/s a {'GPU' if job.gpus else 'core'}"
    )
    checkpoint = model.cost.model + 2 * model.cost.trained  # the optimizer keeps two moments
    kept = context.config["pretrain"]["keep_checkpoints"]
    return Estimate(
        run,
        (startup(context, "learning"), Term(pairs_seen, "pairs", seconds, f"{shown} ({source})")),
        disk=FLOAT * (model.cost.encoder + model.cost.model + kept * checkpoint),
    )


def finetune(job: Job, context: Context) -> Estimate:
    """Estimate a fine-tuning job: images times epochs, for each seed."""
    item, terms = finetune_terms(job, context.config, context.costs)
    return Estimate(item, (startup(context, "learning"), *terms), disk=context.costs.value("bytes.result"))


def sample(job: Job, context: Context) -> Estimate:
    """Estimate making a part of the sample world."""
    what = {"sample_scene": "scene", "sample_source": "source"}.get(job.rule, "task")
    source = "as many flats and images as the sample config asks for, whatever this config does"
    term = Term(1, "layouts", context.costs[f"sample.{what}"], source)
    return Estimate(what, (term,), disk=context.costs.value(f"bytes.sample.{what}"))


def report(job: Job, context: Context) -> Estimate:
    """Estimate making a table or a figure."""
    return Estimate(job.rule, (Term(1, "jobs", context.costs["report.job"]),), disk=0.0)


Estimator = Callable[[Job, Context], Estimate]
BY_RULE: dict[str, Estimator] = {
    "source_units": listing,
    "frames_shard": frames,
    "pairs_shard": pairs,
    "assemble": assemble,
    "pretrain_run": pretrain,
}
BY_STAGE: dict[str, Estimator] = {"sample": sample, "finetune": finetune, "report": report}


def estimate_all(jobs: Sequence[Job], context: Context) -> dict[int, Estimate]:
    """Estimate all jobs; return the estimates by job number."""
    return {job.number: estimate(job, context) for job in jobs}
