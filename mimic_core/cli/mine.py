"""``mimic mine``: mine pairs from a folder of videos, image folders, or both."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mimic_core.kit.errors import MimicError, printable

if TYPE_CHECKING:
    from mimic_core.pairs.folder import FolderSettings

HELP = "mine pairs from a folder of videos, image folders, or both"
SOME_FAILED = 3  # exit code: done, but some files were unreadable
OPTIONS = {  # setting -> option that gives it
    "pairs.min_overlap": "--overlap",
    "pairs.max_overlap": "--overlap",
    "pairs.near_duplicate_bits": "--near-duplicates",
    "mine.interval": "--every",
    "mine.seed": "--seed",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``mimic mine``."""
    parser.add_argument("folder", type=Path, help="folder to search, including its subfolders")
    parser.add_argument("--out", type=Path, required=True, help="folder to write to")
    parser.add_argument(
        "--every",
        type=seconds,
        metavar="SECONDS",
        help="time between two views of a video (default: 1.0); 0: every frame",
    )
    parser.add_argument(
        "--overlap",
        type=float,
        nargs=2,
        metavar=("LOW", "HIGH"),
        help="keep pairs whose overlap is between these (default: 0.5 0.75)",
    )
    parser.add_argument(
        "--near-duplicates", type=int, metavar="BITS", help="leave out pairs whose hashes differ in at most BITS bits"
    )
    parser.add_argument(
        "--blur-faces", metavar="MODEL", help="blur faces before anything is written: auto, or a .onnx file"
    )
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="number of processes (one per core)")
    parser.add_argument("--seed", type=int, help="random seed (default: 0)")


def seconds(text: str) -> float:
    """Argparse type of ``--every``: parse ``0.5`` or ``0.5s``."""
    return float(text.removesuffix("s"))


def run(args: argparse.Namespace) -> None:
    """Mine a folder, and print the verdicts on its candidates and the files that could not be read.

    Exits with code 3 if some files could not be read and the rest was mined.
    """
    from mimic_core.pairs.folder import mine_folder
    from mimic_core.report import write_gallery

    if args.jobs < 1:
        raise MimicError(f"{args.jobs} jobs", where="--jobs", remedy="give 1 or more")
    settings = settings_of(args)
    statistics = mine_folder(args.folder, args.out, settings, args.jobs, confined=True)
    page = write_gallery(args.out, checked=True)  # before printing, which fails if the reader of stdout is gone
    print(summary(statistics))
    print(f"\npairs: {args.out / 'pairs.tar'}, table: {args.out / 'pairs.parquet'}, gallery: {page}")
    if statistics["unreadable"]:
        raise SystemExit(SOME_FAILED)


def settings_of(args: argparse.Namespace) -> FolderSettings:
    """Make settings from the given options; the others keep their defaults.

    Raises:
        MimicError: a value is out of range; it names the option.
    """
    from mimic_core.pairs import MiningSettings
    from mimic_core.pairs.folder import FolderSettings

    low, high = args.overlap or (None, None)
    mining = {"min_overlap": low, "max_overlap": high, "near_duplicate_bits": args.near_duplicates}
    folder = {"interval": args.every, "blur_faces": args.blur_faces, "seed": args.seed}
    try:
        return FolderSettings(mining=MiningSettings(**given(mining)), **given(folder))
    except MimicError as error:
        raise MimicError(error.what, where=OPTIONS.get(error.where, error.where), remedy=error.remedy) from None


def given(values: dict[str, Any]) -> dict[str, Any]:
    """Return the values that are not None."""
    return {name: value for name, value in values.items() if value is not None}


def summary(statistics: dict[str, Any]) -> str:
    """Format the verdicts as a table, followed by notes and the videos that could not be read."""
    from mimic_core.pairs import VERDICTS
    from mimic_core.sources import format_counts

    rows = [("seen", statistics["seen"]), *((name, statistics["verdicts"][name]) for name in VERDICTS)]
    lines = [f"{name:<16}{count:>8,}" for name, count in rows if count]
    if statistics["faces"]:
        lines.append(f"faces blurred   {statistics['faces']:>8,}")
    lines += [f"nothing moves in {printable(unit)}" for unit in statistics["still"]]
    for unit, remarks in statistics["remarks"].items():
        lines.append(f"note: {printable(unit)}: {printable('; '.join(remarks))}")
    if statistics["passed_over"]:
        lines.append(f"passed over: {format_counts(statistics['passed_over'])}")
    for unit, reason in statistics["unreadable"].items():
        lines.append(f"unreadable: {printable(unit)}: {printable(reason)}")
    return "\n".join(lines)
