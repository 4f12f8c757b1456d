"""The registry of sources against the adapters, the configs, the docs and the paper."""

import os

import pytest
from support import REPOSITORY

from mimic_core.foreign.yaml_files import load_yaml
from mimic_core.kit.errors import MimicError
from mimic_core.pairs.rules import RULES
from mimic_core.report.sources import registry_table
from mimic_core.sources import ADAPTERS, open_source
from mimic_core.sources.registry import REGISTRY, read_registry

ENTRIES = read_registry()
CONFIGS = ("config.yaml", "configs/paper.yaml", "configs/own_videos.yaml")


def test_ten_sources_are_the_papers_and_every_adapter_is_there():
    assert sum(entry.in_paper for entry in ENTRIES.values()) == 10
    for entry in ENTRIES.values():
        assert open_source(entry.adapter).kind == entry.kind, entry.name
        assert entry.rule in RULES
    assert set(ADAPTERS) == {entry.adapter for entry in ENTRIES.values()}


@pytest.mark.parametrize("file", CONFIGS)
def test_every_source_of_a_config_is_registered_with_its_adapter_and_rule(file):
    for name, source in load_yaml(REPOSITORY / file)["sources"].items():
        assert source["adapter"] == ENTRIES[name].adapter
        assert list(source["pairs"]["rule"]) == [ENTRIES[name].rule]


def test_the_paper_config_has_the_registrys_settings():
    for name, source in load_yaml(REPOSITORY / "configs/paper.yaml")["sources"].items():
        entry = ENTRIES[name]
        values = {**source["frames"], **source["pairs"]["rule"][entry.rule], **source["pairs"]}
        assert {key: values[key] for key in entry.settings} == entry.settings, name


def test_the_papers_composition_adds_up_to_its_sources():
    datasets = load_yaml(REPOSITORY / "configs/paper.yaml")["datasets"]
    for entry in ENTRIES.values():
        small = datasets["mimic-1m"]["pairs"].get(entry.name, 0)
        more = datasets["mimic-3m"]["pairs"].get(entry.name, 0)
        assert (small, small + more) == (entry.pairs_1m, entry.pairs_3m)


def test_the_readme_shows_the_registry():
    """``python -m mimic_core.report.sources`` prints the table that docs/sources.md has to show."""
    assert registry_table(list(ENTRIES.values())) in (REPOSITORY / "docs/sources.md").read_text()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("\tform\t", "\tperhaps\t"), "access"),
        (("761751", "many"), "invalid literal"),
        (("{", "["), "JSON"),
        (("{", "[" * 90_000 + "{"), "nested too deep"),
        (("\tform\t", "\t"), "columns"),
        (("\tform\t", "\tform\tform\t"), "columns"),
    ],
)
def test_a_row_that_cannot_be_read_is_named_with_its_line(tmp_path, change, said):
    path = tmp_path / "sources.tsv"
    path.write_text(REGISTRY.read_text().replace(*change, 1))
    with pytest.raises(MimicError, match=said) as caught:
        read_registry(path)
    assert caught.value.where.endswith("line 2")


@pytest.mark.parametrize("data", [b"name\n\xff\xfe", b"name\n" + b"x" * 200_000])
def test_a_registry_that_is_no_table_is_named(tmp_path, data):
    path = tmp_path / "sources.tsv"
    path.write_bytes(data)
    with pytest.raises(MimicError, match=r"cannot be read|not a valid table") as caught:
        read_registry(path)
    assert str(path) in caught.value.where


def test_a_registry_that_is_no_file_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "sources.tsv")
    with pytest.raises(MimicError, match="this is a pipe"):
        read_registry(tmp_path / "sources.tsv")


def test_a_name_that_stands_twice_is_refused(tmp_path):
    text = REGISTRY.read_text()
    path = tmp_path / "sources.tsv"
    path.write_text(text + text.splitlines()[1] + "\n")
    with pytest.raises(MimicError, match="appears twice"):
        read_registry(path)
