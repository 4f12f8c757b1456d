"""What varies is one file: no code but a task's own, the config's and a table's names a task."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from support import REPOSITORY

from mimic_core.finetune import TASKS

ENGINES = [
    *(REPOSITORY / "mimic_core" / room for room in ("finetune", "plan", "report", "cli", "datasets", "machine", "kit")),
    REPOSITORY / "mimic_core" / "config" / "wiring",
    REPOSITORY / "workflow_scripts",
]
OWN = ("finetune/tasks/", "finetune/openmmlab/", "finetune/layouts/")
EXCEPTIONS = {  # file -> the word, and what it means there
    "finetune/settings.py": ("depth", "stochastic depth"),
    "report/pretraining.py": ("depth", "an encoder's number of blocks"),
    "datasets/card.py": ("depth", "which mining does without"),
    "report/table2.py": ("segmentation", "the table's own column from the paper's first version"),
}
COMMON = "depth"  # as an identifier: of a network, or of blocks within blocks


def words(text: str) -> set[str]:
    return set(re.findall("[a-z]+", re.sub("([a-z])([A-Z])", r"\1 \2", text).lower()))


def texts_and_identifiers(path: Path) -> Iterator[set[str]]:
    """The words of each text but docstrings, and of each identifier."""
    tree = ast.parse(path.read_text())
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef)
    docstrings = {
        id(node.body[0].value) for node in ast.walk(tree) if isinstance(node, documented) and ast.get_docstring(node)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings:
            yield words(node.value)
        names = [getattr(node, key, None) for key in ("id", "attr", "arg", "name", "asname", "module")]
        for name in names:
            if isinstance(name, str) and name.lower() != COMMON:
                yield words(name)


def label(path: Path) -> str:
    return str(path.relative_to(REPOSITORY)).removeprefix("mimic_core/")


def engine_files() -> dict[str, Path]:
    every = {label(path): path for room in ENGINES for path in sorted(room.rglob("*.py"))}
    return {name: path for name, path in every.items() if not name.startswith(OWN)}


def named_tasks(path: Path) -> set[str]:
    return {name for found in texts_and_identifiers(path) for name in found & set(TASKS)}


def test_no_engine_names_a_task():
    found = {name: named_tasks(path) - {EXCEPTIONS.get(name, ("", ""))[0]} for name, path in engine_files().items()}
    assert len(found) > 100
    assert not {name: tasks for name, tasks in found.items() if tasks}


def test_every_exception_is_needed():
    files = engine_files()
    assert all(word in named_tasks(files[name]) for name, (word, _) in EXCEPTIONS.items())


def test_the_test_sees_a_name(tmp_path):
    path = tmp_path / "engine.py"
    for code in (
        "x = 'the task pose'",
        "from a import Segmentation",
        "f(normals=1)",
        "def depth_loss(): pass",
        "x = {'depth': 1}",
    ):
        path.write_text(code)
        assert named_tasks(path), code
    path.write_text('"""The pose."""\nx = model.depth\n')
    assert not named_tasks(path)
