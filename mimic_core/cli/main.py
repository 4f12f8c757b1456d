"""The command ``mimic``. Each subcommand is a file: a thin layer over the functions that the workflow calls."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from mimic_core import __version__
from mimic_core.cli import check, gallery, mine, plan, recover
from mimic_core.kit import program

COMMANDS = {"mine": mine, "gallery": gallery, "plan": plan, "recover": recover, "check": check}


def main(argv: Sequence[str] | None = None) -> None:
    """Run ``mimic``."""
    program.run(dispatch, argv)


def dispatch(argv: Sequence[str] | None = None) -> None:
    """Parse the command line and run the subcommand."""
    parser = argparse.ArgumentParser(prog="mimic", description="Mine image pairs with patch correspondences.")
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(required=True)
    for name, command in COMMANDS.items():
        words = commands.add_parser(name, help=command.HELP)
        command.add_arguments(words)
        words.set_defaults(call=command.run)
    args = parser.parse_args(argv)
    args.call(args)


if __name__ == "__main__":
    main()
