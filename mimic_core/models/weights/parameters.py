"""Whether named parameters fit a model."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from mimic_core.errors import MimicError


def check_parameters(expected: Mapping[str, Tensor], found: Mapping[str, Tensor], where: object) -> None:
    """Refuse weights that do not fit a model to the last parameter, naming every one that does not."""
    faults = [f"missing {name}" for name in sorted(expected.keys() - found.keys())]
    faults += [f"unexpected {name}" for name in sorted(found.keys() - expected.keys())]
    for name in sorted(expected.keys() & found.keys()):
        if expected[name].shape != found[name].shape:
            faults.append(f"{name} is {tuple(found[name].shape)} and should be {tuple(expected[name].shape)}")
    if faults:
        raise MimicError(
            f"the weights do not fit the model: {'; '.join(faults)}",
            where=where,
            remedy="use weights of the same architecture",
        )
