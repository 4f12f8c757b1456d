"""The workflow's config: read, checked, and quoted where Snakemake hands it to a shell.

:mod:`wiring`, what the rules ask of a config, is a door of its own.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mimic_core.config.checking import SCHEMA, as_typed, check_config, check_values, merge, read_config, read_schema

__all__ = [
    "SCHEMA",
    "as_typed",
    "check_config",
    "check_values",
    "merge",
    "read_config",
    "read_schema",
]


def __getattr__(name: str) -> Any:
    # The wiring is beside these, and loads none of them
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.checking"), name)
