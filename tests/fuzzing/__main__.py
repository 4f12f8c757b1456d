"""Run it by hand, for as long as one likes."""

import argparse
from pathlib import Path

from fuzzing.run import fuzz
from fuzzing.targets import TARGETS


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0, help="in all")
    parser.add_argument("--only", nargs="+", choices=list(TARGETS), default=list(TARGETS))
    parser.add_argument("--start", type=int, default=0, help="number of the first round")
    parser.add_argument("--keep", type=Path, help="folder for what showed a fault")
    args = parser.parse_args()
    outcomes = fuzz(args.only, args.seconds, args.start, args.keep)
    print(f"{'reader':<14}{'rounds':>8}{'read':>8}{'refused':>9}{'faults':>8}{'peak MiB':>10}{'slowest':>9}")
    for name, outcome in outcomes.items():
        counts = [sum(outcome.counts.values()), outcome.counts["read"], outcome.counts["refused"], len(outcome.faults)]
        print(
            f"{name:<14}{counts[0]:>8}{counts[1]:>8}{counts[2]:>9}{counts[3]:>8}{outcome.peak:>10}{outcome.slowest:>8.1f}s"
        )
    for name, outcome in outcomes.items():
        for fault in outcome.faults:
            print(f"\n{name}, {fault}")
    raise SystemExit(any(outcome.faults for outcome in outcomes.values()))


if __name__ == "__main__":
    main()
