"""The parameters in a weights file, and what else the file states."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from torch import Tensor

from mimic_core.kit.errors import MimicError
from mimic_core.models.weights.admitted import UnsupportedTensor
from mimic_core.models.weights.facts import Facts, naver_facts, timm_facts
from mimic_core.models.weights.parameters import check_values, shown_name, some
from mimic_core.models.weights.pickles import TorchFile
from mimic_core.models.weights.wrappers import parameters_in, unwrapped


@dataclass
class Checkpoint:
    """A file's parameters under their own names, and what else the file states.

    Attributes:
        path: the file.
        weights: the parameters.
        facts: what else the file states.
        opened: the open torch file; None for a safetensors file, which has no checksums and in which no two parameters
            share bytes.
    """

    path: Path
    weights: dict[str, Tensor]
    facts: Facts = field(default_factory=Facts)
    opened: TorchFile | None = None

    def check(self, names: Iterable[str]) -> None:
        """Check that parameters are finite and no larger than the file, and start to verify their checksums.

        Raises:
            MimicError: a check failed; names the parameter or the file's member.
        """
        chosen = {name: self.weights[name] for name in names}
        if self.opened is not None:
            if sum(value.nbytes for value in chosen.values()) > self.opened.size:
                remedy = "save it again with parameters that share no memory"
                raise MimicError("the parameters have more bytes than the file", where=self.path, remedy=remedy)
            self.opened.check(chosen.values())
        try:
            check_values(chosen, self.path)
        except MimicError:
            self.finish()  # if a checksum is wrong, report the file as damaged instead
            raise

    def finish(self) -> None:
        """Wait for the checksums that :meth:`check` started to verify."""
        if self.opened is not None:
            self.opened.finish()


def open_checkpoint(opened: TorchFile) -> Checkpoint:
    """Find the parameters in the content of a torch file.

    DINO keeps them under ``teacher``, MAE, MIMIC and NAVER under ``model``, timm under ``state_dict`` or at the top.
    """
    content, path = opened.content, opened.path
    if not isinstance(content, Mapping):
        raise no_parameters(f"a {type(content).__name__}", path)
    inner = parameters_in(content)
    if not isinstance(inner, Mapping) or not inner:
        raise no_parameters(f"only {some(content) or 'an empty dict'}", path)
    others = [
        f"{shown_name(name)} ({value.what})" if isinstance(value, UnsupportedTensor) else shown_name(name)
        for name, value in inner.items()
        if not isinstance(value, Tensor) or not isinstance(name, str)
    ]
    if others:
        raise no_parameters(f"values that are not tensors: {some(sorted(others))}", path)
    weights, twice = unwrapped(inner)
    if twice:
        what = f"the file holds some parameters twice, with and without a prefix: {some(sorted(twice))}"
        raise MimicError(what, where=path, remedy="remove one set")
    return Checkpoint(path, weights, naver_facts(content, path) or timm_facts(path), opened)


def no_parameters(found: str, path: Path) -> MimicError:
    """Return the error for a file without parameters."""
    return MimicError(
        f"the checkpoint holds no parameters, but {found}",
        where=path,
        remedy="give a checkpoint with a state dict, at the top or under 'model', 'teacher' or 'state_dict'",
    )
