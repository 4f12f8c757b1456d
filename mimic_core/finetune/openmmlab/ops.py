"""Stands in for ``mmcv._ext``, the compiled operators of mmcv, where they were not compiled.

``mmpose.models`` imports them, and nothing that is used here calls one.
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

from mimic_core.kit.errors import MimicError

NAME = "mmcv._ext"


class MissingOps(ModuleType):
    """A module that has every operator by name; each raises when it is called."""

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if name.startswith("__"):
            raise AttributeError(name)

        def missing(*_: Any, **__: Any) -> Any:
            raise MimicError(
                f"mmcv's operator {name!r} was called, and it is not compiled",
                where=NAME,
                remedy="choose a model without it, or compile onedl-mmcv from source with MMCV_WITH_OPS=1",
            )

        return missing


def provide_ops() -> None:
    """Put the stand-in in place, unless mmcv was compiled with its operators or it is there already."""
    if NAME not in sys.modules and importlib.util.find_spec(NAME) is None:
        module = MissingOps(NAME)
        module.__spec__ = importlib.util.spec_from_loader(NAME, loader=None)
        sys.modules[NAME] = module
