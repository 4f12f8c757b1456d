"""Check that named parameters fit a model."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Mapping
from typing import TypeVar

import torch
from torch import Tensor, nn

from mimic_core.foreign import foreign
from mimic_core.kit.errors import MimicError, printable, shown

MOST_NAMES, LONGEST_NAME = 20, 100  # names in a message; characters of each
Model = TypeVar("Model", bound=nn.Module)


def check_parameters(expected: Mapping[str, Tensor], found: Mapping[str, Tensor], where: object) -> None:
    """Raise if any parameter is missing, unexpected or of the wrong shape; the error names them."""
    shared = sorted(expected.keys() & found.keys())
    kinds = (
        [f"missing {shown_name(name)}" for name in sorted(expected.keys() - found.keys())],
        [f"unexpected {shown_name(name)}" for name in sorted(found.keys() - expected.keys())],
        [
            f"{name} has the shape {tuple(found[name].shape)}, not {tuple(expected[name].shape)}"
            for name in shared
            if expected[name].shape != found[name].shape
        ],
    )
    if any(kinds):
        faults = [fault for kind in kinds for fault in kind[:MOST_NAMES]]
        more = sum(map(len, kinds)) - len(faults)
        raise MimicError(
            f"the weights do not fit the model: {'; '.join([*faults, *([f'and {more} more'] if more else [])])}",
            where=where,
            remedy="use weights of the same architecture",
        )


def check_values(weights: Mapping[str, Tensor], where: object) -> None:
    """Raise if a parameter is not floating-point or not finite; the error names it."""
    for name, value in weights.items():
        if not value.is_floating_point():
            what = f"the parameter {shown_name(name)} is of the type {value.dtype}, not floating-point"
            raise MimicError(what, where=where, remedy="use weights that are not quantised")
        # the sum is ten times as fast as a look at each value, but finite values may have an infinite sum
        if not torch.isfinite(value.sum(dtype=torch.float32)) and not torch.isfinite(value.float()).all():
            what = f"the parameter {shown_name(name)} holds values that are not finite (NaN or infinite)"
            raise MimicError(what, where=where, remedy="use weights from an earlier step of that training")


def fitting(make: Callable[[], Model], weights: Mapping[str, Tensor], blocks: int, where: object) -> None:
    """Raise if weights do not fit a model, before memory is allocated for the model.

    Args:
        make: builds the model.
        weights: its parameters.
        blocks: number of blocks of the model that the file states; checked first against the number of parameters.
        where: the file.
    """
    if blocks > len(weights):
        what = f"the file states {blocks:,} blocks, but holds only {len(weights):,} parameters"
        raise MimicError(what, where=where, remedy="copy it again, or make it again")
    what = "the file states sizes that no model has"
    with foreign(what, where, "copy it again, or make it again"), torch.device("meta"):  # shapes without values
        expected = make().state_dict()
    check_parameters(expected, weights, where)


def some(names: Iterable[object]) -> str:
    """Return the first names as text, for a message."""
    first = [shown_name(name) for name in itertools.islice(names, MOST_NAMES + 1)]
    return ", ".join([*first[:MOST_NAMES], *(["..."] if len(first) > MOST_NAMES else [])])


def shown_name(name: object) -> str:
    """Return a parameter's name for a message: shortened, on one line."""
    if not isinstance(name, str):
        return shown(name)
    return printable(name if len(name) <= LONGEST_NAME else name[:LONGEST_NAME] + "...")
