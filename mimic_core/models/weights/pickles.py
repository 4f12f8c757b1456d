"""Checkpoints that torch pickled, read without running anything in them.

torch rebuilds tensors and plain containers itself; :data:`STAND_INS` names all else that is admitted, and what takes
its place. Any other class or function in the file is refused before it is called.
"""

from __future__ import annotations

import argparse
import pickle
import re
import zipfile
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import torch
from torch.serialization import safe_globals

from mimic_core.errors import MimicError


class NumberType:
    """Takes the place of ``numpy.dtype``: the kind and size of one number, never an object's."""

    def __init__(self, code: str, align: bool = False, copy: bool = False) -> None:
        self.code, self.order = code, "="

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        self.order = state[1]


def number(kind: NumberType, data: bytes) -> bool | int | float:
    """Takes the place of NumPy's scalars (such as DINO's learning rates): a plain number."""
    if not re.fullmatch(r"b1|[iu][1248]|f[248]", kind.code) or kind.order not in ("<", ">", "=", "|"):
        raise pickle.UnpicklingError("GLOBAL numpy.object_")  # answered as torch's own refusals are
    return np.frombuffer(data, kind.order + kind.code)[0].item()


STAND_INS: tuple[tuple[Callable[..., Any], str], ...] = (
    (argparse.Namespace, "argparse.Namespace"),  # ``args`` of MAE, MIMIC and DINO
    (PurePosixPath, "pathlib.PosixPath"),  # folders among these ``args``; a pure path cannot touch files
    (PurePosixPath, "pathlib.PurePosixPath"),
    (NumberType, "numpy.dtype"),
    (number, "numpy.core.multiarray.scalar"),
    (number, "numpy._core.multiarray.scalar"),
)


def read_pickle(path: Path) -> Any:
    """What ``torch.save`` wrote, new or legacy format, on the CPU.

    Raises:
        MimicError: empty, cut off, no checkpoint at all, or with something in it that is not admitted.
    """
    if path.stat().st_size == 0:
        raise MimicError("the file is empty", where=path, remedy="copy it again")
    try:
        with safe_globals(list(STAND_INS)):
            # a memory map leaves the optimiser's state, two thirds of a checkpoint, on the disk
            return torch.load(path, map_location="cpu", weights_only=True, mmap=zipfile.is_zipfile(path))
    except Exception as error:
        refused = re.search(r"GLOBAL ([\w.]*\w)", str(error))
        if refused:
            raise MimicError(
                f"the checkpoint holds {refused[1]}, which could run code; it was not run, and the file is not read",
                where=path,
                remedy="have the software that wrote it save the parameters alone: "
                "torch.save({'model': model.state_dict()}, path)",
            ) from error
        raise MimicError(
            f"this is not a checkpoint that torch wrote, or it is cut off ({type(error).__name__})",
            where=path,
            remedy="copy it again, and compare its size and checksum with the place it comes from",
        ) from error
