"""The table of sources: counts add up, and the paper's stand beside ours."""

import csv
import io

from mimic_core.pairs.measurement import VERDICTS
from mimic_core.report.sources import source_rows, to_csv, to_markdown
from mimic_core.sources.registry import read_registry

REGISTRY = read_registry()


def mining(kept: int, few: int) -> dict:
    verdicts = dict.fromkeys(VERDICTS, 0) | {"kept": kept, "few_matches": few, "unreadable": 1}
    return {"seen": kept + few + 1, "views": 9, "verdicts": verdicts, "unreadable": {"bad.mov": "empty"}}


FRAMES = {
    "co3d": [{"units": 3, "units_unreadable": 0}, {"units": 2, "units_unreadable": 1}],
    "hm3d": [{"units": 4, "units_unreadable": 0}],
    "mine": [{"units": 1, "units_unreadable": 0}],
}
DATASETS = [
    {"dataset": "mimic-1m", "sources": {"hm3d": {"taken": 5}}, "mining": {"hm3d": mining(7, 2)}},
    {"dataset": "ours", "sources": {"mine": {"taken": 1}}, "mining": {"mine": mining(2, 0)}},
    {
        "dataset": "mimic-3m",
        "sources": {"hm3d": {"taken": 7}, "co3d": {"taken": 1}, "mine": {"taken": 2}},
        "mining": {"hm3d": mining(7, 2), "co3d": mining(1, 3), "mine": mining(2, 0)},
    },
]


def test_a_row_a_source_in_the_registrys_order_others_last():
    rows = source_rows(FRAMES, DATASETS, REGISTRY)
    assert [row["source"] for row in rows] == ["HM3D", "CO3D", "mine"]
    assert [row["units"] for row in rows] == [4, 5, 1]
    assert [row["units_unreadable"] for row in rows] == [0, 1, 0]
    for row in rows:
        assert row["candidates"] == sum(row[verdict] for verdict in VERDICTS)


def test_ours_and_the_papers_pairs_stand_side_by_side():
    hm3d, co3d, mine = source_rows(FRAMES, DATASETS, REGISTRY)
    assert (hm3d["in_mimic-1m"], hm3d["paper_mimic-1m"]) == (5, 761_751)
    assert (co3d["in_mimic-1m"], co3d["paper_mimic-1m"]) == (0, 0)
    assert (co3d["in_mimic-3m"], co3d["paper_mimic-3m"]) == (1, 133_482)
    assert mine["paper_mimic-3m"] == 0
    assert mine["in_ours"] == 1
    assert "paper_ours" not in mine


def test_the_csv_and_the_page_hold_every_row():
    rows = source_rows(FRAMES, DATASETS, REGISTRY)
    assert [row["kept"] for row in csv.DictReader(io.StringIO(to_csv(rows)))] == ["7", "1", "2"]
    page = to_markdown(rows, ["mimic-1m", "ours", "mimic-3m"], "sample")
    assert "| CO3D | 5 (1 unreadable) | 9 | 5 | 1 | 0 | 0 | 0 | 1 | 133,482 |" in page
    tables = [block for block in page.split("\n\n") if block.startswith("|")]
    for table in tables:
        assert len({line.count("|") for line in table.splitlines()}) == 1, "every row has a cell a column"
