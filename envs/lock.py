"""Renew requirements.lock from pyproject.toml, and the pins of envs/*.yaml from the lock: ``make lock``.

The lock's first line carries a hash of the dependencies it was made from, so that a test can tell a stale one
without asking a package index.
"""

import hashlib
import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
LOCK = ROOT / "requirements.lock"
HEADER = "# Renew with `make lock`; made from pyproject.toml's dependencies, hash "
PIN = re.compile(r"^(?P<name>[A-Za-z0-9._-]+)==(?P<version>[^ ;]+)", re.MULTILINE)
ENV_PIN = re.compile(r"^(?P<start>\s+- )(?P<name>[A-Za-z0-9._-]+)==(?P<version>\S+)", re.MULTILINE)
SCRIPT_PIN = re.compile(r'(?P<start>")(?P<name>[A-Za-z0-9._-]+)==(?P<version>[^"]+)(?=")')


def dependencies_hash() -> str:
    """Hash of everything in pyproject.toml that decides what is locked."""
    project: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    decides = {
        "dependencies": project["project"]["dependencies"],
        "python": project["project"]["requires-python"],
        "groups": project["dependency-groups"],
        "uv": project["tool"]["uv"],
    }
    return hashlib.sha256(json.dumps(decides, sort_keys=True).encode()).hexdigest()[:16]


def locked_versions() -> dict[str, set[str]]:
    """Pinned versions by package name; a package has two where they differ between Python versions."""
    versions: dict[str, set[str]] = {}
    for pin in PIN.finditer(LOCK.read_text(encoding="utf-8")):
        versions.setdefault(pin["name"].lower(), set()).add(pin["version"])
    return versions


def version_for_python311(name: str) -> str:
    """The version locked for Python 3.11, which the conda environments use."""
    lines = [
        line for line in LOCK.read_text(encoding="utf-8").splitlines() if line.lower().startswith(f"{name.lower()}==")
    ]
    chosen = [line for line in lines if "python_full_version >= '3.12'" not in line] or lines
    if not chosen:
        raise SystemExit(f"error: {name} is pinned in envs/ but is not in requirements.lock")
    return chosen[0].split("==")[1].split()[0]


def renew() -> None:
    """Write the lock and the environments' pins."""
    uv = Path(sys.executable).with_name("uv")
    subprocess.run([uv, "lock", "--upgrade"], cwd=ROOT, check=True)
    options = ["--no-emit-project", "--all-groups", "--no-header", "--no-annotate"]
    exported = subprocess.run([uv, "export", *options], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    LOCK.write_text(HEADER + dependencies_hash() + "\n" + exported, encoding="utf-8")
    renew_environments()


def renew_environments() -> None:
    """Write the lock's versions into envs/*.yaml, and into the scripts that are run in environments just made."""
    for pattern, pin in (("*.yaml", ENV_PIN), ("*.sh", SCRIPT_PIN)):
        for path in sorted((ROOT / "envs").glob(pattern)):
            path.write_text(pin.sub(renewed, path.read_text(encoding="utf-8")), encoding="utf-8")


def renewed(pin: re.Match[str]) -> str:
    """A pin with the lock's version."""
    return f"{pin['start']}{pin['name']}=={version_for_python311(pin['name'])}"


if __name__ == "__main__":
    renew()
