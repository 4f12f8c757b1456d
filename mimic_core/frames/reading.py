"""Reading units in a process of its own: a file that takes too much memory or time costs itself, not its shard."""

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
MEDIA = Limits(memory=3 * GIB // 2, silence=180.0)  # the largest pictures, upright, and frames of 8K
SCENES = Limits(memory=8 * GIB, silence=600.0)  # meshes and textures of a building; its walkable area is worked out


class ConfinedReader:
    """Reads units as :func:`mimic_core.frames.reader` does, in a process of its own that is made anew when it is lost.

    Args:
        kind, settings, seed: as there.
        limits: of the process; by default those of the kind.

    Raises:
        MimicError: a setting cannot be used.
    """

    def __init__(self, kind: str, settings: Mapping[str, Any], seed: int, limits: Limits | None = None) -> None:
        reader(kind, settings, seed)  # what is wrong with the settings is said here, once
        self.arguments = (kind, dict(settings), seed)
        self.limits = limits or limits_of(kind)
        self.worker: Worker | None = None

    def __call__(self, unit: Unit) -> Iterator[Stored | Remark | UnreadableError]:
        """Yield what the reader yields, views as they are stored.

        Raises:
            LostError: the process was lost; the next unit is read by a new one.
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
    """The limits of a process that reads units of that kind."""
    return SCENES if kind == "scene" else MEDIA


def reading(kind: str, settings: Mapping[str, Any], seed: int) -> Reader:
    """In the process: what answers a unit with its views."""
    return partial(stored_views, reader(kind, settings, seed))
