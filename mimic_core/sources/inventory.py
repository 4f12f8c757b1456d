"""What of a source lies on disk, compared with the registry: what ``mimic check`` says of raw data."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mimic_core.foreign import check_regular, foreign
from mimic_core.kit.errors import MimicError, UnreadableError
from mimic_core.sources import open_source
from mimic_core.sources.base import Unit
from mimic_core.sources.content import passed_over, told
from mimic_core.sources.registry import ACCESS, Entry

FOUND, MISSING, PARTIAL, CORRUPT = "found", "missing", "partial", "corrupt"
NAMED = 3  # units at fault that are named; the rest is counted

Look = Callable[[Unit], None]  # raises UnreadableError, or another error, where a unit cannot be read


@dataclass(frozen=True)
class Stock:
    """What lies on disk of one source.

    Attributes:
        state: ``found``, ``missing``, ``partial`` (fewer units than its owner gives) or ``corrupt`` (units at fault).
        units: how many were found, those at fault included.
        expected: how many its owner gives; None where that is not known.
        faults: unit -> why it cannot be read.
        advice: what to do; empty where nothing is to be done.
        passed: what lies there and is in no unit, by suffix; of one's own data alone.
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
            shown = [f"{unit}: {why}" for unit, why in list(self.faults.items())[:NAMED]]
            more = len(self.faults) - len(shown)
            parts.append(f"{len(self.faults)} at fault ({'; '.join(shown)}{f'; and {more} more' if more else ''})")
        if self.passed:
            parts.append(f"passed over: {told(self.passed)}")
        return "; ".join([*parts, self.advice] if self.advice else parts)


def take_stock(settings: Mapping[str, Any], entry: Entry | None, look: Look | None = None) -> Stock:
    """Compare a source on disk with its row of the registry.

    Args:
        settings: its config block (``adapter``, ``origin``, ``root``).
        entry: its row; None for a source without one.
        look: called for every unit, and raises where it cannot be read; without it only file sizes are looked at.
    """
    expected = entry.units if entry and settings["origin"] == "disk" else None
    source = open_source(settings["adapter"], settings.get("options"))
    count, faults, units = 0, dict[str, str](), list[Unit]()
    try:
        for unit in source.listed(settings["root"]):
            count += 1
            if why := next(faults_of(unit, look), ""):
                faults[unit.name] = why
            if source.everything:
                units.append(unit)
    except MimicError as error:
        passed = passed_over(settings["root"], []) if source.everything and Path(settings["root"]).is_dir() else {}
        return Stock(MISSING, 0, expected, advice=where_to_get(settings, entry, error), passed=passed)
    passed = passed_over(settings["root"], units) if source.everything else {}
    if faults:
        advice = "mining leaves these out and counts them; fetch again what is damaged or missing"
        return Stock(CORRUPT, count, expected, faults, advice, passed)
    if expected and count < expected:
        advice = "mining takes what is there; fetch the rest for all pairs"
        return Stock(PARTIAL, count, expected, {}, advice, passed)
    return Stock(FOUND, count, expected, passed=passed)


def faults_of(unit: Unit, look: Look | None) -> Iterator[str]:
    """Why a unit cannot be read."""
    if unit.fault:
        yield unit.fault
    for path in unit.files:
        if path.is_dir():
            continue  # a folder of images that holds none, which its reader says
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
    """What to do about a source of which nothing is there."""
    if settings["origin"] == "sample":
        return "the workflow makes it: snakemake sample"
    if entry is None or not entry.ask_at:
        return f"{error.what}: {error.where}; {error.remedy}"
    return f"{error.what}: {error.where}; get it at https://{entry.ask_at} ({ACCESS[entry.access]})"
