"""Released files of other projects: which layout a file has, which architecture, and our names for its parameters."""

from __future__ import annotations

import ast
import contextlib
import json
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import timm
import torch
from timm.data.constants import IMAGENET_DEFAULT_MEAN, IMAGENET_DEFAULT_STD
from torch import Tensor

from mimic_core.errors import MimicError, printable
from mimic_core.models.naver import encoder_name
from mimic_core.models.settings import NAMED, ViTSettings
from mimic_core.models.vit import sincos_positions

HEAD_CHANNELS = 64  # of every ViT up to L; larger ones differ
NAVER_HEADS, NAVER_IMAGE_SIZE = 12, 224  # what NAVER's code takes where ``croco_kwargs`` does not say


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


@dataclass(frozen=True)
class Facts:
    """What a file says about its encoder beside the shapes of its parameters; None where it does not.

    Attributes:
        heads: attention heads of a block.
        image_size: side of the square input, pixels.
        rotary: whether positions are rotary.
        mean, std: of the input's channels, of RGB from 0 to 1.
    """

    heads: int | None = None
    image_size: int | None = None
    rotary: bool = False
    mean: tuple[float, ...] = IMAGENET_DEFAULT_MEAN
    std: tuple[float, ...] = IMAGENET_DEFAULT_STD


@dataclass
class Checkpoint:
    """A file's parameters under their own names, and what else it says."""

    path: Path
    weights: dict[str, Tensor]
    facts: Facts = field(default_factory=Facts)


def open_checkpoint(content: Any, path: Path) -> Checkpoint:
    """Find the parameters in what a ``.pth`` file held.

    DINO keeps them under ``teacher``, MAE, MIMIC and NAVER under ``model``, timm under ``state_dict`` or at the top.
    """
    if not isinstance(content, Mapping):
        raise no_parameters(f"a {type(content).__name__}", path)
    inner = next((content[key] for key in ("teacher", "model", "state_dict") if key in content), content)
    if not isinstance(inner, Mapping) or not inner:
        raise no_parameters(f"nothing but {printable(', '.join(map(str, content))) or 'an empty dict'}", path)
    strange = [printable(str(name)) for name, value in inner.items() if not isinstance(value, Tensor)]
    if strange:
        raise no_parameters(f"other things than tensors: {', '.join(sorted(strange)[:8])}", path)
    weights = {str(name).removeprefix("module.").removeprefix("backbone."): value for name, value in inner.items()}
    if len(weights) != len(inner):
        raise MimicError("parameters are there twice, with a prefix and without", where=path, remedy="remove one set")
    return Checkpoint(path, weights, naver_facts(content, path) or timm_facts(path))


def no_parameters(found: str, path: Path) -> MimicError:
    """What to answer to a file without parameters."""
    return MimicError(
        f"the checkpoint holds no parameters: it holds {found}",
        where=path,
        remedy="give a checkpoint with a state dict, at the top or under 'model', 'teacher' or 'state_dict'",
    )


def naver_facts(content: Mapping[str, Any], path: Path) -> Facts | None:
    """What NAVER's files say: ``croco_kwargs``, or the call ``CroCoNet(...)`` in ``args.model``; None in others."""
    options: Any = content.get("croco_kwargs")
    call = getattr(content.get("args"), "model", None)
    if options is None and isinstance(call, str) and call.startswith("CroCoNet("):
        options = literal_arguments(call)
    if not options:
        return None
    try:
        size, positions = options.get("img_size", NAVER_IMAGE_SIZE), str(options.get("pos_embed", "cosine"))
        size, heads = int(size if isinstance(size, int) else min(size)), int(options.get("enc_num_heads", NAVER_HEADS))
    except (AttributeError, TypeError, ValueError) as error:
        raise MimicError("croco_kwargs is no dict of sizes", where=path, remedy="copy the file again") from error
    if positions not in ("cosine", "RoPE100"):
        remedy = "use a released CroCo: v1 has 'cosine', v2 'RoPE100'"
        raise MimicError(f"positions of kind {positions!r} are unknown", where=path, remedy=remedy)
    return Facts(heads, size, positions == "RoPE100")


def literal_arguments(call: str) -> dict[str, Any]:
    """Keyword arguments of a call in text whose values are literals; the text is parsed, not run."""
    arguments = {}
    with contextlib.suppress(SyntaxError, RecursionError, MemoryError):
        parsed = ast.parse(call, mode="eval").body
        for keyword in parsed.keywords if isinstance(parsed, ast.Call) else ():
            with contextlib.suppress(ValueError):  # not a literal, such as norm_layer=partial(...)
                arguments[str(keyword.arg)] = ast.literal_eval(keyword.value)
    return arguments


def timm_facts(path: Path) -> Facts:
    """What timm's ``config.json`` beside a file says, if there is one."""
    config = path.with_name("config.json")
    if not config.is_file():
        return Facts()
    try:
        content = json.loads(config.read_text(encoding="utf-8"))
        name, heads = str(content.get("architecture")), (content.get("model_args") or {}).get("num_heads")
        heads = None if heads is None else int(heads)
        looks = content.get("pretrained_cfg", content)
        mean, std = (
            tuple(float(value) for value in looks.get(key, usual))
            for key, usual in (("mean", IMAGENET_DEFAULT_MEAN), ("std", IMAGENET_DEFAULT_STD))
        )
    except (AttributeError, TypeError, ValueError) as error:
        remedy = "copy it again, or remove it"
        raise MimicError("this is not timm's config.json", where=config, remedy=remedy) from error
    if heads is None and name.startswith(("vit_", "deit")) and timm.is_model(name):
        model: Any = timm.create_model(name, num_classes=0, device="meta")
        heads = int(model.blocks[0].attn.num_heads)
    return Facts(heads, mean=mean, std=std)


def read_layout(found: Checkpoint, heads: int | None) -> tuple[ViTSettings, dict[str, Tensor]]:
    """Architecture and parameters, in our names, of a checkpoint in any layout of :data:`LAYOUTS`.

    Args:
        found: the checkpoint.
        heads: attention heads of a block, where the file does not say and the width does not tell.
    """
    layout = next((known for known in LAYOUTS if any(name.startswith(known.mark) for name in found.weights)), None)
    if layout is None:
        raise MimicError(
            f"no known layout has such parameters: {printable(', '.join(sorted(found.weights)[:6]))}",
            where=found.path,
            remedy=f"the layouts are: {', '.join(known.known_as for known in LAYOUTS)}",
        )
    kept = {name: value for name, value in found.weights.items() if not name.startswith(layout.left_out)}
    weights = pooled_norm(in_our_shape({layout.ours(printable(name)): value for name, value in kept.items()}))
    settings = infer_settings(weights, found, heads)
    return settings, for_imagenet_input(weights, found.facts)


def in_our_shape(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """Positions as (1, prefix + N, width).

    NAVER's have no batch axis, and where timm's leave out the class token (``no_embed_class``), it has none to add.
    """
    positions = weights.get("pos_embed")
    if positions is None or positions.ndim not in (2, 3):
        return weights
    positions = positions.unsqueeze(0) if positions.ndim == 2 else positions
    if "cls_token" in weights and is_square(positions.shape[1]):
        positions = torch.cat([positions.new_zeros(1, 1, positions.shape[2]), positions], dim=1)
    return weights | {"pos_embed": positions}


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
    ours = (IMAGENET_DEFAULT_MEAN, IMAGENET_DEFAULT_STD)
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
        if patches < 1 or not is_square(patches):
            remedy = "use an encoder that was pretrained on square images"
            raise MimicError(f"positions of {patches} patches are no square grid", where=found.path, remedy=remedy)
        image_size, positions = math.isqrt(patches) * patch_size, kind_of_positions(weights["pos_embed"], class_token)
    elif found.facts.rotary:
        image_size, positions = found.facts.image_size or NAVER_IMAGE_SIZE, "rope"
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
