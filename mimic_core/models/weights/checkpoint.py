"""The parameters that a file of weights holds, and what else it says."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from torch import Tensor

from mimic_core.kit.errors import MimicError
from mimic_core.models.weights.admitted import NotRead
from mimic_core.models.weights.facts import Facts, naver_facts, timm_facts
from mimic_core.models.weights.parameters import check_values, shown_name, some
from mimic_core.models.weights.pickles import TorchFile
from mimic_core.models.weights.wrappers import parameters_in, unwrapped


@dataclass
class Checkpoint:
    """A file's parameters under their own names, and what else it says.

    Attributes:
        path: the file.
        weights: the parameters.
        facts: what it says beside.
        opened: the file of torch's that it is; None: a safetensors file, which has no checksums and in which no two
            parameters share bytes.
    """

    path: Path
    weights: dict[str, Tensor]
    facts: Facts = field(default_factory=Facts)
    opened: TorchFile | None = None

    def check(self, names: Iterable[str]) -> None:
        """See that parameters are finite and each there by itself, and begin to compare them with their checksums.

        Raises:
            MimicError: they are not; the parameter or the file's member is named.
        """
        chosen = {name: self.weights[name] for name in names}
        if self.opened is not None:
            if sum(value.nbytes for value in chosen.values()) > self.opened.size:
                remedy = "save it again, each parameter by itself"
                raise MimicError("the parameters have more bytes than the file", where=self.path, remedy=remedy)
            self.opened.check(chosen.values())
        try:
            check_values(chosen, self.path)
        except MimicError:
            self.finish()  # a damaged file is called damaged
            raise

    def finish(self) -> None:
        """Wait until the checksums are compared, which :meth:`check` began."""
        if self.opened is not None:
            self.opened.finish()


def open_checkpoint(opened: TorchFile) -> Checkpoint:
    """Find the parameters in what a file of torch's held.

    DINO keeps them under ``teacher``, MAE, MIMIC and NAVER under ``model``, timm under ``state_dict`` or at the top.
    """
    content, path = opened.content, opened.path
    if not isinstance(content, Mapping):
        raise no_parameters(f"a {type(content).__name__}", path)
    inner = parameters_in(content)
    if not isinstance(inner, Mapping) or not inner:
        raise no_parameters(f"nothing but {some(content) or 'an empty dict'}", path)
    strange = [
        f"{shown_name(name)} ({value.what})" if isinstance(value, NotRead) else shown_name(name)
        for name, value in inner.items()
        if not isinstance(value, Tensor) or not isinstance(name, str)
    ]
    if strange:
        raise no_parameters(f"other things than tensors: {some(sorted(strange))}", path)
    weights, twice = unwrapped(inner)
    if twice:
        what = f"parameters are there twice, with a prefix and without: {some(sorted(twice))}"
        raise MimicError(what, where=path, remedy="remove one set")
    return Checkpoint(path, weights, naver_facts(content, path) or timm_facts(path), opened)


def no_parameters(found: str, path: Path) -> MimicError:
    """What to answer to a file without parameters."""
    return MimicError(
        f"the checkpoint holds no parameters: it holds {found}",
        where=path,
        remedy="give a checkpoint with a state dict, at the top or under 'model', 'teacher' or 'state_dict'",
    )
