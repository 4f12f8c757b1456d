"""Read the statistics in a dataset's receipt, for the report."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from mimic_core.kit.read_receipts import ReadReceipt, read_receipt
from mimic_core.pairs import VERDICTS


def dataset_statistics(path: str | Path) -> dict[str, Any]:
    """Read the statistics of a dataset's receipt: its name, pairs taken by source, and mining statistics by source.

    Returns:
        ``{"dataset": name, "sources": {source: {"taken": count}}, "mining": {source: summed mining statistics}}``.

    Raises:
        MimicError: the receipt cannot be read, or was changed after it was written.
    """
    receipt = read_receipt(path)
    mining = {
        source: mining_statistics(receipt, "statistics", "mining", source)
        for source in receipt.block("statistics", "mining")
    }
    for row in mining.values():
        row["verdicts"] = dict.fromkeys(VERDICTS, 0) | row["verdicts"]
    return {
        "dataset": receipt.text("statistics", "dataset"),
        "sources": {
            source: {"taken": receipt.count("statistics", "sources", source, "taken")}
            for source in receipt.block("statistics", "sources")
        },
        "mining": mining,
    }


def shortfall(wanted: int, taken: int) -> str:
    """Return ``81% of the pairs wanted`` for a dataset with too few pairs, and an empty string otherwise."""
    return f"{100 * taken // wanted}% of the pairs wanted" if taken < wanted else ""


def shortfalls(receipts: Iterable[str | Path]) -> dict[str, str]:
    """Return the :func:`shortfall` of each dataset that has fewer pairs than wanted.

    Args:
        receipts: of datasets.

    Raises:
        MimicError: a receipt cannot be read, or was changed after it was written.
    """
    found = {}
    for path in receipts:
        receipt = read_receipt(path)
        counts = (receipt.count("statistics", name) for name in ("wanted", "pairs"))
        found[receipt.text("statistics", "dataset")] = shortfall(*counts)
    return {dataset: text for dataset, text in found.items() if text}


def mining_statistics(receipt: ReadReceipt, *keys: str) -> dict[str, Any]:
    """Read the mining statistics under these keys of a receipt.

    Returns:
        ``seen``, ``views``, ``verdicts`` by name, ``unreadable`` and ``remarks`` by unit.

    Raises:
        MimicError: the receipt was changed after it was written.
    """
    return {
        "seen": receipt.count(*keys, "seen"),
        "views": receipt.count(*keys, "views"),
        "verdicts": receipt.counts(*keys, "verdicts"),
        "unreadable": receipt.texts(*keys, "unreadable"),
        "remarks": remarks(receipt, *keys, "remarks"),
    }


def remarks(receipt: ReadReceipt, *keys: str) -> dict[str, list[str]]:
    """Read the remarks on units, a list for each; empty if the receipt has no remarks, as in older versions."""
    if keys[-1] not in receipt.block(*keys[:-1]):
        return {}
    found: dict[str, list[str]] = {}
    for unit, texts in receipt.block(*keys).items():
        if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
            raise receipt.fault((*keys, unit), "is not a list of strings")
        found[unit] = list(texts)
    return found
