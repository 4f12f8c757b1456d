"""Keeping the symbols of two shared libraries apart that both bring an LLVM.

Mesa's software rasteriser opens its LLVM for the whole process. Triton, which comes with torch, has another one inside,
and when it is loaded afterwards its calls end in Mesa's: a segmentation fault. Bound to its own symbols first, it does
not see the other. The reverse order needs nothing. Runs on Python 3.9, beside habitat-sim, and imports no torch.
"""

from __future__ import annotations

import os
import sys
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType
from typing import Any, Optional

OWN_LLVM = ("triton._C.libtriton",)  # extension modules with an LLVM inside


class BoundToItself(Loader):
    """Loads an extension module whose symbols are looked up in itself before the rest of the process."""

    def __init__(self, loader: Any) -> None:
        self.loader = loader

    def create_module(self, spec: ModuleSpec) -> Optional[ModuleType]:
        """Open the library."""
        flags = sys.getdlopenflags()
        sys.setdlopenflags(flags | os.RTLD_DEEPBIND)
        try:
            module: Optional[ModuleType] = self.loader.create_module(spec)
            return module
        finally:
            sys.setdlopenflags(flags)

    def exec_module(self, module: ModuleType) -> None:
        """Run the module's initialisation, as ever."""
        self.loader.exec_module(module)


class OwnLLVM(MetaPathFinder):
    """Finds the modules of :data:`OWN_LLVM`, and no others."""

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Optional[ModuleSpec]:
        """The module as it is found anyway, with another loader."""
        spec = PathFinder.find_spec(name, path, target) if name in OWN_LLVM else None
        if spec is not None and spec.loader is not None:
            spec.loader = BoundToItself(spec.loader)
        return spec


def keep_llvms_apart() -> None:
    """Let modules that are imported from now on keep to their own LLVM; to be called before OpenGL is loaded."""
    if hasattr(os, "RTLD_DEEPBIND") and not any(isinstance(finder, OwnLLVM) for finder in sys.meta_path):
        sys.meta_path.insert(0, OwnLLVM())
