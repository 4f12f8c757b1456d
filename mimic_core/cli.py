"""The command ``mimic``: thin over the functions that the workflow calls."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from mimic_core import __version__, command
from mimic_core.errors import MimicError


def main(argv: Sequence[str] | None = None) -> None:
    """Run ``mimic``."""
    command.run(dispatch, argv)


def dispatch(argv: Sequence[str] | None = None) -> None:
    """Parse the command line and call the command."""
    parser = argparse.ArgumentParser(prog="mimic", description="Mine image pairs with patch correspondences.")
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(required=True)

    mine = commands.add_parser("mine", help="mine pairs from a folder of videos")
    mine.add_argument("folder", type=Path, help="folder of videos, searched at any depth")
    mine.add_argument("--out", type=Path, required=True, help="folder to write to")
    mine.add_argument("--every", type=float, default=1.0, metavar="SECONDS", help="seconds between views (1.0)")
    mine.add_argument(
        "--overlap", type=float, nargs=2, default=(0.5, 0.75), metavar=("LOW", "HIGH"), help="bounds (0.5 0.75)"
    )
    mine.add_argument("--seed", type=int, default=0)
    mine.set_defaults(call=mine_folder)

    check = commands.add_parser("check", help="is every tool there?")
    check.set_defaults(call=check_tools)

    args = parser.parse_args(argv)
    args.call(args)


def mine_folder(args: argparse.Namespace) -> None:
    """Write views, candidates, pairs and their tar below ``--out``, and print what became of the candidates."""
    from mimic_core.pairs.settings import MiningSettings
    from mimic_core.pairs.videos import mine_videos

    low, high = args.overlap
    if not 0 <= low < high <= 1:
        raise MimicError(
            f"{low:g} to {high:g} is no range of overlaps", where="--overlap", remedy="give 0 <= LOW < HIGH <= 1"
        )
    if args.every < 0:
        raise MimicError("an interval cannot be negative", where="--every", remedy="give seconds; 0 takes every frame")
    settings = MiningSettings(min_overlap=low, max_overlap=high)
    statistics = mine_videos(args.folder, args.out, interval=args.every, settings=settings, seed=args.seed)
    print(summary(statistics))
    print(f"\npairs: {args.out / 'pairs.tar'}, table: {args.out / 'pairs.parquet'}")


def summary(statistics: dict) -> str:
    """A table of the verdicts, and each video that could not be read."""
    rows = [("seen", statistics["seen"]), *((name, count) for name, count in statistics["verdicts"].items() if count)]
    lines = [f"{name:<16}{count:>8,}" for name, count in rows]
    return "\n".join(lines + [f"unreadable: {unit}: {reason}" for unit, reason in statistics["unreadable"].items()])


def check_tools(_: argparse.Namespace) -> None:
    """Print a line a tool; fail where one is missing."""
    from mimic_core.check import checks

    found = list(checks(Path()))
    for fine, what, detail in found:
        print(f"{'ok  ' if fine else 'FAIL'}  {what:<28} {detail}")
    if not all(fine for fine, _, _ in found):
        raise MimicError("something is missing", where="the lines marked FAIL", remedy="do what they say")


if __name__ == "__main__":
    main()
