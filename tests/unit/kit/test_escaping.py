"""Names of files in pages, tables and on the terminal are text and nothing else."""

import csv
import io

import pandas as pd
import pytest

from mimic_core.datasets.card import dataset_card
from mimic_core.kit.errors import MimicError
from mimic_core.kit.escaping import Markup, csv_cell, markdown, markdown_table
from mimic_core.pairs.measurement import VERDICTS
from mimic_core.report.arguments import write_csv
from mimic_core.report.sources import to_csv


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ("croco_mimic-3m", "croco_mimic-3m"),
        ("41.20 ± 0.35 (2 of 3), R&D, it's #1!", "41.20 ± 0.35 (2 of 3), R&D, it's #1!"),
        (3, "3"),
        ("a\n# b\r\n\tc", "a # b c"),
        ("\x1b[2J\x00", "\\\\x1b\\[2J\\\\x00"),
        ("a|b", "a\\|b"),
        ("<script>", "&lt;script>"),
        ("&lt; &#60; &", "\\&lt; \\&#60; &"),
        ("[x](http://y) ![z](w)", "\\[x\\](http://y) !\\[z\\](w)"),
        ("`c` *e* **b** ~~s~~ $m$", "\\`c\\` \\*e\\* \\*\\*b\\*\\* \\~\\~s\\~\\~ \\$m\\$"),
        ("_e_ a_b __init__", "\\_e\\_ a_b \\_\\_init\\_\\_"),
        ("a\\|b", "a\\\\\\|b"),
        ("u\udcff\u202e", "u\\\\udcff\\\\u202e"),
    ],
)
def test_a_value_in_markdown_marks_nothing_up(given, wanted):
    assert markdown(given) == wanted


FORMULAS = ["=cmd|' /C calc'!A0", "+1+1", "-1+1|x", "@SUM(A1)", " =1", "＝1", "=1", "-x.mp4", "=1\\r=1"]
PLAIN = ["-", "", "a=b", "-1", "+1.5e-3", "-inf", "3", "not run: -", "croco", -1, -1.5, None, "1-2", "'=1"]


@pytest.mark.parametrize("text", FORMULAS)
def test_no_text_is_a_spreadsheets_formula(text, tmp_path):
    assert csv_cell(text) == "'" + text
    write_csv(tmp_path / "a.csv", pd.DataFrame({"name": [text, "b"], "number": [-1.5, 2.0]}))
    first, second = csv.DictReader((tmp_path / "a.csv").open(newline=""))
    assert first == {"name": "'" + text, "number": "-1.5"} and second == {"name": "b", "number": "2.0"}
    (row,) = csv.DictReader(io.StringIO(to_csv([{"source": text, "units": -3}]), newline=""))
    assert row == {"source": "'" + text, "units": "-3"}


@pytest.mark.parametrize("sign", ["\t", "\r", "\n", "\r\n", "\0", "\x1b", "\u2028"])
def test_a_text_is_on_one_line(sign, tmp_path):
    write_csv(tmp_path / "a.csv", pd.DataFrame({"name": [f"{sign}=1{sign}=2"]}))
    (row,) = csv.DictReader((tmp_path / "a.csv").open(newline=""))
    assert row["name"].isprintable() and row["name"].startswith("\\")


@pytest.mark.parametrize("value", PLAIN)
def test_numbers_and_ordinary_texts_stay(value):
    assert csv_cell(value) is value


def test_a_name_in_a_table_stays_in_its_cell():
    (*_, row, end) = markdown_table(["name", "count"], ["count"], [["a | b\n| c", 3]])
    assert row == "| a \\| b \\| c | 3 |" and end == ""


def test_a_table_is_set_to_the_right_where_it_is_told_and_markup_stays():
    lines = markdown_table(["name", "count"], ["count"], [[Markup("`a`"), 3]])
    assert lines == ["| name | count |", "| --- | ---: |", "| `a` | 3 |", ""]


def test_a_card_shows_names_of_files_as_text():
    """A unit's name, and what a reader said of it, are a line of the list and no more."""
    unit, why = "x\n# Injected heading\n.mp4", "broken <img src=x>\n## Another\n"
    verdicts = dict.fromkeys(VERDICTS, 0)
    mining = {
        "own": {"seen": 0, "verdicts": verdicts, "unreadable": {unit: why, "good_name.mp4": "cut off"}, "remarks": {}}
    }
    statistics = {"pairs": 0, "wanted": 0, "sources": {"own": {"wanted": None, "mined": 0, "taken": 0}}}
    card = dataset_card("own", statistics, mining, "sample", {"min_overlap": 0.5, "max_overlap": 0.75})
    headings = [line for line in card.splitlines() if line.startswith("#")]
    assert headings == [
        "# own (sample scale)",
        "## What was measured",
        "## Units that could not be read",
        "## Reading it",
    ]
    assert "- own: x # Injected heading .mp4: broken &lt;img src=x> ## Another" in card.splitlines()
    assert "- own: good_name.mp4: cut off" in card.splitlines()
    assert "<img" not in card


def test_an_error_steers_no_terminal():
    shown = str(MimicError("a \x1b[2Jname\nand more", where="x\n\x07.mp4", remedy="rm 'x\ty'"))
    assert shown == "a \\x1b[2Jname\nand more\n  where:  x\n\\x07.mp4\n  remedy: rm 'x\\ty'"
