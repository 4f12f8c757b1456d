"""Start a training script in one process, in several on one machine, or on several nodes of a SLURM job.

One process is started directly, several by torchrun, which marks each log line with its process. With several nodes,
``srun`` starts this module once on each, and each starts its own torchrun. The rendezvous is at the node where ``srun``
ran, the first of the job, on a port derived from the job ID.

Run: python -m mimic_core.machine.launch --processes 8 -- train.py --epochs 10
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Mapping, Sequence

from mimic_core.kit import program
from mimic_core.kit.errors import MimicError

PORTS = range(20000, 30000)  # below Linux's ephemeral ports


def torchrun(processes: int, *options: str) -> list[str]:
    """Return the command prefix that starts a script under torchrun; options after the script are not torchrun's."""
    own = [*options, f"--nproc_per_node={processes}", "--tee=3", "--"]
    return [sys.executable, "-m", "torch.distributed.run", *own]


def on_this_machine(processes: int) -> list[str]:
    """Return the command prefix that starts a script on one machine."""
    return [sys.executable] if processes == 1 else torchrun(processes, "--standalone")


def on_all_nodes(nodes: int, processes: int, cpus: int, environment: Mapping[str, str]) -> list[str]:
    """Return the command prefix with which a SLURM job starts this module once on each of its nodes.

    If one node fails, all are ended, since the others would wait for it in their next gradient exchange.

    Raises:
        MimicError: this is not a SLURM job.
    """
    if "SLURM_JOB_ID" not in environment:
        raise MimicError(
            f"{nodes} nodes requested outside of SLURM",
            where="pretrain.nodes",
            remedy="set it to 1, or run with --profile profiles/slurm",
        )
    one_each = [f"--nodes={nodes}", f"--ntasks={nodes}", "--ntasks-per-node=1", f"--cpus-per-task={cpus}"]
    own = [sys.executable, "-m", "mimic_core.machine.launch", f"--nodes={nodes}", f"--processes={processes}", "--here"]
    return ["srun", *one_each, "--kill-on-bad-exit=1", *own, "--"]


def on_this_node(nodes: int, processes: int, environment: Mapping[str, str]) -> list[str]:
    """Return the command prefix that starts a script on one of several nodes, from the environment set by ``srun``.

    Raises:
        MimicError: this process was not started by ``srun``.
    """
    try:
        rank, first = int(environment["SLURM_NODEID"]), environment["SLURM_LAUNCH_NODE_IPADDR"]
        port = PORTS[int(environment["SLURM_JOB_ID"]) % len(PORTS)]
    except (KeyError, ValueError) as error:
        raise MimicError(
            f"srun did not set this node's variables: {error}", where="SLURM", remedy="drop --here"
        ) from None
    return torchrun(
        processes, f"--nnodes={nodes}", f"--node_rank={rank}", f"--master_addr={first}", f"--master_port={port}"
    )


def main(argv: Sequence[str] | None = None) -> None:
    """Replace this process with the command that starts the script."""
    parser = argparse.ArgumentParser(description="Start a training script in one process or many.")
    parser.add_argument("--nodes", type=int, default=1, help="nodes of the SLURM job (1)")
    parser.add_argument("--processes", type=int, default=1, help="processes on each (1)")
    parser.add_argument("--cpus", type=int, default=1, help="CPUs per node, with several nodes (1)")
    parser.add_argument(
        "--here", action="store_true", help="start the script on this node, one of several (under srun)"
    )
    parser.add_argument("script", nargs=argparse.REMAINDER, help="after --, with its arguments")
    args = parser.parse_args(argv)
    script = args.script[1:] if args.script[:1] == ["--"] else args.script
    if not script:
        parser.error("no script given")
    if args.nodes == 1:
        words = on_this_machine(args.processes)
    elif args.here:
        words = on_this_node(args.nodes, args.processes, os.environ)
    else:
        words = on_all_nodes(args.nodes, args.processes, args.cpus, os.environ)
    program.exec_command([*words, *script])


if __name__ == "__main__":
    program.run(main)
