"""Generate the config's reference page, ``docs/config.md``: each key with its type, default, unit and description."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from mimic_core.kit.schemas import NOTHING, in_words

Schema = Mapping[str, Any]

HEAD = """# The config

Every key of `config.yaml`: the values it takes, its default, what it does, and the first stage that runs again when
you edit it; all later stages follow (sample, frames, pairs, datasets, pretrain, finetune, report). The defaults are
those of `config.yaml`; keys that are not there have the defaults of the code, which are the paper's or the released
scripts'.
`configs/paper.yaml` has the paper's scale.

This page is generated from the declarations by `python -m mimic_core.config`.
"""
COLUMNS = ("key", "takes", "default", "what it does", "an edit reruns")
MANY = 12  # a block with this many keys gets its own section
LONGEST = 60  # characters of a default that is shown


class Row(NamedTuple):
    """A key: its dotted name, its schema, and the first stage that reruns when it is edited."""

    name: str
    schema: Schema
    reruns: str


def reference_page(schema: Schema, defaults: Mapping[str, Any]) -> str:
    """Return the page as Markdown.

    Args:
        schema: of the whole config, from :func:`mimic_core.config.schema.config_schema`.
        defaults: the content of ``config.yaml``.
    """
    properties = schema["properties"]
    single = {name: one for name, one in properties.items() if not holds_keys(one)}
    rows = [Row(name, one, reruns(one, "")) for name, one in single.items()]
    parts = [HEAD, "## Settings that all stages share\n", table(rows, defaults)]
    for name, block in properties.items():
        if name not in single:
            parts += list(section(name, block, reruns(block, ""), defaults))
    return "\n".join(parts)


def section(name: str, block: Schema, stage: str, defaults: Mapping[str, Any]) -> Iterator[str]:
    """Yield a block's section: its keys in one table, then a section for each nested block that has its own."""
    yield f"## `{name}`\n"
    yield as_sentence(block.get("description", "")) + "\n"
    rows: list[Row] = []
    named: list[Row] = []
    for row in every_key(name, block, stage):
        (named if holds_keys(row.schema) else rows).append(row)
    if rows:
        yield table(rows, defaults)
    for inner in named:
        if same_keys(inner.schema, block):
            yield f"`{inner.name}.<name>` may have any key of `{name}`, which overrides the shared one.\n"
        else:
            yield from section(inner.name, inner.schema, inner.reruns, defaults)


def every_key(name: str, block: Schema, stage: str) -> Iterator[Row]:
    """Yield the keys of a block and of nested ones; large blocks and those with user-defined names stay whole."""
    inner = dict(block.get("properties", {}))
    if holds_named(block):
        inner["<name>"] = block["additionalProperties"]
    for key, one in inner.items():
        own = reruns(one, stage)
        if holds_keys(one) and key != "<name>" and not holds_named(one) and len(one["properties"]) < MANY:
            yield from every_key(f"{name}.{key}", one, own)
        else:
            yield Row(f"{name}.{key}", one, own)


def as_sentence(text: str) -> str:
    """Add a capital and a full stop to a description."""
    text = text.replace("``", "`").strip().rstrip(".")
    return f"{text[:1].upper()}{text[1:]}." if text else ""


def holds_keys(schema: Schema) -> bool:
    """Return whether a value is a nested block."""
    return bool(schema.get("properties")) or holds_named(schema)


def holds_named(schema: Schema) -> bool:
    """Return whether a value is a block with user-defined names, each of which holds a block."""
    inner = schema.get("additionalProperties")
    return isinstance(inner, Mapping) and holds_keys(inner)


def same_keys(named: Schema, parent: Schema) -> bool:
    """Return whether the user-named blocks have only keys that the block around them has too."""
    inner = named.get("additionalProperties")
    return isinstance(inner, Mapping) and set(inner.get("properties", ())) <= set(parent.get("properties", ())) != set()


def reruns(schema: Schema, stage: str) -> str:
    """Return the first stage that reruns when a key is edited: its own, else its block's."""
    return str(schema.get("x-reruns", stage))


def table(rows: list[Row], defaults: Mapping[str, Any]) -> str:
    """Return a Markdown table of keys."""
    lines = [COLUMNS, ("---",) * len(COLUMNS), *(cells(row, defaults) for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def cells(row: Row, defaults: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the table cells of a key."""
    unit = row.schema.get("x-unit", "")
    takes = in_words(row.schema) + (f"; {unit}" if unit else "")
    says = as_sentence(row.schema.get("description", ""))
    stage = row.reruns if row.reruns == NOTHING else f"`{row.reruns}`"
    return tuple(cell.replace("|", "\\|") for cell in (f"`{row.name}`", takes, default_of(row, defaults), says, stage))


def default_of(row: Row, defaults: Mapping[str, Any]) -> str:
    """Return the default of a key as written in a config; empty if it has none."""
    value: Any = defaults
    for part in row.name.split("."):
        value = value.get(part, row) if isinstance(value, Mapping) else row
    value = row.schema.get("default", row) if value is row else value
    if value is row:
        return ""
    text = json.dumps(value).replace('"', "")
    return f"`{text}`" if 0 < len(text) <= LONGEST else "" if not text else "see `config.yaml`"
