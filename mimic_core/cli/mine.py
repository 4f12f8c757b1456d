"""``mimic mine``: pairs from a folder of videos, folders of images, or both."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import Any

from mimic_core.kit.errors import MimicError, printable

HELP = "mine pairs from a folder of videos, image folders, or both"
SOME_FAILED = 3  # exit code: done, but not all files could be read


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of ``mimic mine``."""
    parser.add_argument("folder", type=Path, help="searched at any depth")
    parser.add_argument("--out", type=Path, required=True, help="folder to write to")
    parser.add_argument(
        "--every",
        type=seconds,
        default=1.0,
        metavar="SECONDS",
        help="between two views of a video (1.0s); 0: every frame",
    )
    parser.add_argument(
        "--overlap", type=float, nargs=2, default=(0.5, 0.75), metavar=("LOW", "HIGH"), help="bounds (0.5 0.75)"
    )
    parser.add_argument(
        "--near-duplicates", type=int, default=-1, metavar="BITS", help="leave out pairs whose hashes differ by no more"
    )
    parser.add_argument(
        "--blur-faces", default="", metavar="MODEL", help="blur faces before anything is written: auto, or a .onnx file"
    )
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes (one a core)")
    parser.add_argument("--seed", type=int, default=0)


def seconds(text: str) -> float:
    """Argparse type of ``--every``: ``0.5`` or ``0.5s``."""
    return float(text.removesuffix("s"))


def run(args: argparse.Namespace) -> None:
    """Mine a folder, and print what became of the candidates and what could not be read.

    Leaves with exit code 3 where something could not be read and the rest was mined.
    """
    from mimic_core.pairs import MiningSettings
    from mimic_core.pairs.folder import FolderSettings, mine_folder
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


def summary(statistics: dict[str, Any]) -> str:
    """A table of the verdicts, and each video that could not be read."""
    from mimic_core.pairs import VERDICTS
    from mimic_core.sources import told

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
