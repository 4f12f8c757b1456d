"""Keep the symbols of two shared libraries apart that both contain an LLVM.

Mesa's software rasteriser loads its LLVM for the whole process. Triton, which comes with torch, contains another LLVM;
if it is loaded later, its calls end up in Mesa's and cause a segmentation fault. RTLD_DEEPBIND makes Triton use its own
symbols first. The reverse order is safe. Runs on Python 3.9, which habitat-sim needs, and does not import torch.
"""

from __future__ import annotations

import os
import sys
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType
from typing import Any, Optional

BUNDLED_LLVM = ("triton._C.libtriton",)  # extension modules that contain an LLVM


class DeepBindLoader(Loader):
    """Loads an extension module so that it looks up symbols in itself before the rest of the process."""

    def __init__(self, loader: Any) -> None:
        self.loader = loader

    def create_module(self, spec: ModuleSpec) -> Optional[ModuleType]:
        """Open the library with RTLD_DEEPBIND."""
        flags = sys.getdlopenflags()
        sys.setdlopenflags(flags | os.RTLD_DEEPBIND)
        try:
            module: Optional[ModuleType] = self.loader.create_module(spec)
            return module
        finally:
            sys.setdlopenflags(flags)

    def exec_module(self, module: ModuleType) -> None:
        """Initialise the module as usual."""
        self.loader.exec_module(module)


class DeepBindFinder(MetaPathFinder):
    """Finds only the modules of :data:`BUNDLED_LLVM`."""

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Optional[ModuleSpec]:
        """Return the module's usual spec with a :class:`DeepBindLoader`."""
        spec = PathFinder.find_spec(name, path, target) if name in BUNDLED_LLVM else None
        if spec is not None and spec.loader is not None:
            spec.loader = DeepBindLoader(spec.loader)
        return spec


def keep_llvms_apart() -> None:
    """Let modules that are imported from now on use their own LLVM; call this before OpenGL is loaded."""
    if hasattr(os, "RTLD_DEEPBIND") and not any(isinstance(finder, DeepBindFinder) for finder in sys.meta_path):
        sys.meta_path.insert(0, DeepBindFinder())
