"""The conventions of camera poses, and what Python 3.9 and a mining job need of this package."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import mimic_core
from mimic_core.simulators import camera_pose, heading

PACKAGE = Path(mimic_core.__file__).parent
FILES = [
    *sorted((PACKAGE / "simulators").glob("*.py")),
    *(PACKAGE / "kit" / name for name in ("seeding.py", "errors.py")),
    *(PACKAGE / "foreign" / name for name in ("__init__.py", "reading.py", "headers.py")),
]


@pytest.mark.parametrize("yaw", [0, 37, 90, 200])
def test_yaw_turns_left_and_heading_agrees(yaw: float) -> None:
    pose = camera_pose((1, 2, 3), yaw)
    np.testing.assert_allclose(pose[:3, 3], (1, 2, 3))
    np.testing.assert_allclose(pose[:3, :3] @ (0, 0, -1), heading(yaw), atol=1e-12)
    assert np.cross(heading(0), heading(20))[1] > 0, "a growing yaw turns counter-clockwise seen from above"


def test_pitch_looks_up_and_roll_keeps_the_view_axis() -> None:
    assert (camera_pose((0, 0, 0), 30, 20)[:3, :3] @ (0, 0, -1))[1] == pytest.approx(np.sin(np.radians(20)))
    np.testing.assert_allclose(camera_pose((0, 0, 0), 30, 20, 15)[:3, 2], camera_pose((0, 0, 0), 30, 20)[:3, 2])


TYPE_NAMES = {"int", "float", "str", "bytes", "bool", "dict", "list", "tuple", "set", "Path", "Rendering"}


def runtime_nodes(tree: ast.AST) -> Iterator[ast.AST]:
    """Every node that is evaluated: annotations are not."""
    for name, value in ast.iter_fields(tree):
        if name not in ("annotation", "returns"):
            for node in value if isinstance(value, list) else [value]:
                if isinstance(node, ast.AST):
                    yield node
                    yield from runtime_nodes(node)


def is_type_union(node: ast.AST) -> bool:
    """Whether a node is ``X | Y`` of types or of a type and None."""
    if not (isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr)):
        return False
    sides = (node.left, node.right)
    return any(isinstance(side, ast.Constant) and side.value is None for side in sides) or any(
        isinstance(side, ast.Name) and side.id in TYPE_NAMES for side in sides
    )


def test_the_check_for_type_unions_finds_them() -> None:
    tree = ast.parse(
        "from __future__ import annotations\nA = int | None\ndef f(x: int | None) -> str | None: ...\nb = 1 | 2"
    )
    assert sum(map(is_type_union, runtime_nodes(tree))) == 1


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_parses_on_python_3_9(path: Path) -> None:
    tree = ast.parse(path.read_text(), feature_version=(3, 9))
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)]
    newer = {("zip", "strict"), ("dataclass", "slots"), ("dataclass", "kw_only")}
    used = {(call.func.id, keyword.arg) for call in calls for keyword in call.keywords}  # type: ignore[attr-defined]
    assert not used & newer
    methods = {
        node.func.attr for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
    }
    assert "bit_count" not in methods
    assert not [node for node in runtime_nodes(tree) if is_type_union(node)]
    has_annotations = any(isinstance(node, ast.arg | ast.AnnAssign) and node.annotation for node in ast.walk(tree))
    assert not has_annotations or "from __future__ import annotations" in path.read_text()


def type_check_as_python_3_9(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pyrefly", "check", "--output-format", "min-text", "--threads", "1"]
    command += ["--python-interpreter-path", sys.executable, "--config", str(PACKAGE.parent / "pyproject.toml")]
    return subprocess.run([*command, *arguments], capture_output=True, text=True, check=False)


def test_type_checks_as_python_3_9() -> None:
    done = type_check_as_python_3_9()
    assert (done.returncode, done.stdout) == (0, ""), done.stderr


def test_the_type_check_knows_what_python_3_9_lacks(tmp_path: Path) -> None:
    file = tmp_path / "newer.py"
    file.write_text("import tomllib\nfrom typing import Self\n\n\ndef length(x: str) -> str:\n    return len(x)\n")
    done = type_check_as_python_3_9(str(file))
    assert done.returncode == 1
    for complaint in ("tomllib", "Self", "int"):
        assert complaint in done.stdout


def test_importing_the_package_loads_numpy_and_nothing_heavier() -> None:
    heavy = ("cv2", "scipy", "trimesh", "moderngl", "embreex", "torch", "pandas", "snakemake", "habitat_sim")
    code = f"import sys, mimic_core.simulators; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
