"""What may import what: the rooms of mimic_core, from the tools that know no stage up to the report."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "mimic_core"
BELOW = ("kit", "foreign", "machine")  # know no stage
ROOMS = sorted(path.parent.name for path in PACKAGE.glob("*/__init__.py"))


def imported(path: Path) -> Iterator[str]:
    """Dotted names of what a module imports from mimic_core, those imported within functions included."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module == "mimic_core":
            yield from (f"mimic_core.{name.name}" for name in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("mimic_core."):
            yield node.module
        elif isinstance(node, ast.Import):
            yield from (name.name for name in node.names if name.name.startswith("mimic_core."))


def rooms_used(room: str) -> set[str]:
    """Other rooms that a room imports."""
    names = {name for path in (PACKAGE / room).rglob("*.py") for name in imported(path)}
    return {name.split(".")[1] for name in names} - {room, "__version__"}


def test_every_module_is_in_a_room():
    assert [path.name for path in PACKAGE.glob("*.py")] == ["__init__.py"]


@pytest.mark.parametrize("room", BELOW)
def test_tools_know_no_stage(room):
    assert rooms_used(room) <= {*BELOW}


@pytest.mark.parametrize("room", ROOMS)
def test_only_the_command_knows_the_command(room):
    assert room == "cli" or "cli" not in rooms_used(room)


@pytest.mark.parametrize("room", ["sources", "simulators", "frames", "pairs", "datasets", "models", "objectives"])
def test_mining_and_models_know_no_stage_after_them(room):
    assert not rooms_used(room) & {"pretrain", "finetune", "evaluation", "report", "plan", "config"}
