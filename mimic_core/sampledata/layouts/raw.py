"""The raw half of the sample world: every source's files in the layout that its owner ships."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from mimic_core.kit.errors import MimicError
from mimic_core.sampledata.names import RAW


def write_source(source: str, folder: str | Path, settings: Mapping[str, Any]) -> None:
    """Write the folder of a source; an old one is replaced. HM3D's scenes are written one by one: ``write_flat``.

    Args:
        source: a key of :data:`mimic_core.sampledata.names.RAW`.
        settings: of the config block ``sample`` what :data:`RAW` lists for it, and ``seed``.

    Raises:
        MimicError: there is no such source.
    """
    if source not in RAW:
        remedy = f"use one of {', '.join(RAW)}"
        raise MimicError(f"the sample world has no source {source!r}", where="config key sources", remedy=remedy)
    write = importlib.import_module(f"mimic_core.sampledata.layouts.{RAW[source].layout}").write
    if source == "gibson_heldout":
        write = partial(write, purpose=source)
    write(folder, settings)
