"""The command ``mimic``: thin over the functions that the workflow calls."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from pathlib import Path

from mimic_core import __version__, command
from mimic_core.errors import MimicError, printable
from mimic_core.plan.command import add_arguments as add_plan_arguments
from mimic_core.plan.command import plan_command

SOME_FAILED = 3  # exit code: done, but not all files could be read


def main(argv: Sequence[str] | None = None) -> None:
    """Run ``mimic``."""
    command.run(dispatch, argv)


def dispatch(argv: Sequence[str] | None = None) -> None:
    """Parse the command line and call the command."""
    parser = argparse.ArgumentParser(prog="mimic", description="Mine image pairs with patch correspondences.")
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(required=True)

    mine = commands.add_parser("mine", help="mine pairs from a folder of videos, image folders, or both")
    mine.add_argument("folder", type=Path, help="searched at any depth")
    mine.add_argument("--out", type=Path, required=True, help="folder to write to")
    mine.add_argument(
        "--every",
        type=seconds,
        default=1.0,
        metavar="SECONDS",
        help="between two views of a video (1.0s); 0: every frame",
    )
    mine.add_argument(
        "--overlap", type=float, nargs=2, default=(0.5, 0.75), metavar=("LOW", "HIGH"), help="bounds (0.5 0.75)"
    )
    mine.add_argument(
        "--near-duplicates", type=int, default=-1, metavar="BITS", help="leave out pairs whose hashes differ by no more"
    )
    mine.add_argument(
        "--blur-faces", default="", metavar="MODEL", help="blur faces before anything is written: auto, or a .onnx file"
    )
    mine.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes (one a core)")
    mine.add_argument("--seed", type=int, default=0)
    mine.set_defaults(call=mine_command)

    gallery = commands.add_parser("gallery", help="write the gallery of a mined folder anew")
    gallery.add_argument("folder", type=Path, help="what mimic mine wrote")
    gallery.add_argument("--most", type=int, default=300, help="retained pairs shown, and as many rejected (300)")
    gallery.set_defaults(call=gallery_command)

    plan = commands.add_parser("plan", help="what a config will cost before it runs: jobs, time, GPU-days, disk")
    add_plan_arguments(plan)
    plan.set_defaults(call=plan_command)

    recover = commands.add_parser("recover", help="after a crash: what still runs, and how to start again")
    recover.add_argument("folder", type=Path, nargs="?", default=Path("results"), help="results folder (results)")
    recover.add_argument("--cancel", action="store_true", help="end jobs that still run; without --yes they are listed")
    recover.add_argument("--yes", action="store_true", help="do it; also: no Snakemake runs here on another machine")
    recover.set_defaults(call=recover_folder)

    check = commands.add_parser("check", help="is every tool there, and all raw data?")
    check.add_argument(
        "--configfile", type=Path, nargs="+", default=[], help="overlays on top of config.yaml: whose sources to check"
    )
    check.add_argument("--deep", action="store_true", help="read the first view of every video, group and scene")
    check.set_defaults(call=check_tools)

    args = parser.parse_args(argv)
    args.call(args)


def seconds(text: str) -> float:
    """Argparse type of ``--every``: ``0.5`` or ``0.5s``."""
    return float(text.removesuffix("s"))


def mine_command(args: argparse.Namespace) -> None:
    """Mine a folder, and print what became of the candidates and what could not be read.

    Leaves with exit code 3 where something could not be read and the rest was mined.
    """
    from mimic_core.pairs.folder import FolderSettings, mine_folder
    from mimic_core.pairs.settings import MiningSettings
    from mimic_core.report.gallery import write_gallery

    low, high = args.overlap
    if not 0 <= low < high <= 1:
        raise MimicError(
            f"{low:g} to {high:g} is no range of overlaps", where="--overlap", remedy="give 0 <= LOW < HIGH <= 1"
        )
    if not 0 <= args.every < float("inf"):
        raise MimicError(
            f"an interval of {args.every:g} s", where="--every", remedy="give seconds; 0 takes every frame"
        )
    if not -1 <= args.near_duplicates <= 64:
        what = f"hashes have 64 bits, not {args.near_duplicates}"
        raise MimicError(what, where="--near-duplicates", remedy="give 0 to 64; -1 turns the rule off")
    if args.jobs < 1:
        raise MimicError(f"{args.jobs} jobs", where="--jobs", remedy="give 1 or more")
    mining = MiningSettings(min_overlap=low, max_overlap=high, near_duplicate_bits=args.near_duplicates)
    settings = FolderSettings(args.every, args.blur_faces, mining, args.seed)
    statistics = mine_folder(args.folder, args.out, settings, args.jobs, confined=True)
    page = write_gallery(args.out, checked=True)  # before anything is printed: whoever reads it may have left
    print(summary(statistics))
    print(f"\npairs: {args.out / 'pairs.tar'}, table: {args.out / 'pairs.parquet'}, to look at: {page}")
    if statistics["unreadable"]:
        raise SystemExit(SOME_FAILED)


def gallery_command(args: argparse.Namespace) -> None:
    """Write the gallery and say where it is."""
    from mimic_core.report.gallery import write_gallery

    print(write_gallery(args.folder, max(1, args.most)))


def summary(statistics: dict) -> str:
    """A table of the verdicts, and each video that could not be read."""
    from mimic_core.pairs.measurement import VERDICTS
    from mimic_core.sources.content import told

    rows = [("seen", statistics["seen"]), *((name, statistics["verdicts"][name]) for name in VERDICTS)]
    lines = [f"{name:<16}{count:>8,}" for name, count in rows if count]
    if statistics["faces"]:
        lines.append(f"faces blurred   {statistics['faces']:>8,}")
    lines += [f"nothing moves in {printable(unit)}" for unit in statistics["still"]]
    for unit, remarks in statistics["remarks"].items():
        lines.append(f"note: {printable(unit)}: {printable('; '.join(remarks))}")
    if statistics["passed_over"]:
        lines.append(f"passed over: {told(statistics['passed_over'])}")
    for unit, reason in statistics["unreadable"].items():
        lines.append(f"unreadable: {printable(unit)}: {printable(reason)}")
    return "\n".join(lines)


def check_tools(args: argparse.Namespace) -> None:
    """Print a line a tool; fail where one is missing."""
    from mimic_core.check import checks

    found = []
    for fine, what, detail in checks(Path(), args.configfile, args.deep):
        found.append(fine)
        print(f"{'ok  ' if fine else 'FAIL'}  {what:<28} {detail}")
    if not all(found):
        raise MimicError("something is missing", where="the lines marked FAIL", remedy="do what they say")


def recover_folder(args: argparse.Namespace) -> None:
    """Bring a folder whose Snakemake was killed into a state to start again from."""
    from mimic_core.recover import recover

    recover(args.folder, cancel=args.cancel, sure=args.yes)


if __name__ == "__main__":
    main()
