"""The paper's tables and figures, our numbers beside the paper's own."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mimic_core.report.gallery import write_gallery
    from mimic_core.report.registry import FIGURES, TABLES, Comparison, Given, make_table, table

__all__ = [
    "FIGURES",
    "TABLES",
    "Comparison",
    "Given",
    "make_table",
    "table",
    "write_gallery",
]

MODULES = {  # imported when first used, so that the rules can read the list of tables without pandas
    "write_gallery": "gallery",
    **dict.fromkeys(("FIGURES", "TABLES", "Comparison", "Given", "make_table", "table"), "registry"),
}


def __getattr__(name: str) -> Any:
    if name not in MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{MODULES[name]}"), name)
