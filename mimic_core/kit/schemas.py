"""JSON schemas of settings: what they let pass, in words, and what their own keywords say.

A key has ``x-unit``, and ``x-reruns``: the first stage that an edit of it runs again.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

NOTHING = "nothing"  # what an edit of a key reruns that only says how a job is handled


def keys_that_rerun(block: Mapping[str, Any], stage: str) -> set[str]:
    """Names of a block's keys whose edit runs a stage again first; ``nothing``: they change no result.

    Args:
        block: a schema with properties.
    """
    return {name for name, one in block["properties"].items() if one.get("x-reruns") == stage}


def in_words(schema: Mapping[str, Any]) -> str:
    """What a JSON schema lets pass, in words: ``a number above 0 and of at most 1, or null``.

    Args:
        schema: of one value, its references resolved.
    """
    if "anyOf" in schema or "oneOf" in schema:
        choices = [in_words(one) for one in schema.get("anyOf") or schema["oneOf"]]
        return f"{', '.join(choices[:-1])}, or {choices[-1]}"
    if "enum" in schema or "const" in schema:
        return " or ".join(map(repr, schema.get("enum") or [schema["const"]]))
    kind = schema.get("type")
    if kind in ("integer", "number"):
        return " ".join(filter(None, ["a whole number" if kind == "integer" else "a number", limits(schema)]))
    if kind == "array":
        return f"a list{how_many(schema)}, each {in_words(schema.get('items', {}))}"
    return {
        "boolean": "true or false",
        "string": text_in_words(schema),
        "null": "null",
        "object": "a block of keys",
    }.get(str(kind), "any value")


def limits(schema: Mapping[str, Any]) -> str:
    """The bounds of a number, in words; empty where it has none."""
    least, above = schema.get("minimum"), schema.get("exclusiveMinimum")
    most, below = schema.get("maximum"), schema.get("exclusiveMaximum")
    low = f"above {above:g}" if above is not None else f"from {least:g}" if least is not None else ""
    high = f"below {below:g}" if below is not None else f"{most:g}" if most is not None else ""
    if above is not None and below is not None:
        return f"between {above:g} and {below:g}"
    if low and high:
        return f"{low}{', up' if above is not None else ''} to {high}"
    if high:
        return high if below is not None else f"of at most {high}"
    return f"of {least:g} or more" if least is not None else low


def how_many(schema: Mapping[str, Any]) -> str:
    """How many items a list may have, in words; empty where any number will do."""
    least, most = schema.get("minItems", 0), schema.get("maxItems")
    if least == most:
        return f" of {least}"
    return f" of {least} or more" if least else ""


def text_in_words(schema: Mapping[str, Any]) -> str:
    """Which texts a schema lets pass."""
    if "pattern" in schema:
        return "a name of letters, digits, _ and -"
    return "a text that is not empty" if schema.get("minLength") else "a text"
