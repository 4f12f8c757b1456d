"""What files of other projects state about their encoder, beyond the shapes of its parameters."""

from __future__ import annotations

import ast
import contextlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import timm

from mimic_core.foreign import foreign, parse_json, read_regular
from mimic_core.kit.errors import MimicError, shown
from mimic_core.kit.numeric import is_count, is_number
from mimic_core.models.pixels import IMAGENET_MEAN, IMAGENET_STD

NAVER_HEADS, NAVER_IMAGE_SIZE = 12, 224  # defaults of NAVER's code, if ``croco_kwargs`` does not say
CONFIG_BYTES = 1 << 20  # limit for timm's config.json
LONGEST_CALL = 1 << 14  # characters of NAVER's ``args.model``
CHANNELS = 3


@dataclass(frozen=True)
class Facts:
    """What a file states about its encoder, beyond the shapes of its parameters; None where it says nothing.

    Attributes:
        heads: attention heads per block.
        image_size: height and width of the input, pixels.
        rotary: whether positions are rotary.
        class_position: whether the class token has its own position.
        mean, std: mean and standard deviation of the input's channels, for RGB from 0 to 1.
    """

    heads: int | None = None
    image_size: tuple[int, int] | None = None
    rotary: bool = False
    class_position: bool | None = None
    mean: tuple[float, ...] = IMAGENET_MEAN
    std: tuple[float, ...] = IMAGENET_STD


def naver_options(content: Mapping[Any, Any]) -> Any:
    """Return the settings in NAVER's files, from ``croco_kwargs`` or the ``CroCoNet(...)`` call in ``args.model``.

    Returns None for other files.
    """
    options = content.get("croco_kwargs")
    call = getattr(content.get("args"), "model", None)
    if options is None and isinstance(call, str) and call.startswith("CroCoNet("):
        return literal_arguments(call)
    return options or None


def naver_facts(content: Mapping[Any, Any], path: Path) -> Facts | None:
    """Return what one of NAVER's files states; None for other files."""
    options = naver_options(content)
    if options is None:
        return None
    wrong = MimicError("croco_kwargs is not a dict of sizes", where=path, remedy="copy the file again")
    if not isinstance(options, dict):
        raise wrong
    heads = options.get("enc_num_heads", NAVER_HEADS)
    positions, size = options.get("pos_embed", "cosine"), sides_of(options.get("img_size", NAVER_IMAGE_SIZE))
    if not is_count(heads, 1) or size is None:
        raise wrong
    if positions not in ("cosine", "RoPE100"):
        remedy = "use a released CroCo: v1 has 'cosine', v2 'RoPE100'"
        raise MimicError(f"unknown positions {shown(positions)}", where=path, remedy=remedy)
    stated = size if "img_size" in options or positions == "RoPE100" else None
    return Facts(heads, stated, positions == "RoPE100")


def sides_of(size: Any) -> tuple[int, int] | None:
    """Return height and width of a size given as one number or two; None if it is neither."""
    sides = size if isinstance(size, list | tuple) else (size, size)
    return (sides[0], sides[1]) if len(sides) == 2 and all(is_count(side, 1) for side in sides) else None


def literal_arguments(call: str) -> dict[str, Any]:
    """Return the keyword arguments with literal values of a call in text; parses the text without running it."""
    arguments: dict[str, Any] = {}
    if len(call) > LONGEST_CALL:
        return arguments
    with contextlib.suppress(SyntaxError, ValueError, RecursionError, MemoryError):
        parsed = ast.parse(call, mode="eval").body
        for keyword in parsed.keywords if isinstance(parsed, ast.Call) else ():
            with contextlib.suppress(ValueError, TypeError):  # not a literal, such as norm_layer=partial(...)
                arguments[str(keyword.arg)] = ast.literal_eval(keyword.value)
    return arguments


def timm_facts(path: Path) -> Facts:
    """Return what timm's ``config.json`` beside a file states, if there is one."""
    config = path.with_name("config.json")
    if not os.path.lexists(config):
        return Facts()
    try:
        data = read_regular(config, "timm's config.json", CONFIG_BYTES)
        with foreign("this is not timm's config.json", config, "copy it again, or remove it"):
            return facts_of_config(parse_json(data, "timm's config.json", config))
    except MimicError as error:
        what = f"this is not timm's config.json: {error.what}" if "timm's config.json" not in error.what else error.what
        raise MimicError(what, where=config, remedy="copy it again, or remove it") from error


def facts_of_config(content: Any) -> Facts:
    """Return what the parsed content of timm's ``config.json`` states.

    Raises:
        ValueError: a value in it has the wrong type or range.
    """
    arguments, pretrained = content.get("model_args") or {}, content.get("pretrained_cfg", content)
    heads, size, name = arguments.get("num_heads"), arguments.get("img_size"), content.get("architecture")
    no_class_position = arguments.get("no_embed_class")
    require(heads is None or is_count(heads, 1), "num_heads", heads)
    require(size is None or sides_of(size) is not None, "img_size", size)
    require(no_class_position is None or isinstance(no_class_position, bool), "no_embed_class", no_class_position)
    require(name is None or isinstance(name, str), "architecture", name)
    mean, std = (channel_values(pretrained, *usual) for usual in (("mean", IMAGENET_MEAN), ("std", IMAGENET_STD)))
    require(min(std) > 0, "std", std)
    if (
        (heads is None or no_class_position is None)
        and name
        and name.startswith(("vit_", "deit", "flexivit"))
        and timm.is_model(name)
    ):
        model: Any = timm.create_model(name, num_classes=0, device="meta")
        heads = int(model.blocks[0].attn.num_heads) if heads is None else heads
        if no_class_position is None:
            no_class_position = bool(getattr(model, "no_embed_class", False))
    class_position = None if no_class_position is None else not no_class_position
    return Facts(heads, sides_of(size), False, class_position, mean, std)


def channel_values(pretrained: Mapping[str, Any], key: str, usual: tuple[float, ...]) -> tuple[float, ...]:
    """Read one number per channel."""
    values = pretrained.get(key, usual)
    valid = isinstance(values, list | tuple) and len(values) == CHANNELS and all(is_number(value) for value in values)
    require(valid, key, values)
    return tuple(float(value) for value in values)


def require(valid: bool, key: str, value: Any) -> None:
    """Raise ValueError if a config value is not valid."""
    if not valid:
        raise ValueError(f"{key} is {shown(value)}")
