import pandas as pd
from support import REPOSITORY

from mimic_core.config import load_yaml
from mimic_core.report.figure2 import PAPER
from mimic_core.sources import ADAPTERS

REGISTRY = pd.read_csv(REPOSITORY / "rules/sources.tsv", sep="\t", keep_default_na=False)


def test_no_source_stands_twice():
    assert REGISTRY["name"].is_unique


def test_the_counts_are_those_of_figure_2():
    paper = pd.read_csv(PAPER).pivot(index="source", columns="dataset", values="pairs").fillna(0)
    paper.index = paper.index.str.lower()
    for row in REGISTRY[REGISTRY["pairs_3m"] > 0].to_dict("records"):
        assert row["pairs_1m"] == paper.loc[row["name"], "mimic-1m"]
        assert row["pairs_3m"] == paper.loc[row["name"], "mimic-3m"]
    assert (REGISTRY["pairs_3m"] > 0).sum() == 10


def test_every_source_of_a_config_is_registered_with_its_adapters_kind():
    kind = dict(zip(REGISTRY["name"], REGISTRY["kind"], strict=True))
    for file in ("config.yaml", "configs/paper.yaml", "configs/own_videos.yaml"):
        for name, source in load_yaml(REPOSITORY / file)["sources"].items():
            assert name in kind, f"{file}: {name}"
            if source["adapter"] in ADAPTERS:
                assert ADAPTERS[source["adapter"]].kind == kind[name]


def test_the_papers_composition_adds_up_to_its_sources():
    datasets = load_yaml(REPOSITORY / "configs/paper.yaml")["datasets"]
    for row in REGISTRY[REGISTRY["pairs_3m"] > 0].to_dict("records"):
        small = datasets["mimic-1m"]["pairs"].get(row["name"], 0)
        more = datasets["mimic-3m"]["pairs"].get(row["name"], 0)
        assert (small, small + more) == (row["pairs_1m"], row["pairs_3m"])
