"""Settings: a frozen dataclass a block of the config, in which each key is declared once.

A declaration has the key's type with its bounds, its default, what it does and its unit::

    @settings("pairs")
    class MiningSettings:
        ratio: PositiveShare = key("a match is kept when its distance is below this share of the next", default=0.7)

From it come the check of the settings object, the config's schema and the reference page of the config.
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
        says: what it does, in a sentence without its capital and its full stop.
        default: its value where the config gives none; without one, and without a factory, it must be given.
        default_factory: makes the default anew each time.
        unit: of its value.
        reruns: the first stage that an edit runs again; empty: that of its block; ``nothing``: it changes no result.
        job: it is no key of the config: the rule gives it to the job.
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
    """Make a class a frozen dataclass of settings whose values are checked as they are declared.

    Args:
        where: name of the block in the config, for errors.

    The class raises a :class:`MimicError` that names the key for a value it may not have, a key that is missing, and
    one that is unknown. A subclass that gives a key another default or type (``epochs: Positive = 64``) keeps what its
    base declares of it.
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
    """Give the keys that a class has from its bases, and says no more of than a default or a type, what these say."""
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
        block: names and values; inner blocks too.
        where: the block's name in the config, for the error.

    Raises:
        MimicError: a key that is unknown or missing, or a value out of range; named, with what is allowed instead.
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
    """The first problem of a block as an error that names the key, its value and what it may be."""
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
    told: Mapping[str, Any] = {"type": "object"}
    if names:
        told = resolved(schema["properties"][names[-1]], schema)
    rest = [str(part) for part in found["loc"][len(names) :]]
    if rest and told.get("type") == "object":  # a block of names: one of them, or the value that it has
        if rest[-1] == "[key]":
            return unknown_name(rest[0], told.get("propertyNames", {}).get("enum", ()), ".".join([where, *names]))
        names, told = [*names, rest[0]], told.get("additionalProperties") or {}
    place = ".".join([where, *names])
    what = f"{names[-1] if names else where} is {shown(found['input'])}"
    return MimicError(what, where=place, remedy=f"give {in_words(told)}")


def check_value(name: str, value: object, kind: Any) -> None:
    """See that an argument has a value that a type lets pass, such as :data:`mimic_core.kit.values.BelowOne`.

    Raises:
        MimicError: it has not; with what it may be.
    """
    adapter = TypeAdapter(kind)
    try:
        adapter.validate_python(value)
    except ValidationError:
        remedy = f"give {in_words(adapter.json_schema())}"
        raise MimicError(f"{name} is {shown(value)}", where=name, remedy=remedy) from None


def unknown_key(name: object, kind: type, where: str) -> MimicError:
    """The error of a key that a block does not have."""
    return unknown_name(name, schema_of(kind)["properties"], where)


def unknown_name(name: object, known: Iterable[str], where: str) -> MimicError:
    """The error of a key that is none of those known."""
    remedy = did_you_mean(name, known, "the keys are")
    return MimicError(f"unknown key {shown(name)}", where=f"{where}.{shown(name).strip(QUOTES)}", remedy=remedy)


def inner_kind(kind: type, name: str) -> type | None:
    """The settings class of a key that is a block of its own."""
    fields = getattr(kind, "__pydantic_fields__", {})
    annotation = fields[name].annotation if name in fields else None
    return (
        annotation if isinstance(annotation, type) and pydantic.dataclasses.is_pydantic_dataclass(annotation) else None
    )


@functools.cache
def schema_of(kind: type) -> dict[str, Any]:
    """JSON schema of a settings class."""
    return TypeAdapter(kind).json_schema()


def resolved(schema: Mapping[str, Any], root: Mapping[str, Any]) -> Mapping[str, Any]:
    """A schema in place of a reference to it."""
    name = str(schema.get("$ref", "")).rpartition("/")[2]
    return root["$defs"][name] if name else schema


def keys_of(kind: type, **facts: object) -> list[str]:
    """Names of the keys of a settings class whose declarations have these facts (``reruns="nothing"``)."""
    properties = schema_of(kind)["properties"]
    return [name for name, told in properties.items() if all(told.get(f"x-{a}") == b for a, b in facts.items())]
