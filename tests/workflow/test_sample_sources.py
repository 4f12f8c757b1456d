"""The sample world stands in for all ten sources of the paper: each is read in its own layout and keeps pairs."""

import json

import pandas as pd
import pytest

from mimic_core.datasets import PairDataset
from mimic_core.pairs.measurement import VERDICTS
from mimic_core.sources.registry import PAPER_DATASETS, read_registry

pytestmark = pytest.mark.integration

REGISTRY = read_registry()
TEN = [name for name, entry in REGISTRY.items() if entry.in_paper]


@pytest.fixture(scope="module")
def table(finished):
    """The table of sources, by the owner's name of each."""
    return pd.read_csv(finished / "results/report/sources.csv", index_col="source")


def rows_of(folder, dataset):
    return PairDataset(folder / f"results/datasets/{dataset}/manifest.parquet").rows


def test_every_source_of_the_paper_gives_its_dataset_pairs(finished):
    assert len(TEN) == 10
    for dataset in PAPER_DATASETS:
        assert set(rows_of(finished, dataset)["source"]) == {name for name in TEN if REGISTRY[name].pairs_in(dataset)}


def test_the_table_has_a_row_a_source_with_the_papers_counts(table):
    assert list(table.index) == [REGISTRY[name].dataset for name in [*TEN, "gibson_heldout"]]
    for name in TEN:
        row = table.loc[REGISTRY[name].dataset]
        assert row["kept"] > 0
        assert row["units_unreadable"] == 0
        assert row["candidates"] == sum(row[verdict] for verdict in VERDICTS)
        assert row["in_mimic-3m"] >= row["in_mimic-1m"] >= (row["paper_mimic-1m"] > 0)
        for dataset in PAPER_DATASETS:
            assert row[f"paper_{dataset}"] == REGISTRY[name].pairs_in(dataset)


def test_the_page_says_the_same(finished, table):
    page = (finished / "results/report/sources.md").read_text()
    for source, row in table.iterrows():
        assert f"| {source} | {row['units']:,} | {row['views']:,} | {row['candidates']:,} | {row['kept']:,} |" in page


def test_what_is_held_out_is_held_out(finished):
    held, trained = rows_of(finished, "gibson-heldout"), rows_of(finished, "mimic-3m")
    assert set(held["source"]) == {"gibson_heldout"}
    assert len(held) == 2
    raw = finished / "results/sample"
    names = [{path.stem for path in (raw / root).rglob("*.glb")} for root in ("hm3d", "gibson", "matterport3d")]
    assert not set.union(*names) & {path.stem for path in (raw / "gibson_heldout").rglob("*.glb")}
    assert "gibson_heldout" not in set(trained["source"])


def test_every_folder_says_that_it_is_made_up(finished):
    layouts = {
        json.loads(path.read_text())["layout"] for path in (finished / "results/sample").glob("*/SAMPLE_WORLD.json")
    }
    written = {REGISTRY[name].dataset for name in TEN} - {"HM3D"}  # its scenes say so themselves
    assert layouts >= written
