"""Read units in a separate process, so that a file that takes too much memory or time does not fail its shard."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from mimic_core.frames import reader
from mimic_core.frames.views import Reader, Remark, Stored, stored_views
from mimic_core.kit.confined import Worker
from mimic_core.kit.errors import UnreadableError
from mimic_core.kit.in_worker import Limits
from mimic_core.sources import Unit

GIB = 1 << 30
MEDIA = Limits(memory=3 * GIB // 2, silence=180.0)  # enough to turn the largest images upright, and for 8K frames
SCENES = Limits(memory=8 * GIB, silence=600.0)  # enough for a building's meshes, textures and walkable area


class ConfinedReader:
    """Read units as :func:`mimic_core.frames.reader` does, in a separate process that is replaced if it is lost.

    Args:
        kind, settings, seed: as for :func:`mimic_core.frames.reader`.
        limits: memory and time limits of the process; by default those for the kind.

    Raises:
        MimicError: a setting cannot be used.
    """

    def __init__(self, kind: str, settings: Mapping[str, Any], seed: int, limits: Limits | None = None) -> None:
        reader(kind, settings, seed)  # report bad settings here, once
        self.arguments = (kind, dict(settings), seed)
        self.limits = limits or limits_of(kind)
        self.worker: Worker | None = None

    def __call__(self, unit: Unit) -> Iterator[Stored | Remark | UnreadableError]:
        """Yield what the reader yields, with each view as a :class:`Stored`.

        Raises:
            LostError: the process was lost; a new one reads the next unit.
        """
        if self.worker is None or self.worker.ended:
            self.worker = Worker(reading, self.arguments, self.limits)
        yield from self.worker.answers(unit)

    def __enter__(self) -> ConfinedReader:
        return self

    def __exit__(self, *_: object) -> None:
        if self.worker is not None and not self.worker.ended:
            self.worker.end()


def limits_of(kind: str) -> Limits:
    """Return the limits of a process that reads units of this kind."""
    return SCENES if kind == "scene" else MEDIA


def reading(kind: str, settings: Mapping[str, Any], seed: int) -> Reader:
    """Return the handler that runs in the process: it answers a unit with its views."""
    return partial(stored_views, reader(kind, settings, seed))
