"""Files and functions that can be read at once."""

import ast
from pathlib import Path

import pytest
from support import REPOSITORY

FOLDERS = ("mimic_core", "workflow_scripts", "benchmarks")
FILES = [path for folder in FOLDERS for path in sorted((REPOSITORY / folder).rglob("*.py"))]
RULES = sorted((REPOSITORY / "rules").glob("*.smk"))


@pytest.mark.parametrize("path", [*FILES, *RULES], ids=lambda path: str(path.relative_to(REPOSITORY)))
def test_no_file_has_over_300_lines_and_no_function_over_60(path: Path) -> None:
    text = path.read_text()
    assert len(text.splitlines()) <= 300
    functions = ast.walk(ast.parse(text)) if path.suffix == ".py" else ()
    long = {
        node.name: lines
        for node in functions
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (lines := (node.end_lineno or node.lineno) - node.lineno + 1) > 60
    }
    assert not long
