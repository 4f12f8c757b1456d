"""Write all cases, or some, run the product on them, and print a table."""

import argparse
import shutil
import sys
import tempfile
import textwrap
from pathlib import Path

from cases import all_cases
from cases.base import Running

COLUMNS = (("case", 5), ("right value", 56), ("seen", 72), ("ok", 8))


def main() -> None:
    cases = all_cases()
    parser = argparse.ArgumentParser(prog="python -m cases", description=__doc__)
    parser.add_argument("ids", nargs="*", metavar="ID", help="such as F02 M3 (all)")
    parser.add_argument("--keep", type=Path, help="folder for the inputs and results; by default they are removed")
    parser.add_argument("--jobs", type=int, default=2, help="cases at once (2)")
    parser.add_argument("--list", action="store_true", help="name the cases, run none")
    args = parser.parse_args()
    if unknown := [one for one in args.ids if one not in cases]:
        parser.error(f"no such case: {', '.join(unknown)}; there are {', '.join(cases)}")
    if args.list:
        print("\n".join(f"{one.id:<6}{one.title}" for one in cases.values()))
        return
    chosen = [cases[one] for one in args.ids] or list(cases.values())
    folder = args.keep or Path(tempfile.mkdtemp(prefix="cases-"))
    wrong = []
    print(row(*(name for name, _ in COLUMNS)))
    print("-+-".join("-" * width for _, width in COLUMNS))
    running = Running(chosen, folder, args.jobs, keep=args.keep is not None)
    try:
        for number, one in enumerate(chosen, 1):
            progress(f"{number} of {len(chosen)}: {one.id}, {one.title}")
            seen, seconds = running.answers[one.id].result()
            progress("")
            text = seen.text + "".join(f" NOT: {name}." for name in seen.wrong)
            verdict = f"{'yes' if seen.right else 'NO'} {seconds:.0f} s"
            print(row(one.id, f"{one.title}: {one.right}", text, verdict), flush=True)
            wrong += [] if seen.right else [one.id]
    finally:
        running.end()
        if args.keep is None:
            shutil.rmtree(folder, ignore_errors=True)
    print(
        f"\n{len(chosen) - len(wrong)} of {len(chosen)} cases are right" + f"; wrong: {' '.join(wrong)}" * bool(wrong)
    )
    raise SystemExit(bool(wrong))


def row(*cells: str) -> str:
    """A row of the table, in as many lines as its longest cell needs."""
    wrapped = [textwrap.wrap(cell, width) or [""] for cell, (_, width) in zip(cells, COLUMNS, strict=True)]
    height = max(map(len, wrapped))
    lines = []
    for number in range(height):
        parts = [
            (lines_of[number] if number < len(lines_of) else "").ljust(width)
            for lines_of, (_, width) in zip(wrapped, COLUMNS, strict=True)
        ]
        lines.append(" | ".join(parts).rstrip())
    return "\n".join(lines)


def progress(text: str) -> None:
    """One line on a terminal, written over; nothing elsewhere."""
    if sys.stderr.isatty():
        print(f"\r\033[K{text[:100]}", end="", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
