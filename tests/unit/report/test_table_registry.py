import json
import subprocess
import sys

import pandas as pd
import pytest
from unit.report.given import RUNS, compared, receipt, result, script

from mimic_core.kit.errors import MimicError
from mimic_core.report.registry import FIGURES, TABLES, make_table, table


@pytest.mark.parametrize("number", TABLES)
def test_every_table_is_made_by_its_own_file(tmp_path, number):
    metrics = [result(tmp_path, "depth", "random", "frozen", 35.0)] if number != 4 else []
    rows, page = make_table(number, compared(metrics, [receipt(tmp_path, "mae_mimic-3m")], RUNS, "sample"))
    assert isinstance(rows, pd.DataFrame)
    assert page.startswith(f"# Table {number}\n")


@pytest.mark.parametrize("number", [5, "11", "x", ""])
def test_an_unknown_number_is_refused_with_the_known_ones(number):
    for ask in (lambda: table(number), lambda: make_table(number, compared([], [], {}, "sample"))):
        with pytest.raises(MimicError, match=f"there is no table {number}") as error:
            ask()
        assert error.value.remedy == "known tables: 1, 2, 3, 4, 7"


def test_the_command_line_knows_the_same_numbers(tmp_path, capsys):
    words = ["--runs", json.dumps(RUNS), "--scale", "sample", "--csv", str(tmp_path / "o.csv")]
    with pytest.raises(SystemExit):
        script("table")(["--number", "5", *words, "--markdown", str(tmp_path / "o.md")])
    assert "invalid choice: '5'" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_a_number_may_be_a_wildcards_text():
    assert table("1") is table(1) is TABLES[1]


def test_the_parts_of_figure_3_are_told_apart():
    assert {name: compared.part for name, compared in FIGURES.items()} == {
        "figure3a": "a",
        "figure3b": "b",
        "scaling": "scaling",
    }


def test_the_registry_is_read_without_the_scientific_stack():
    code = "import mimic_core.report.registry, sys; print(sorted({'pandas', 'numpy', 'torch'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "[]\n"
