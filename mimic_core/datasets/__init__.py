"""Datasets of retained pairs: composition, assembly, reading by offset."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mimic_core.datasets.dataset import PairDataset

__all__ = ["PairDataset"]


def __getattr__(name: str) -> Any:
    # lazy, since mimic plan reads the composition on machines without the scientific stack
    if name == "PairDataset":
        from mimic_core.datasets.dataset import PairDataset

        return PairDataset
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
