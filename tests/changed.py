"""Print the unit tests that a change touches, for ``make quick``: those that import a changed module, or are changed.

A change is what differs from the branch ``main``, committed or not; on ``main`` itself, from the last commit.
"""

from __future__ import annotations

import ast
import subprocess
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
ALWAYS = sorted(str(path.relative_to(ROOT)) for path in (ROOT / "tests/unit").glob("test_*.py"))


def git(*words: str) -> list[str]:
    """Lines that a command of git's prints; none where it fails."""
    done = subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=False)
    return done.stdout.split("\n") if done.returncode == 0 else []


def changed_files() -> set[str]:
    """Paths of the files that differ, from the root."""
    here, base = git("rev-parse", "HEAD")[:1], git("merge-base", "HEAD", "main")[:1]
    since = ["HEAD~1"] if here == base or not base else base
    return {
        path for path in (*git("diff", "--name-only", *since), *git("ls-files", "-o", "--exclude-standard")) if path
    }


def module_of(path: str) -> str:
    """Dotted name of a file of Python."""
    return path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def imported(path: Path) -> Iterator[str]:
    """Dotted names of the modules, and of the names in them, that a file imports."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{name.name}" for name in node.names)
        elif isinstance(node, ast.Import):
            yield from (name.name for name in node.names)


def touched(files: set[str]) -> list[str]:
    """The tests of changed files."""
    modules = {module_of(path) for path in files if path.startswith(("mimic_core/", "workflow_scripts/"))}
    found = {path for path in files if path.startswith("tests/unit/") and Path(path).name.startswith("test_")}
    for path in (ROOT / "tests/unit").rglob("test_*.py"):
        if modules & set(imported(path)):
            found.add(str(path.relative_to(ROOT)))
    return [path for path in sorted({*found, *ALWAYS}) if (ROOT / path).exists()]


if __name__ == "__main__":
    print(*touched(changed_files()), sep="\n")
