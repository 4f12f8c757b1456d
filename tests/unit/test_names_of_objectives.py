"""No engine knows an objective by name: only its folder, the list of them and the config do."""

import ast
import importlib
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from mimic_core.objectives import OBJECTIVES, get_objective, label

PACKAGE = Path(__file__).parents[2] / "mimic_core"
ENGINES = ("pretrain", "datasets", "evaluation", "plan", "finetune", "report")
MODULES = [path for room in ENGINES for path in sorted((PACKAGE / room).rglob("*.py"))]
MODULES += [path for path in sorted((PACKAGE / "objectives").glob("*.py")) if path.name != "__init__.py"]
NAMED = re.compile(rf"(?<![A-Za-z])(?i:{'|'.join(OBJECTIVES)})(?![a-z])")
FACTS = {"plan/page.py", "report/pretraining.py"}  # say what the paper trained: "the paper's CroCo"


def words(path: Path) -> Iterator[tuple[int, str]]:
    """Line and text of every identifier and string of a module; docstrings may speak of what they like."""
    tree = ast.parse(path.read_text())
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    docstrings = {id(node.body[0].value) for node in ast.walk(tree) if isinstance(node, documented) and described(node)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings:
            yield node.lineno, node.value
        for field in ("id", "attr", "name", "arg", "asname", "module"):
            if isinstance(text := getattr(node, field, None), str):
                yield getattr(node, "lineno", 0), text


def described(node: ast.AST) -> bool:
    """Whether a module, class or function has a docstring."""
    first = node.body[0] if node.body else None
    return isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_an_engine_names_no_objective(path):
    named = [f"line {line}: {text!r}" for line, text in words(path) if NAMED.search(text)]
    facts = str(path.relative_to(PACKAGE)) in FACTS
    assert [one for one in named if not (facts and "the paper's CroCo" in one.replace("The", "the"))] == []


def test_a_name_would_be_found(tmp_path):
    path = tmp_path / "engine.py"
    path.write_text('"""Of MAE."""\nfrom x.croco import y\nmodel = "dino"\ndef mae_loss(): ...\n')
    assert sorted(line for line, text in words(path) if NAMED.search(text)) == [2, 3, 4]


@pytest.mark.parametrize("name", OBJECTIVES)
def test_a_folder_says_its_name_and_its_label(name):
    assert get_objective(name).name == name
    assert label(name) == importlib.import_module(f"mimic_core.objectives.{name}").LABEL
    assert label("ImageNet") == "ImageNet"


def test_labels_need_no_torch():
    code = "import sys, mimic_core.report.encoders as r; r.label('mae'); print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
