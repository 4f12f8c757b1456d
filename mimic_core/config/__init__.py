"""Read and check the workflow's config, and check names that Snakemake passes to a shell.

The rules import :mod:`wiring`, which derives their inputs, settings and resources from a config.
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

# lazy, so that importing the wiring does not load these modules
__getattr__ = lazy_door(__name__, {}, __all__, "checking")
