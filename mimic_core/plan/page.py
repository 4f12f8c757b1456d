"""A plan as a page of Markdown tables, aligned for the terminal, and as a CSV file."""

from __future__ import annotations

import csv
import dataclasses
import io
from collections import defaultdict
from collections.abc import Sequence

from mimic_core.kit.escaping import csv_cell
from mimic_core.plan.costs import Costs
from mimic_core.plan.jobs import STAGES
from mimic_core.plan.plan import Plan, Row, number
from mimic_core.plan.replay import Replay
from mimic_core.plan.schedule import Schedule

HOUR, DAY = 3600, 86400
BYTES = ("bytes.view", "bytes.pair", "bytes.candidate", "bytes.row")


def duration(seconds: float) -> str:
    """Format seconds for people: 12 s, 3.4 min, 5.6 h, 7.8 days."""
    for size, unit in ((DAY, "days"), (HOUR, "h"), (60, "min")):
        if seconds >= (2 * size if unit == "days" else size):
            return f"{seconds / size:,.1f} {unit}"
    return f"{seconds:.0f} s"


def amount(value: float) -> str:
    """Format a quantity for a cell; empty for zero."""
    return "" if not value else number(value) if value >= 0.001 else "<0.001"


def table(head: Sequence[str], rows: Sequence[Sequence[str]], left: int = 1) -> str:
    """Format an aligned Markdown table; all but the first ``left`` columns are right-aligned."""
    widths = [max(len(row[column]) for row in (head, *rows)) for column in range(len(head))]

    def line(cells: Sequence[str]) -> str:
        padded = (
            cell.ljust(width) if column < left else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(cells, widths, strict=True))
        )
        return f"| {' | '.join(padded)} |"

    rule = [("-" * width if column < left else "-" * (width - 1) + ":") for column, width in enumerate(widths)]
    return "\n".join([line(head), f"| {' | '.join(rule)} |", *map(line, rows)])


def stage_table(plan: Plan) -> str:
    """Make the table of what each stage costs and when it runs."""
    spans = plan.schedule.spans()
    rows = []
    for row in plan.stages:
        start, end = spans[row.stage]
        when = f"{duration(start)} to {duration(end)}"
        cells = (row.core_hours, row.gpu_days, row.disk_gb, row.temporary_gb, row.memory_gb)
        rows.append([row.stage, f"{row.jobs:,}", *map(amount, cells), when])
    sums = [sum(getattr(row, name) for row in plan.stages) for name in ("core_hours", "gpu_days", "disk_gb")]
    temporary, memory = (max(getattr(row, name) for row in plan.stages) for name in ("temporary_gb", "memory_gb"))
    jobs = f"{sum(row.jobs for row in plan.stages):,}"
    rows.append(["all", jobs, *map(amount, (*sums, temporary, memory)), duration(plan.schedule.wall)])
    head = ["stage", "jobs", "core-hours", "GPU-days", "disk GB", "temporary GB", "memory GB", "runs"]
    return table(head, rows)


def waiting_lines(schedule: Schedule) -> list[str]:
    """List where jobs wait, the critical path, and the utilisation."""
    waited = sorted(schedule.waited().items(), key=lambda item: -sum(item[1]))
    lines = [
        f"- {len(each):,} jobs of {stage} wait for {lacked}, {duration(sum(each) / len(each))} each on average."
        for (stage, lacked), each in waited[:4]
    ]
    share: dict[str, float] = defaultdict(float)
    for one in schedule.chain():
        share[one.job.stage] += one.end - one.start
    parts = [
        f"{stage} {seconds / schedule.wall:.0%}" for stage, seconds in sorted(share.items(), key=lambda item: -item[1])
    ]
    lines.append(f"- Share of the critical path: {', '.join(parts)}.")
    gpus = f", {schedule.used('gpus'):.0%} of the GPUs" if schedule.cluster.gpus else ""
    lines.append(f"- Jobs hold {schedule.used('cores'):.0%} of the cores{gpus} over that time.")
    return lines


def temporary_lines(plan: Plan) -> list[str]:
    """Say how much space temporary views may take."""
    every = sum(row.temporary_gb for row in plan.items)
    if not every:
        return []
    return [
        f"- The temporary GB assume Snakemake's order, which runs jobs that free temporary files first. If a cluster's "
        f"queue holds all jobs at once they may reach {number(every)} GB; `--jobs` limits how many are queued."
    ]


def paper_lines(plan: Plan, costs: Costs) -> list[str]:
    """Compare the plan's GPU-days of pretraining with the paper's."""
    paper = costs["paper.gpu_days"]
    runs = [row for row in plan.items if row.stage == "pretrain" and row.gpu_days]
    ours = ", ".join(f"{row.item} {row.gpu_days:,.0f}" for row in runs)
    if not runs:
        found = f"The paper's CroCo on MIMIC-3M took {paper.value:g} GPU-days ({paper.source})"
        return [f"{found}; no pretraining run here requests a GPU."]
    return [
        f"GPU-days of pretraining: {ours}; the paper's CroCo on MIMIC-3M: {paper.value:g} ({paper.source}). "
        "If the speed comes from the paper, the two agree by construction."
    ]


def late_lines(plan: Plan) -> list[str]:
    """List jobs that are expected to take longer than the time they request from a cluster."""
    if not plan.late:
        return []
    rules = [
        f"- **{rule}**, {item}: requests {duration(limit)}, expected to take up to {duration(seconds)}."
        for (rule, item), (seconds, limit) in plan.late.items()
    ]
    advice = (
        "A cluster would end these jobs at that limit. Pretraining continues from its checkpoint when restarted; for "
        "the others request more `runtime` (--set-resources RULE:runtime=MINUTES), or more shards."
    )
    return ["Too little time requested:", "", *rules, "", advice, ""]


def plan_page(plan: Plan, costs: Costs, names: Sequence[str]) -> str:
    """Format the whole plan.

    Args:
        plan: the plan.
        costs: the costs it was made with.
        names: config files, for the title.
    """
    low, *_, high = sorted(plan.walls)
    items = [
        [row.stage, row.item, str(row.jobs), amount(row.core_hours), amount(row.gpu_days), row.work]
        for row in plan.items
    ]
    sources = [f"- {row.stage}, {row.item}: {row.source}." for row in plan.items if row.source]
    used = [f"- `{cost.name}`: {number(cost.value)} {cost.unit}. {cost.label}." for cost in plan.used]
    disk = [f"- `{name}`: {number(costs.value(name))} bytes. {costs[name].label}." for name in BYTES]
    lines = [
        f"# Plan of {', '.join(names) or 'config.yaml'} ({plan.config['scale']} scale)",
        "",
        f"On {plan.schedule.cluster}: **{duration(plan.schedule.wall)}**, {duration(low)} to {duration(high)} in "
        f"{len(plan.walls)} random draws of the jobs' times. The draws vary as jobs of one kind do; they do not cover "
        "errors in the rates. Cores count for as long as they are held, also by jobs on a GPU.",
        "",
        stage_table(plan),
        "",
        *waiting_lines(plan.schedule),
        *temporary_lines(plan),
        "",
        *paper_lines(plan, costs),
        "",
        *late_lines(plan),
        "Units of work x seconds each:",
        "",
        table(["stage", "item", "jobs", "core-hours", "GPU-days", "work"], items, left=2),
        "",
        "Where the units come from:",
        "",
        *sources,
        "",
        "Where the seconds and bytes come from:",
        "",
        *used,
        *disk,
        "",
    ]
    return "\n".join(lines)


def replay_page(found: Replay) -> str:
    """Format a finished run beside its simulation."""
    simulated, measured = found.schedule.spans(), found.spans()
    rows = [
        [stage, *(f"{duration(span[stage][0])} to {duration(span[stage][1])}" for span in (measured, simulated))]
        for stage in STAGES
        if stage in measured
    ]
    rows.append(["all", duration(found.wall), duration(found.schedule.wall)])
    lines = [
        f"# {len(found.ran):,} finished jobs on {found.schedule.cluster.cores} cores, and their simulation",
        "",
        f"From the first start to the last end they took {found.wall:,.1f} s; simulated at their measured times, "
        f"{found.schedule.wall:,.1f} s: **{found.ratio:.3f}** of it. On average a job started {found.between:.3f} s "
        "later than it could have; the simulation includes this delay.",
        "",
        table(["stage", "measured", "simulated"], rows),
        "",
        *waiting_lines(found.schedule),
        "",
    ]
    return "\n".join(lines)


def to_csv(plan: Plan) -> str:
    """Format the plan as CSV: one row per stage (without an item) and one per item."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([*(field.name for field in dataclasses.fields(Row)), "start_hours", "end_hours"])
    spans = plan.schedule.spans()
    for row in (*plan.stages, *plan.items):
        when = [f"{seconds / HOUR:.4f}" for seconds in spans[row.stage]] if not row.item else ["", ""]
        cells = (getattr(row, field.name) for field in dataclasses.fields(Row))
        writer.writerow([*(f"{cell:.6g}" if isinstance(cell, float) else csv_cell(cell) for cell in cells), *when])
    return text.getvalue()
