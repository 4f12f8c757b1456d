"""The workflow's config: read, checked, and quoted where Snakemake hands it to a shell.

:mod:`wiring`, what the rules ask of a config, is a door of its own.
"""

from typing import TYPE_CHECKING

from mimic_core.kit.doors import lazy_door

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

# The wiring is beside these, and loads none of them
__getattr__ = lazy_door(__name__, {}, __all__, "checking")
