"""Stub of ``mmcv._ext``, the compiled operators of mmcv, for installations without them.

``mmpose.models`` imports these operators, but nothing that we use calls them.
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
    """A module with an attribute for every operator, which raises when called."""

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if name.startswith("__"):
            raise AttributeError(name)

        def missing(*_: Any, **__: Any) -> Any:
            raise MimicError(
                f"mmcv's operator {name!r} was called but is not compiled",
                where=NAME,
                remedy="choose a model without it, or compile onedl-mmcv from source with MMCV_WITH_OPS=1",
            )

        return missing


def provide_ops() -> None:
    """Install the stub, unless mmcv has its compiled operators or the stub is installed already."""
    if NAME not in sys.modules and importlib.util.find_spec(NAME) is None:
        module = MissingOps(NAME)
        module.__spec__ = importlib.util.spec_from_loader(NAME, loader=None)
        sys.modules[NAME] = module
