"""Progress of long-running work: a bar on a terminal, a line every 30 s in a log."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Iterable, Iterator, Sized
from typing import Any, TypeVar

from tqdm import tqdm

from mimic_core.kit.in_worker import sign_of_life

Item = TypeVar("Item")

log = logging.getLogger("mimic")

LOG_INTERVAL = 30.0  # seconds between log lines


class Progress:
    """Counts steps and shows their rate and the time left.

    Args:
        total: number of steps; None if unknown.
        what: what a step is, in the plural ("videos", "iterations").
    """

    def __init__(self, total: int | None, what: str) -> None:
        self.total, self.what, self.done = total, what, 0
        self.started = self.spoke = time.monotonic()
        self.bar = tqdm(total=total, unit=" " + what, file=sys.stderr) if sys.stderr.isatty() else None

    def step(self, n: int = 1, note: str = "") -> None:
        """Count ``n`` more steps, and show ``note`` (a loss, a file name) beside them."""
        self.done += n
        sign_of_life()
        if self.bar is not None:
            self.bar.set_postfix_str(note, refresh=False)
            self.bar.update(n)
        elif time.monotonic() - self.spoke >= LOG_INTERVAL:
            self.spoke = time.monotonic()
            log.info("%s%s", self.line(), f" | {note}" if note else "")

    def line(self) -> str:
        """Format steps done, total, rate and time left as one line."""
        rate = self.done / max(time.monotonic() - self.started, 1e-9)
        if not self.total:
            return f"{self.done} {self.what} | {rate:.3g}/s"
        left = (self.total - self.done) / rate if rate > 0 else float("inf")
        return f"{self.done}/{self.total} {self.what} | {rate:.3g}/s | {duration(left)} left"

    def close(self, *, silent: bool = False) -> None:
        """Close the bar, or log a last line unless ``silent``."""
        if self.bar is not None:
            self.bar.close()
        elif not silent:
            seconds = time.monotonic() - self.started
            log.info("%d %s in %s (%.3g/s)", self.done, self.what, duration(seconds), self.done / max(seconds, 1e-9))

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: Any) -> None:
        self.close(silent=kind is GeneratorExit)  # the caller stopped iterating early


def track(items: Iterable[Item], what: str, total: int | None = None) -> Iterator[Item]:
    """Iterate over ``items`` and show progress."""
    if total is None and isinstance(items, Sized):
        total = len(items)
    with Progress(total, what) as progress:
        for item in items:
            yield item
            progress.step()


def duration(seconds: float) -> str:
    """Format seconds for people: ``48 s``, ``3 min 20 s``, ``5 h 12 min``."""
    if seconds == float("inf"):
        return "unknown time"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"
