"""Settings: one frozen dataclass per config block, in which each key is declared once.

A declaration gives the key's type with its bounds, its default, its description and its unit::

    @settings("pairs")
    class MiningSettings:
        ratio: PositiveShare = key("a match is kept when its distance is below this share of the next", default=0.7)

The validation of settings objects, the config's schema and its reference page all come from the declarations.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar, cast, dataclass_transform

import pydantic
from pydantic import ConfigDict, Field, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass as pydantic_dataclass
from pydantic.fields import FieldInfo

from mimic_core.kit.errors import MimicError, shown
from mimic_core.kit.schemas import NOTHING as NOTHING
from mimic_core.kit.schemas import in_words
from mimic_core.kit.suggestions import did_you_mean

Settings = TypeVar("Settings")

CLOSED = ConfigDict(extra="forbid")
QUOTES = "'\""
UNKNOWN, MISSING = ("unexpected_keyword_argument", "extra_forbidden"), ("missing", "missing_argument")


def key(
    says: str,
    *,
    default: Any = dataclasses.MISSING,
    default_factory: Callable[[], Any] | None = None,
    unit: str = "",
    reruns: str = "",
    job: bool = False,
) -> Any:
    """Declare a key.

    Args:
        says: description of the key: a sentence without capital and full stop.
        default: value if the config gives none. With neither a default nor a factory, the key is required.
        default_factory: makes a new default each time.
        unit: of its value.
        reruns: the first stage that an edit runs again; empty: that of its block; ``nothing``: it changes no result.
        job: not a config key; the rule passes it to the job.
    """
    facts: dict[str, str | bool] = {"unit": unit, "reruns": reruns, "job": job}
    extra: Any = {f"x-{name}": value for name, value in facts.items() if value}
    if default_factory is not None:
        return Field(default_factory=default_factory, description=says, json_schema_extra=extra)
    if default is dataclasses.MISSING:
        return Field(description=says, json_schema_extra=extra)
    return Field(default=default, description=says, json_schema_extra=extra)


@dataclass_transform(frozen_default=True, field_specifiers=(key,))
def settings(where: str) -> Callable[[type[Settings]], type[Settings]]:
    """Make a class a frozen dataclass of settings whose values are checked against their declarations.

    Args:
        where: name of the block in the config, for errors.

    For an invalid value and for a missing or unknown key, the class raises a :class:`MimicError` that names the key. A
    subclass that changes a key's default or type (``epochs: Positive = 64``) inherits the rest of its declaration.
    """

    def decorate(cls: type[Settings]) -> type[Settings]:
        keep_declarations(cls)
        made: Any = pydantic_dataclass(frozen=True, config=CLOSED)(cls)
        check = made.__init__

        @functools.wraps(check)
        def init(self: Any, *args: Any, **kwargs: Any) -> None:
            try:
                check(self, *args, **kwargs)
            except ValidationError as error:
                raise refusal(error, type(self), where) from None

        made.__init__ = init
        return cast(type[Settings], made)

    return decorate


def keep_declarations(cls: type) -> None:
    """Copy declarations from the bases to keys for which a class gives only a new default or type."""
    known: dict[str, Any] = {}
    for base in reversed(cls.__mro__[1:]):
        known |= vars(base).get("__pydantic_fields__", {})
    for name in vars(cls).get("__annotations__", {}):
        value = vars(cls).get(name, dataclasses.MISSING)
        if name in known and not isinstance(value, FieldInfo):
            extra = known[name].json_schema_extra
            default = {} if value is dataclasses.MISSING else {"default": value}
            setattr(cls, name, Field(**default, description=known[name].description, json_schema_extra=extra))


def read_settings(kind: type[Settings], block: Mapping[str, Any], where: str) -> Settings:
    """Make settings from a block of the config.

    Args:
        kind: a class made by :func:`settings`; fields without a default must be in the block.
        block: names and values, with nested blocks.
        where: the block's name in the config, for errors.

    Raises:
        MimicError: a key is unknown or missing, or a value is invalid; it names the key and what is allowed.
    """
    if not isinstance(block, Mapping):
        raise MimicError(f"a block of settings was expected, not {shown(block)}", where=where)
    for name in block:
        if not isinstance(name, str):
            raise unknown_key(name, kind, where)
    try:
        checked: Settings = cast(Any, kind).__pydantic_validator__.validate_python(dict(block))
        return checked
    except ValidationError as error:
        raise refusal(error, kind, where) from None


def refusal(error: ValidationError, kind: type, where: str) -> MimicError:
    """Turn the first problem of a block into an error that names the key, its value and what is allowed."""
    found = error.errors(include_url=False)[0]
    names: list[str] = []
    for part in found["loc"]:
        if found["type"] in UNKNOWN and part == found["loc"][-1]:
            return unknown_key(part, kind, ".".join([where, *names]))
        if found["type"] in MISSING and part == found["loc"][-1]:
            block = ".".join([where, *names])
            return MimicError(f"the key {part!r} is missing", where=block, remedy=f"add {block}.{part}")
        schema = schema_of(kind)
        if part not in schema["properties"]:
            break
        names.append(str(part))
        inner = inner_kind(kind, str(part))
        if inner is None:
            break
        kind = inner
    allowed: Mapping[str, Any] = {"type": "object"}
    if names:
        allowed = resolved(schema["properties"][names[-1]], schema)
    rest = [str(part) for part in found["loc"][len(names) :]]
    if rest and allowed.get("type") == "object":  # a mapping: the problem is one of its names, or that name's value
        if rest[-1] == "[key]":
            return unknown_name(rest[0], allowed.get("propertyNames", {}).get("enum", ()), ".".join([where, *names]))
        names, allowed = [*names, rest[0]], allowed.get("additionalProperties") or {}
    place = ".".join([where, *names])
    what = f"{names[-1] if names else where} is {shown(found['input'])}"
    return MimicError(what, where=place, remedy=f"give {in_words(allowed)}")


def check_value(name: str, value: object, kind: Any) -> None:
    """Check an argument against a type such as :data:`mimic_core.kit.values.BelowOne`.

    Raises:
        MimicError: the value is invalid; the remedy says what is allowed.
    """
    adapter = TypeAdapter(kind)
    try:
        adapter.validate_python(value)
    except ValidationError:
        remedy = f"give {in_words(adapter.json_schema())}"
        raise MimicError(f"{name} is {shown(value)}", where=name, remedy=remedy) from None


def unknown_key(name: object, kind: type, where: str) -> MimicError:
    """Return the error for a key that a settings class does not have."""
    return unknown_name(name, schema_of(kind)["properties"], where)


def unknown_name(name: object, known: Iterable[str], where: str) -> MimicError:
    """Return the error for a key that is not among the known ones."""
    remedy = did_you_mean(name, known, "the keys are")
    return MimicError(f"unknown key {shown(name)}", where=f"{where}.{shown(name).strip(QUOTES)}", remedy=remedy)


def inner_kind(kind: type, name: str) -> type | None:
    """Return the settings class of a key that holds a nested block; None for other keys."""
    fields = getattr(kind, "__pydantic_fields__", {})
    annotation = fields[name].annotation if name in fields else None
    return (
        annotation if isinstance(annotation, type) and pydantic.dataclasses.is_pydantic_dataclass(annotation) else None
    )


@functools.cache
def schema_of(kind: type) -> dict[str, Any]:
    """Return the JSON schema of a settings class."""
    return TypeAdapter(kind).json_schema()


def resolved(schema: Mapping[str, Any], root: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the schema that a ``$ref`` points to, or the schema itself if it has none."""
    name = str(schema.get("$ref", "")).rpartition("/")[2]
    return root["$defs"][name] if name else schema


def keys_of(kind: type, **facts: object) -> list[str]:
    """Return the keys of a settings class that were declared with these arguments (``reruns="nothing"``)."""
    properties = schema_of(kind)["properties"]
    return [name for name, schema in properties.items() if all(schema.get(f"x-{a}") == b for a, b in facts.items())]
