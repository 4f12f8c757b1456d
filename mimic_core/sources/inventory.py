"""Compare a source's raw data on disk with the registry, for ``mimic check``."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mimic_core.foreign import check_regular, foreign
from mimic_core.kit.errors import MimicError, UnreadableError
from mimic_core.sources import open_source
from mimic_core.sources.base import Unit
from mimic_core.sources.content import format_counts, passed_over
from mimic_core.sources.registry import ACCESS, Entry

FOUND, MISSING, PARTIAL, CORRUPT = "found", "missing", "partial", "corrupt"
MOST_NAMED = 3  # unreadable units named in the text; the rest are counted

Look = Callable[[Unit], None]  # raises UnreadableError or another error if a unit cannot be read


@dataclass(frozen=True)
class Stock:
    """The state of a source's raw data on disk.

    Attributes:
        state: ``found``, ``missing``, ``partial`` (fewer units than its owner lists) or ``corrupt`` (unreadable units).
        units: number of units found, including unreadable ones.
        expected: number of units that its owner lists; None if unknown.
        faults: unit -> why it cannot be read.
        advice: what to do; empty if nothing is wrong.
        passed: counts of skipped files by suffix; only for a user's own data.
    """

    state: str
    units: int = 0
    expected: int | None = None
    faults: Mapping[str, str] = field(default_factory=dict)
    advice: str = ""
    passed: Mapping[str, int] = field(default_factory=dict)

    def __str__(self) -> str:
        of = f" of {self.expected:,}" if self.expected else ""
        parts = [self.state if self.state == MISSING else f"{self.state}, {self.units:,}{of} units"]
        if self.faults:
            shown = [f"{unit}: {why}" for unit, why in list(self.faults.items())[:MOST_NAMED]]
            more = len(self.faults) - len(shown)
            parts.append(f"{len(self.faults)} unreadable ({'; '.join(shown)}{f'; and {more} more' if more else ''})")
        if self.passed:
            parts.append(f"passed over: {format_counts(self.passed)}")
        return "; ".join([*parts, self.advice] if self.advice else parts)


def take_stock(settings: Mapping[str, Any], entry: Entry | None, look: Look | None = None) -> Stock:
    """Compare a source on disk with its row in the registry.

    Args:
        settings: its config block (``adapter``, ``origin``, ``root``).
        entry: its row; None for a source without one.
        look: called for every unit, raises if it cannot be read; if None, only file types and sizes are checked.
    """
    expected = entry.units if entry and settings["origin"] == "disk" else None
    source = open_source(settings["adapter"], settings.get("options"))
    count, faults, units = 0, dict[str, str](), list[Unit]()
    try:
        for unit in source.listed(settings["root"]):
            count += 1
            if why := next(faults_of(unit, look), ""):
                faults[unit.name] = why
            if source.user_data:
                units.append(unit)
    except MimicError as error:
        passed = passed_over(settings["root"], []) if source.user_data and Path(settings["root"]).is_dir() else {}
        return Stock(MISSING, 0, expected, advice=where_to_get(settings, entry, error), passed=passed)
    passed = passed_over(settings["root"], units) if source.user_data else {}
    if faults:
        advice = "mining skips and counts these units; fetch damaged or missing files again"
        return Stock(CORRUPT, count, expected, faults, advice, passed)
    if expected and count < expected:
        advice = "mining uses what is there; fetch the rest for all pairs"
        return Stock(PARTIAL, count, expected, {}, advice, passed)
    return Stock(FOUND, count, expected, passed=passed)


def faults_of(unit: Unit, look: Look | None) -> Iterator[str]:
    """Yield the reasons why a unit cannot be read."""
    if unit.fault:
        yield unit.fault
    for path in unit.files:
        if path.is_dir():
            continue  # a folder without images: its reader reports it
        try:
            if check_regular(path).st_size == 0:
                yield f"{path} is empty"
        except UnreadableError as error:
            yield f"{path}: {error.what}"
    if look is not None:
        try:
            with foreign("it cannot be read", unit.path):
                look(unit)
        except UnreadableError as error:
            yield error.what


def where_to_get(settings: Mapping[str, Any], entry: Entry | None, error: MimicError) -> str:
    """Return what to do about a source that is missing."""
    if settings["origin"] == "sample":
        return "create it with: snakemake sample"
    if entry is None or not entry.ask_at:
        return f"{error.what}: {error.where}; {error.remedy}"
    return f"{error.what}: {error.where}; get it at https://{entry.ask_at} ({ACCESS[entry.access]})"
