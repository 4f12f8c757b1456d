"""Start a training script in one process, in several of one machine, or on several nodes of a SLURM job.

One process is started plainly, several by torchrun, which marks each line of the log with its process. On several
nodes, ``srun`` starts this module once on each, and each starts its torchrun; they meet at the node that ``srun`` ran
on, the first of the job, at a port that follows from the job's number.

Run: python -m mimic_core.machine.launch --processes 8 -- train.py --epochs 10
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Mapping, Sequence

from mimic_core.kit import program
from mimic_core.kit.errors import MimicError

PORTS = range(20000, 30000)  # below those that Linux hands out by itself


def torchrun(processes: int, *options: str) -> list[str]:
    """The words before a script that start it under torchrun on this machine; its options are not torchrun's."""
    own = [*options, f"--nproc_per_node={processes}", "--tee=3", "--"]
    return [sys.executable, "-m", "torch.distributed.run", *own]


def on_this_machine(processes: int) -> list[str]:
    """The words before a script that runs on one machine."""
    return [sys.executable] if processes == 1 else torchrun(processes, "--standalone")


def on_all_nodes(nodes: int, processes: int, cpus: int, environment: Mapping[str, str]) -> list[str]:
    """The words with which a SLURM job starts this module once on each of its nodes.

    One that fails ends all: the others would wait for it in their next exchange of gradients.

    Raises:
        MimicError: this is no job of SLURM.
    """
    if "SLURM_JOB_ID" not in environment:
        raise MimicError(
            f"{nodes} nodes are asked for outside of SLURM",
            where="pretrain.nodes",
            remedy="set it to 1, or run with --profile profiles/slurm",
        )
    one_each = [f"--nodes={nodes}", f"--ntasks={nodes}", "--ntasks-per-node=1", f"--cpus-per-task={cpus}"]
    own = [sys.executable, "-m", "mimic_core.machine.launch", f"--nodes={nodes}", f"--processes={processes}", "--here"]
    return ["srun", *one_each, "--kill-on-bad-exit=1", *own, "--"]


def on_this_node(nodes: int, processes: int, environment: Mapping[str, str]) -> list[str]:
    """The words before a script on one node of several, by what ``srun`` says of it.

    Raises:
        MimicError: ``srun`` has not started this.
    """
    try:
        rank, first = int(environment["SLURM_NODEID"]), environment["SLURM_LAUNCH_NODE_IPADDR"]
        port = PORTS[int(environment["SLURM_JOB_ID"]) % len(PORTS)]
    except (KeyError, ValueError) as error:
        raise MimicError(f"srun has not told this node's place: {error}", where="SLURM", remedy="drop --here") from None
    return torchrun(
        processes, f"--nnodes={nodes}", f"--node_rank={rank}", f"--master_addr={first}", f"--master_port={port}"
    )


def main(argv: Sequence[str] | None = None) -> None:
    """Become the command that starts the script."""
    parser = argparse.ArgumentParser(description="Start a training script in one process or many.")
    parser.add_argument("--nodes", type=int, default=1, help="nodes of the SLURM job (1)")
    parser.add_argument("--processes", type=int, default=1, help="processes on each (1)")
    parser.add_argument("--cpus", type=int, default=1, help="CPUs of a node for them together, where there are several")
    parser.add_argument("--here", action="store_true", help="this is one of the nodes, started by srun")
    parser.add_argument("script", nargs=argparse.REMAINDER, help="behind --, with its arguments")
    args = parser.parse_args(argv)
    script = args.script[1:] if args.script[:1] == ["--"] else args.script
    if not script:
        parser.error("no script is given")
    if args.nodes == 1:
        words = on_this_machine(args.processes)
    elif args.here:
        words = on_this_node(args.nodes, args.processes, os.environ)
    else:
        words = on_all_nodes(args.nodes, args.processes, args.cpus, os.environ)
    program.become([*words, *script])


if __name__ == "__main__":
    program.run(main)
