"""The paper's tables and figures, with our numbers beside the paper's."""

from typing import TYPE_CHECKING

from mimic_core.kit.doors import lazy_door

if TYPE_CHECKING:
    from mimic_core.report.encoders import Encoders
    from mimic_core.report.gallery import write_gallery
    from mimic_core.report.registry import FIGURES, TABLES, Comparison, TableInputs, make_table, table

__all__ = [
    "FIGURES",
    "TABLES",
    "Comparison",
    "Encoders",
    "TableInputs",
    "make_table",
    "table",
    "write_gallery",
]

MODULES = {  # imported when first used, so that the rules can read the list of tables without pandas
    "write_gallery": "gallery",
    "Encoders": "encoders",
    **dict.fromkeys(("FIGURES", "TABLES", "Comparison", "TableInputs", "make_table", "table"), "registry"),
}

__getattr__ = lazy_door(__name__, MODULES)
