"""``mimic plan``: estimate what a config will cost before it runs."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from mimic_core.kit.errors import MimicError
from mimic_core.plan import TARGETS

HELP = "estimate what a config will cost before it runs: jobs, time, GPU-days, disk"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``mimic plan``."""
    parser.add_argument("targets", nargs="*", default=[], help=f"rules or files ({' '.join(TARGETS)})")
    parser.add_argument("--configfile", type=Path, nargs="+", default=[], help="overlays on top of config.yaml")
    parser.add_argument(
        "--config", nargs="+", default=[], metavar="KEY=VALUE", help="single keys on top of the overlays"
    )
    parser.add_argument("--nodes", type=int, default=1, help="nodes of the cluster (1)")
    parser.add_argument("--gpus-per-node", type=int, default=8, metavar="N", help="(8)")
    parser.add_argument("--cores-per-node", type=int, default=64, metavar="N", help="(64)")
    parser.add_argument("--memory-per-node", type=float, default=512, metavar="GB", help="(512)")
    parser.add_argument(
        "--benchmarks",
        type=Path,
        default=Path("results/benchmarks"),
        help="benchmark files of this machine, whose rates replace the shipped ones (results/benchmarks)",
    )
    parser.add_argument(
        "--latency",
        type=float,
        metavar="SECONDS",
        help="delay between the end of a job and the start of the next that depends on it (as measured on one machine)",
    )
    parser.add_argument(
        "--replay",
        type=int,
        metavar="CORES",
        help="check the simulator: compare a finished run on one machine with --cores CORES to its simulation",
    )
    parser.add_argument("--out", type=Path, help="CSV file to write, with a Markdown page (.md) beside it")


def value_of(text: str) -> dict[str, Any]:
    """Parse ``key=value`` into a config block; the key may be dotted."""
    from mimic_core.foreign.yaml_files import parse_yaml

    key, equals, value = text.partition("=")
    if not equals or not key:
        raise MimicError(f"{text!r} is not key=value", where="--config", remedy="write --config videos=FOLDER")
    block: Any = parse_yaml(value, f"--config {key}")
    for part in reversed(key.split(".")):
        block = {part: block}
    return dict(block)


def checked_config(folder: Path, args: argparse.Namespace) -> dict[str, Any]:
    """Read and check the config of the workflow in a folder, with the overlays and single keys of the command line.

    Raises:
        MimicError: there is no workflow in the folder, or the config is invalid.
    """
    from mimic_core.config import as_typed, check_config, merge, read_config, read_schema

    base, snakefile = folder / "config.yaml", folder / "Snakefile"
    if not snakefile.is_file() or not base.is_file():
        raise MimicError("there is no workflow here to plan", where=folder.resolve(), remedy="run it in the repository")
    config = read_config(base, args.configfile)
    for text in args.config:
        merge(config, value_of(text))
    schema = read_schema(folder)
    as_typed(config, args.config, schema)
    check_config(config, schema)
    return config


def run(args: argparse.Namespace) -> None:
    """Print the plan, and write it to ``--out`` if given.

    Raises:
        MimicError: there is no workflow here, the config is invalid, the cluster is too small for a job, or there is no
            finished run to replay.
    """
    folder, snakefile = Path(), Path("Snakefile")
    config = checked_config(folder, args)
    # imported after the check, since model sizes come from modules that load torch
    from mimic_core.kit.files import write_text
    from mimic_core.plan import (
        Cluster,
        freed_first,
        list_jobs,
        make_plan,
        measured_costs,
        plan_page,
        read_costs,
        replay_jobs,
        replay_page,
        to_csv,
    )

    costs = measured_costs(read_costs(), args.benchmarks)
    latency = costs.value("between.jobs") if args.latency is None else args.latency
    cluster = Cluster(args.nodes, args.cores_per_node, args.gpus_per_node, args.memory_per_node, latency)
    jobs = list_jobs(snakefile, folder, args.configfile, args.config, args.targets or TARGETS)
    if args.replay is not None:
        print(replay_page(replay_jobs(jobs, folder, args.replay, freed_first(jobs, config, costs))))
        return
    plan = make_plan(jobs, config, costs, cluster)
    names = [str(path) for path in args.configfile]
    text = plan_page(plan, costs, names)
    print(text)
    if args.out is not None:
        write_text(args.out, to_csv(plan))
        write_text(args.out.with_suffix(".md"), text)
