"""Read untrusted YAML: bounded, without repeated keys, and with one type of error.

Only needs PyYAML, so that ``mimic plan`` works on a machine without the scientific stack.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from mimic_core.foreign import read_regular, reason
from mimic_core.kit.errors import MimicError, UnreadableError

CONFIG_BYTES = 1 << 18  # per file; ours have 20,000
NODES = 20_000  # values and keys per file, with aliases expanded; ours have 1,200
DEPTH = 50  # nested blocks; ours go 6 deep
MERGE = "tag:yaml.org,2002:merge"
TEXT = "tag:yaml.org,2002:str"


class UniqueKeyLoader(yaml.SafeLoader):
    """A safe YAML loader that refuses a mapping with the same key twice; PyYAML's own would drop the first.

    Keys must be text. A document that is nested too deeply, refers to itself or is too large with its aliases expanded
    is refused before it is built.
    """

    def __init__(self, stream: str, name: str) -> None:
        super().__init__(stream)
        self.name = name
        self.depth = self.composed = 0

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        """Compose a value, and refuse too many or too deeply nested ones."""
        self.depth += 1
        self.composed += 1
        self.check_limits(self.composed, self.depth, self.line + 1)
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node

    def get_single_node(self) -> yaml.Node | None:
        """Compose the only document, and check its expanded size."""
        node = super().get_single_node()
        if node is not None:
            self.measure(node, {}, frozenset())
        return node

    def measure(self, node: yaml.Node, known: dict[int, tuple[int, int]], above: frozenset[int]) -> tuple[int, int]:
        """Return the number of values in a node and their depth, with aliases expanded."""
        if id(node) in known:
            return known[id(node)]
        line = node.start_mark.line + 1
        if id(node) in above:
            raise config_error("a block refers to itself", f"{self.name}, line {line}")
        below: list[yaml.Node] = []
        if isinstance(node, yaml.CollectionNode):
            mapping = isinstance(node, yaml.MappingNode)
            below = [child for pair in node.value for child in pair] if mapping else node.value
        measured = [self.measure(child, known, above | {id(node)}) for child in below]
        count, depth = 1 + sum(count for count, _ in measured), 1 + max((depth for _, depth in measured), default=0)
        self.check_limits(count, depth, line)
        known[id(node)] = count, depth
        return count, depth

    def check_limits(self, count: int, depth: int, line: int) -> None:
        """Refuse a document that is too large or too deep."""
        if count > NODES:
            raise config_error(f"more than {NODES:,} values, with aliases expanded", f"{self.name}, line {line}")
        if depth > DEPTH:
            raise config_error(f"nested more than {DEPTH} deep", f"{self.name}, line {line}")


def config_error(what: str, where: str) -> MimicError:
    """Return the error for YAML that cannot be a config."""
    return MimicError(f"this cannot be a config: {what}", where=where, remedy="write a simpler file")


def _unique_mapping(loader: UniqueKeyLoader, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
    seen: dict[str, int] = {}
    for key_node, _ in node.value:
        line = key_node.start_mark.line + 1
        if key_node.tag not in (TEXT, MERGE):
            written = repr(key_node.value) if isinstance(key_node, yaml.ScalarNode) else "a list or block"
            raise MimicError(
                f"{written} is used as a key, but keys must be text",
                where=f"{loader.name}, line {line}",
                remedy=f'write it in quotes: "{key_node.value}"' if written[0] == "'" else "give the key a name",
            )
        if key_node.value in seen:
            raise MimicError(
                f"the key {key_node.value!r} appears twice in one block, in lines {seen[key_node.value]} and {line}",
                where=f"{loader.name}, line {line}",
                remedy="rename the second one, or remove it",
            )
        seen[key_node.value] = line
    return loader.construct_mapping(node, deep=deep)


UniqueKeyLoader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _unique_mapping)


def load_yaml(path: str | Path) -> Any:
    """Read a YAML file.

    Raises:
        MimicError: it is missing, not a regular file, too large, not UTF-8 or not YAML, repeats a key, or has a key
            that is not text.
    """
    try:
        data = read_regular(path, "a config file", CONFIG_BYTES)
    except UnreadableError as error:
        raise MimicError(f"cannot read a config file: {error.what}", where=path, remedy="check the path") from error
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise MimicError(
            f"this is not UTF-8 text: byte {error.start}", where=path, remedy="save it as UTF-8, or name another file"
        ) from error
    return parse_yaml(text, str(path))


def parse_yaml(text: str, where: str) -> Any:
    """Parse a YAML text; ``where`` names it in errors.

    Raises:
        MimicError: as :func:`load_yaml`.
    """
    loader = UniqueKeyLoader("", where)
    try:
        loader = UniqueKeyLoader(text, where)
        return loader.get_single_data()
    except MimicError:
        raise
    except Exception as error:  # Python's own errors too, as for a number of 5,000 digits or the 45th of a month
        message = str(error) if isinstance(error, yaml.MarkedYAMLError) else reason(error)
        raise MimicError(
            f"this is not valid YAML: {message}", where=where, remedy="correct the line named above"
        ) from error
    finally:
        loader.dispose()
