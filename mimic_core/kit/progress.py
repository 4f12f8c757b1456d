"""Progress of anything that takes over ten seconds: a bar on a terminal, a line every 30 s in a log."""

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

LOG_INTERVAL = 30.0  # seconds between two lines of a log


class Progress:
    """Counts work done and says how fast it goes and how long it will still take.

    Args:
        total: how many steps there are; None where that is unknown.
        what: the unit of a step, in the plural ("videos", "iterations").
    """

    def __init__(self, total: int | None, what: str) -> None:
        self.total, self.what, self.done = total, what, 0
        self.started = self.spoke = time.monotonic()
        self.bar = tqdm(total=total, unit=" " + what, file=sys.stderr) if sys.stderr.isatty() else None

    def step(self, n: int = 1, note: str = "") -> None:
        """Count ``n`` more steps; ``note`` is shown beside them (a loss, a file name)."""
        self.done += n
        sign_of_life()
        if self.bar is not None:
            self.bar.set_postfix_str(note, refresh=False)
            self.bar.update(n)
        elif time.monotonic() - self.spoke >= LOG_INTERVAL:
            self.spoke = time.monotonic()
            log.info("%s%s", self.line(), f" | {note}" if note else "")

    def line(self) -> str:
        """Done, total, rate and time left in one line."""
        rate = self.done / max(time.monotonic() - self.started, 1e-9)
        if not self.total:
            return f"{self.done} {self.what} | {rate:.3g}/s"
        left = (self.total - self.done) / rate if rate > 0 else float("inf")
        return f"{self.done}/{self.total} {self.what} | {rate:.3g}/s | {duration(left)} left"

    def close(self, *, silent: bool = False) -> None:
        """End the bar, or leave a last line in the log; in silence, none."""
        if self.bar is not None:
            self.bar.close()
        elif not silent:
            seconds = time.monotonic() - self.started
            log.info("%d %s in %s (%.3g/s)", self.done, self.what, duration(seconds), self.done / max(seconds, 1e-9))

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: Any) -> None:
        self.close(silent=kind is GeneratorExit)  # whoever takes the first alone waits for no end


def track(items: Iterable[Item], what: str, total: int | None = None) -> Iterator[Item]:
    """Iterate over ``items`` and show the progress."""
    if total is None and isinstance(items, Sized):
        total = len(items)
    with Progress(total, what) as progress:
        for item in items:
            yield item
            progress.step()


def duration(seconds: float) -> str:
    """Seconds as a person says them: ``48 s``, ``3 min 20 s``, ``5 h 12 min``."""
    if seconds == float("inf"):
        return "unknown time"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"
