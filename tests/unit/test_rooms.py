"""What may import what: the rooms of mimic_core, from the tools that know no stage up to the report."""

import ast
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from inspect import ismodule
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "mimic_core"
BELOW = ("kit", "foreign", "machine")  # know no stage
WITHOUT_DOOR = ("kit", "cli")  # a box of tools, each its own door, and the programs that nothing imports
SIDE_DOORS = {  # modules that other rooms import past a room's __init__, and why
    "foreign.hdf5": "loads h5py",
    "foreign.hdf5_chunks": "loads h5py",
    "foreign.yaml_files": "loads YAML",
    "machine.devices": "loads torch",
    "machine.gpus": "is a program too",
    "sources.inventory": "opens sources through the door",
    "simulators.embedded": "needs libraries that habitat-sim's Python does not have",
    "simulators.navigation": "needs libraries that habitat-sim's Python does not have",
    "simulators.raster": "needs libraries that habitat-sim's Python does not have",
    "simulators.raycast": "needs libraries that habitat-sim's Python does not have",
    "simulators.scene": "needs libraries that habitat-sim's Python does not have",
    "frames.reading": "makes readers through the door",
    "frames.settings": "declares keys of the config without loading what uses them",
    "pairs.folder": "loads what reads videos",
    "pairs.rules": "declares keys of the config without loading what uses them",
    "pairs.settings": "declares keys of the config without loading what uses them",
    "sampledata.settings": "declares keys of the config without loading what uses them",
    "datasets.composition": "is read without the scientific stack",
    "models.weights": "is a door of its own, to the formats of files",
    "config.wiring": "is a door of its own, which the rules enter",
}
ROOMS = sorted(path.parent.name for path in PACKAGE.glob("*/__init__.py"))
DOORS = [room for room in ROOMS if room not in WITHOUT_DOOR]


@cache
def imported(path: Path) -> tuple[str, ...]:
    """Dotted names of what a module imports from mimic_core, those imported within functions included."""
    return tuple(imports(path))


@cache
def sources(folder: Path) -> tuple[Path, ...]:
    """Modules of a folder and of those within it."""
    return tuple(folder.rglob("*.py"))


def imports(path: Path) -> Iterator[str]:
    """As ``imported``, read from the file."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module == "mimic_core":
            yield from (f"mimic_core.{name.name}" for name in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("mimic_core."):
            yield node.module
            names = (f"{node.module}.{name.name}" for name in node.names)
            yield from (name for name in names if is_module(*name.split(".")[1:]))
        elif isinstance(node, ast.Import):
            yield from (name.name for name in node.names if name.name.startswith("mimic_core."))


def rooms_used(room: str) -> set[str]:
    """Other rooms that a room imports."""
    names = {name for path in sources(PACKAGE / room) for name in imported(path)}
    return {name.split(".")[1] for name in names} - {room, "__version__"}


def insides(room: str) -> dict[str, set[str]]:
    """Modules of a room that others import past its door -> the files that do."""
    found: dict[str, set[str]] = {}
    for path in sources(PACKAGE):
        for name in imported(path):
            words = name.split(".")[1:]
            if words[0] == room and len(words) > 1 and (PACKAGE / room) not in path.parents and is_module(*words):
                found.setdefault(".".join(words), set()).add(str(path.relative_to(PACKAGE)))
    return found


@cache
def is_module(*words: str) -> bool:
    """Whether these words name a module or a package."""
    return (PACKAGE.joinpath(*words)).is_dir() or PACKAGE.joinpath(*words).with_suffix(".py").is_file()


@pytest.mark.parametrize("room", DOORS)
def test_a_room_is_entered_by_its_door(room):
    wrong = {module: files for module, files in insides(room).items() if module not in SIDE_DOORS}
    assert not wrong, "import these names from the room's __init__"


def test_every_side_door_is_used():
    assert {module for room in DOORS for module in insides(room)} == set(SIDE_DOORS)


@pytest.mark.parametrize("room", DOORS)
def test_a_door_gives_what_it_lists(room):
    door = import_module(f"mimic_core.{room}")
    # a module of that name would stand in a name's place as soon as it is loaded
    assert [name for name in door.__all__ if ismodule(getattr(door, name))] == []
    if "__getattr__" in vars(door):
        assert [name for name in door.__all__ if is_module(room, name)] == []


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
