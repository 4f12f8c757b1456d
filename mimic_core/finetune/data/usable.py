"""Leave out unusable samples of a dataset: each one is counted and logged."""

from __future__ import annotations

import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from mimic_core.finetune.data.samples import Skipped, Split
from mimic_core.foreign import foreign
from mimic_core.kit.errors import MimicError, printable
from mimic_core.kit.progress import Progress

log = logging.getLogger("mimic")

AT_ONCE = 512  # samples submitted for checks at once
NAMED = 20  # most samples that the log names; metrics.json names all

Opened = TypeVar("Opened", bound=Split[Any])


def run_check(check: Callable[..., object], *of: int) -> Skipped | None:
    """Run a check; return the error it raises as a skipped sample, or None."""
    try:
        with foreign("a sample that cannot be read", f"sample {of[0]}" if of else ""):  # readers name their files
            check(*of)
    except MimicError as error:
        return Skipped(printable(error.where), printable(error.what))
    return None


def open_usable(opener: Callable[[Path, str], Opened], root: Path, part: str, size: int, threads: int = 1) -> Opened:
    """Open a split without unusable samples, which are added to its ``skipped``.

    Args:
        opener: opens a split of the dataset in a folder.
        root: folder of the dataset.
        part: ``train``, ``val`` or ``test``.
        size: size of the images, pixels.
        threads: number of threads that read images.

    Raises:
        MimicError: the split cannot be opened, or has no usable sample.
    """
    split = opener(root, part)
    bad: dict[int, Skipped] = {}
    with ThreadPoolExecutor(max(threads, 1)) as pool, Progress(len(split), f"{part} samples") as progress:
        for start in range(0, len(split), AT_ONCE):
            rows = range(start, min(start + AT_ONCE, len(split)))
            found = pool.map(lambda row: run_check(split.check, row, size), rows)
            bad |= {row: skipped for row, skipped in zip(rows, found, strict=True) if skipped is not None}
            progress.step(len(rows))
    split.skipped += bad.values()
    split.leave_out(bad)
    log_skipped(split.skipped, part)
    if not len(split):
        where, what = split.skipped[0]
        remedy = f"check the dataset in {root}"
        raise MimicError(f"no {part} sample can be used; the first: {what}", where=where, remedy=remedy)
    return split


def log_skipped(skipped: list[Skipped], part: str) -> None:
    """Log the samples that were left out."""
    for where, what in skipped[:NAMED]:
        log.warning("left out: %s: %s", where, what)
    if skipped:
        log.warning("%d %s samples were left out", len(skipped), part)


def require_label(valid: NDArray[np.bool_], where: object, remedy: str) -> None:
    """Raise an error if no pixel of a sample has a label."""
    if not valid.any():
        raise MimicError("no pixel of this image has a label", where=where, remedy=remedy)
