"""Handle stop signals: SIGTERM (schedulers, Snakemake) and SIGUSR1 (SLURM's warning before the time limit)."""

from __future__ import annotations

import signal
from types import FrameType
from typing import Any


class StopSignals:
    """Context in which the two signals are recorded instead of ending the process.

    Attributes:
        received: name of the last signal received, or None.
    """

    handled = (signal.SIGTERM, signal.SIGUSR1)

    def __init__(self) -> None:
        self.received: str | None = None
        self.before: dict[signal.Signals, Any] = {}

    def note(self, number: int, frame: FrameType | None) -> None:
        """Signal handler: record the signal's name."""
        self.received = signal.Signals(number).name

    def __enter__(self) -> StopSignals:
        self.before = {number: signal.signal(number, self.note) for number in self.handled}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self.before.items():
            signal.signal(number, handler)
