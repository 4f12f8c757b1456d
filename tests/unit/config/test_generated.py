"""What is made from the declarations: the schema, the reference page, and a comment for each key of config.yaml."""

import re

import pytest
from support import REPOSITORY

from mimic_core.config.__main__ import PAGE, ROOT, generated
from mimic_core.config.checking import SCHEMA
from mimic_core.config.reference import holds_named
from mimic_core.config.schema import config_schema
from mimic_core.foreign.yaml_files import load_yaml

DEFAULT = load_yaml(REPOSITORY / "config.yaml")
COMMAND = "run: python -m mimic_core.config"
KEY = re.compile(r"( *)([A-Za-z0-9_-]+):(.*)")


@pytest.mark.parametrize("path", [ROOT / SCHEMA, PAGE], ids=lambda path: path.name)
def test_the_generated_files_are_those_of_the_declarations(path):
    assert path.read_text(encoding="utf-8") == generated()[path], COMMAND


def keys_with_lines(path):
    """Dotted name of each key of a config file that stands on a line of its own, and whether it has a comment."""
    parents, before = [], ""
    for line in path.read_text().split("\n"):
        if found := KEY.fullmatch(line):
            depth, name, rest = len(found[1]) // 2, found[2], found[3]
            parents = [*parents[:depth], name]
            yield tuple(parents), "#" in rest or before.lstrip().startswith("#")
        before = line


def declared_name(names, schema):
    """A key's name with ``<name>`` where the user names a block, and the tasks taken together."""
    found = []
    for name in names:
        properties = schema.get("properties", {})
        if name in properties:
            found.append(name)
            schema = properties[name]
        else:
            found.append("<name>")
            schema = schema.get("additionalProperties") or {}
    return re.sub(r"^finetune\.tasks\.[^.]+", "finetune.tasks.<name>", ".".join(found))


def test_every_key_of_the_config_has_a_comment_where_it_first_stands():
    schema = config_schema(DEFAULT)
    first = {}
    for names, commented in keys_with_lines(REPOSITORY / "config.yaml"):
        first.setdefault(declared_name(names, schema), commented)
    silent = [name for name, commented in first.items() if not commented and not name.endswith("<name>")]
    assert len(first) > 120
    assert not silent


def every_property(schema, name=""):
    for key, one in schema.get("properties", {}).items():
        yield f"{name}.{key}".lstrip("."), one
        yield from every_property(one, f"{name}.{key}")
    if holds_named(schema):
        yield from every_property(schema["additionalProperties"], f"{name}.<name>")


def test_every_key_has_a_sentence_and_is_on_the_page():
    page = PAGE.read_text(encoding="utf-8")
    found = dict(every_property(config_schema(DEFAULT)))
    assert len(found) > 200
    assert not [name for name, one in found.items() if not one.get("description")]
    values = [name for name, one in found.items() if "properties" not in one and not name.startswith("pretrain.runs.")]
    assert not [name for name in values if f"`{name}`" not in page and not holds_named(found[name])]


def test_the_default_config_has_no_key_without_a_declaration():
    assert set(DEFAULT) == set(config_schema(DEFAULT)["properties"])
