"""Estimate what a config will cost: jobs, time, disk and memory by stage, and the schedule on a cluster."""

from typing import TYPE_CHECKING

from mimic_core.kit.doors import lazy_door

if TYPE_CHECKING:
    from mimic_core.plan.costs import read_costs
    from mimic_core.plan.jobs import list_jobs
    from mimic_core.plan.measured import measured_costs
    from mimic_core.plan.page import plan_page, replay_page, to_csv
    from mimic_core.plan.plan import freed_first, make_plan
    from mimic_core.plan.replay import replay_jobs
    from mimic_core.plan.schedule import Cluster

TARGETS = ("all", "datasets", "pretrain", "finetune", "report")  # rules of the Snakefile that request everything

__all__ = [
    "TARGETS",
    "Cluster",
    "freed_first",
    "list_jobs",
    "make_plan",
    "measured_costs",
    "plan_page",
    "read_costs",
    "replay_jobs",
    "replay_page",
    "to_csv",
]

MODULES = {  # imported on first use, so that the command's help needs no torch
    "read_costs": "costs",
    "list_jobs": "jobs",
    "measured_costs": "measured",
    **dict.fromkeys(("plan_page", "replay_page", "to_csv"), "page"),
    **dict.fromkeys(("freed_first", "make_plan"), "plan"),
    "replay_jobs": "replay",
    "Cluster": "schedule",
}

__getattr__ = lazy_door(__name__, MODULES)
