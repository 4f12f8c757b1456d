"""Raw sources of the sample world, each in the layout that its owner ships."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from mimic_core.kit.errors import MimicError
from mimic_core.sampledata.names import RAW


def write_source(source: str, folder: str | Path, settings: Mapping[str, Any]) -> None:
    """Write the folder of a source, replacing an old one; for HM3D's scenes use ``write_flat`` instead.

    Args:
        source: a key of :data:`mimic_core.sampledata.names.RAW`.
        settings: the keys of the config block ``sample`` that :data:`RAW` lists for it, and ``seed``.

    Raises:
        MimicError: the source is unknown.
    """
    if source not in RAW:
        remedy = f"use one of {', '.join(RAW)}"
        raise MimicError(f"the sample world has no source {source!r}", where="config key sources", remedy=remedy)
    write = importlib.import_module(f"mimic_core.sampledata.layouts.{RAW[source].layout}").write
    if source == "gibson_heldout":
        write = partial(write, purpose=source)
    write(folder, settings)
