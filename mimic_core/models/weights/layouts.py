"""Released files of other projects: which layout a file has, which architecture, and our names for its parameters."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor

from mimic_core.kit.errors import MimicError, printable
from mimic_core.kit.settings import is_count, shown
from mimic_core.models.pixels import IMAGENET_MEAN, IMAGENET_STD
from mimic_core.models.settings import NAMED, ViTSettings
from mimic_core.models.vit import sincos_positions
from mimic_core.models.weights.admitted import NotRead
from mimic_core.models.weights.facts import NAVER_IMAGE_SIZE, Facts, naver_facts, timm_facts
from mimic_core.models.weights.naver import encoder_name
from mimic_core.models.weights.parameters import check_values, shown_name, some
from mimic_core.models.weights.pickles import TorchFile
from mimic_core.models.weights.wrappers import parameters_in, unwrapped

HEAD_CHANNELS = 64  # of every ViT up to L; larger ones differ


@dataclass(frozen=True)
class Layout:
    """How a family of files names its parameters.

    Attributes:
        known_as: for messages.
        mark: how a parameter's name starts in every file of this layout and in no other's.
        ours: our name of a parameter.
        left_out: how the names of parameters start that are no encoder's: decoders and heads. All others must fit.
    """

    known_as: str
    mark: str
    ours: Callable[[str], str]
    left_out: tuple[str, ...]


LAYOUTS = (
    Layout(
        "ViT (MAE, MIMIC, DINO, timm)",
        "blocks.0.",
        str,
        (
            "mask_token",
            "decoder_embed.",
            "decoder_pos_embed",
            "decoder_blocks.",  # MAE
            "decoder_blocks_croco.",  # MIMIC's CroCo
            "decoder_norm.",
            "decoder_pred.",
            "head.",  # classifier of timm's and of fine-tuned MAEs; projection of DINO's
        ),
    ),
    Layout(
        "NAVER's CroCo",
        "enc_blocks.0.",
        encoder_name,
        (
            "mask_token",
            "decoder_embed.",
            "dec_pos_embed",
            "dec_blocks.",
            "dec_norm.",
            "prediction_head.",
            "head.",  # stereo and flow
        ),
    ),
)


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


def read_layout(found: Checkpoint, heads: int | None) -> tuple[ViTSettings, dict[str, Tensor]]:
    """Architecture and parameters, in our names, of a checkpoint in any layout of :data:`LAYOUTS`.

    Args:
        found: the checkpoint.
        heads: attention heads of a block, where the file does not say and the width does not tell.
    """
    layout = next((known for known in LAYOUTS if any(name.startswith(known.mark) for name in found.weights)), None)
    if layout is None:
        raise MimicError(
            f"no known layout has such parameters: {some(sorted(found.weights))}",
            where=found.path,
            remedy=f"the layouts are: {', '.join(known.known_as for known in LAYOUTS)}",
        )
    kept = {name: value for name, value in found.weights.items() if not name.startswith(layout.left_out)}
    found.check(kept)
    ours = {layout.ours(printable(name)): value for name, value in kept.items()}
    if len(ours) != len(kept):
        raise MimicError("parameters are there twice", where=found.path, remedy="remove one set")
    weights = pooled_norm(in_our_shape(ours, found))
    settings = infer_settings(weights, found, heads)
    return settings, for_imagenet_input(weights, found.facts)


def in_our_shape(weights: dict[str, Tensor], found: Checkpoint) -> dict[str, Tensor]:
    """Positions as (1, prefix + N, width).

    NAVER's have no batch axis, and where timm's leave out the class token (``no_embed_class``), it has none to add.
    """
    positions = weights.get("pos_embed")
    if positions is None or positions.ndim not in (2, 3):
        return weights
    positions = positions.unsqueeze(0) if positions.ndim == 2 else positions
    if "cls_token" in weights and len(positions) == 1 and not class_has_position(positions, found):
        positions = torch.cat([positions.new_zeros(1, 1, positions.shape[2]), positions], dim=1)
    return weights | {"pos_embed": positions}


def class_has_position(positions: Tensor, found: Checkpoint) -> bool:
    """Whether the first of positions (1, tokens, width) is the class token's.

    Sixteen can be those of 4x4 patches, or of a class token and 3x5 patches. The file may say which, and the values
    do where they are the fixed ones; a strip of 1x3 patches is no image. All else is refused.
    """
    tokens, side = positions.shape[1], math.isqrt(positions.shape[1])
    if found.facts.class_position is not None:
        return found.facts.class_position
    if not is_square(tokens):
        return True
    strip = tokens - 1 <= 3
    if strip or kind_of_positions(positions, class_token=False) == "sincos":
        return False
    others = [rows for rows in range(2, side) if (tokens - 1) % rows == 0]
    rows = others[-1] if others else 1
    raise MimicError(
        f"{tokens} positions are those of {side}x{side} patches without the class token's, or of {rows}x"
        f"{(tokens - 1) // rows} patches with it: the file does not say",
        where=found.path,
        remedy="put timm's config.json beside it, with model_args: {no_embed_class: true} for the former; an encoder "
        "of images that are not square cannot be read",
    )


def pooled_norm(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """``fc_norm`` in place of a missing ``norm``, else left out.

    Classifiers that average the patches norm once, after the average; here every token is normed.
    """
    own = any(name.startswith("norm.") for name in weights)
    pooled = {name: value for name, value in weights.items() if name.startswith("fc_norm.")}
    others = {name: value for name, value in weights.items() if name not in pooled}
    return others if own else others | {name.removeprefix("fc_"): value for name, value in pooled.items()}


def for_imagenet_input(weights: dict[str, Tensor], facts: Facts) -> dict[str, Tensor]:
    """The same function of images that are normalised by ImageNet's mean and deviation instead of the file's own."""
    kernel, bias = weights["patch_embed.proj.weight"], weights.get("patch_embed.proj.bias")
    ours = (IMAGENET_MEAN, IMAGENET_STD)
    if bias is None or kernel.shape[1] != len(facts.mean) or (facts.mean, facts.std) == ours:
        return weights
    mean, std, new_mean, new_std = (torch.tensor(value).view(1, -1, 1, 1) for value in (facts.mean, facts.std, *ours))
    moved = bias + (kernel * (new_mean - mean) / std).sum(dim=(1, 2, 3))
    return weights | {"patch_embed.proj.weight": kernel * new_std / std, "patch_embed.proj.bias": moved}


def is_square(count: int) -> bool:
    """Whether ``count`` patches are a square grid."""
    return math.isqrt(count) ** 2 == count


def infer_settings(weights: Mapping[str, Tensor], found: Checkpoint, heads: int | None) -> ViTSettings:
    """The architecture, from the shapes of the parameters and what else the file says."""

    def shape(name: str, axes: int) -> tuple[int, ...]:
        value = weights.get(name)
        if value is None or value.ndim != axes or 0 in value.shape:
            state = "missing" if value is None else str(tuple(value.shape))
            remedy = "check that the file is a vision transformer, and whole"
            what = f"the size of the encoder shows in {name}, which is {state}"
            raise MimicError(what, where=found.path, remedy=remedy)
        return tuple(value.shape)

    width, _, patch_size, _ = shape("patch_embed.proj.weight", 4)
    hidden, _ = shape("blocks.0.mlp.fc1.weight", 2)
    ratio = hidden / width
    numbers = {matched[1] for name in weights if (matched := re.match(r"blocks\.(\d+)\.", name))}
    class_token = "cls_token" in weights
    if "pos_embed" in weights:
        patches = shape("pos_embed", 3)[1] - class_token
        stated = found.facts.image_size
        if stated is not None and stated[0] != stated[1]:
            remedy = "use an encoder that was pretrained on square images"
            raise MimicError(
                f"images of {stated[0]}x{stated[1]} pixels are not square", where=found.path, remedy=remedy
            )
        if patches < 1 or not is_square(patches):
            remedy = "use an encoder that was pretrained on square images"
            raise MimicError(f"positions of {patches} patches are no square grid", where=found.path, remedy=remedy)
        image_size, positions = math.isqrt(patches) * patch_size, kind_of_positions(weights["pos_embed"], class_token)
    elif found.facts.rotary:
        image_size, positions = min(found.facts.image_size or (NAVER_IMAGE_SIZE,)), "rope"
    else:
        remedy = "use an encoder with positions, or NAVER's CroCo v2 with its croco_kwargs"
        raise MimicError("the checkpoint has no positions (missing pos_embed)", where=found.path, remedy=remedy)
    return ViTSettings(
        image_size=image_size,
        patch_size=patch_size,
        width=width,
        depth=len(numbers),
        heads=choose_heads(width, found.facts.heads, heads, found.path),
        mlp_ratio=ratio if int(width * ratio) == hidden else math.nextafter(ratio, math.inf),
        class_token=class_token,
        positions=positions,
    )


def kind_of_positions(positions: Tensor, class_token: bool) -> str:
    """``sincos`` where the values are the fixed ones, else ``learned``."""
    width, side = positions.shape[2], math.isqrt(positions.shape[1] - class_token)
    if width % 4:
        return "learned"
    fixed = sincos_positions(width, side, side)[:, 1 - class_token :]
    same = torch.allclose(positions.float(), fixed, atol=1e-3)  # files may be in half precision
    return "sincos" if same else "learned"


def choose_heads(width: int, stated: int | None, asked: int | None, where: Path) -> int:
    """Heads as the file states them, as the caller asks, or as every known ViT of this width has them."""
    if asked is not None and not is_count(asked, 1):
        what = f"width, depth and heads are whole numbers of 1 or more, and heads is {shown(asked)}"
        raise MimicError(what, where="heads", remedy="give as many as the encoder has")
    if stated is not None and asked is not None and stated != asked:
        remedy = "leave out heads: the file knows"
        raise MimicError(f"the file says {stated} heads, and {asked} were asked for", where=where, remedy=remedy)
    usual = {size: heads for size, _, heads in NAMED.values()}.get(width)
    if usual is None and width % HEAD_CHANNELS == 0 and width <= NAMED["vit_large"][0]:
        usual = width // HEAD_CHANNELS
    chosen = next((number for number in (stated, asked, usual) if number is not None), None)
    if chosen is None:
        raise MimicError(
            f"the file does not say how many heads the {width} channels of a token are divided into",
            where=where,
            remedy="say so: load_pretrained(path, heads=...)",
        )
    return chosen
