"""Read the JSON schemas of settings: describe allowed values in words, and query our own keywords.

These are ``x-unit``, and ``x-reruns``: the first stage that runs again when the key is edited.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

NOTHING = "nothing"  # ``x-reruns`` of a key that changes how a job runs but not its result


def keys_that_rerun(block: Mapping[str, Any], stage: str) -> set[str]:
    """Return the keys of a block whose edit reruns from ``stage`` on; ``nothing``: the keys that change no result.

    Args:
        block: a schema with properties.
        stage: a stage, or ``nothing``.
    """
    return {name for name, one in block["properties"].items() if one.get("x-reruns") == stage}


def in_words(schema: Mapping[str, Any]) -> str:
    """Describe the values that a JSON schema allows: ``a number above 0, up to 1, or null``.

    Args:
        schema: of one value, with references resolved.
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
        return f"a list{length_in_words(schema)}, each {in_words(schema.get('items', {}))}"
    return {
        "boolean": "true or false",
        "string": string_in_words(schema),
        "null": "null",
        "object": "a block of keys",
    }.get(str(kind), "any value")


def limits(schema: Mapping[str, Any]) -> str:
    """Describe the bounds of a number; empty if it has none."""
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


def length_in_words(schema: Mapping[str, Any]) -> str:
    """Describe how many items a list may have; empty if any number is allowed."""
    least, most = schema.get("minItems", 0), schema.get("maxItems")
    if least == most:
        return f" of {least}"
    return f" of {least} or more" if least else ""


def string_in_words(schema: Mapping[str, Any]) -> str:
    """Describe the strings that a schema allows."""
    if "pattern" in schema:
        return "a name of letters, digits, _ and -"
    return "a non-empty string" if schema.get("minLength") else "a string"
