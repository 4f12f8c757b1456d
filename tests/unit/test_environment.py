"""The lock, the conda environments and pyproject.toml say the same."""

import sys
import tomllib

import pytest
import yaml
from packaging.requirements import Requirement
from support import REPOSITORY

sys.path.insert(0, str(REPOSITORY / "envs"))
import lock

RENEW = "renew it with: make lock"


def test_the_lock_is_not_stale():
    first = lock.LOCK.read_text().splitlines()[0]
    assert first == lock.HEADER + lock.dependencies_hash(), f"requirements.lock is stale; {RENEW}"


def test_every_direct_dependency_is_locked_within_its_bounds():
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())
    pins = lock.locked_versions()
    for line in [*project["project"]["dependencies"], *project["dependency-groups"]["dev"]]:
        requirement = Requirement(line)
        versions = pins.get(requirement.name.lower())
        assert versions, f"{requirement.name} is not in requirements.lock; {RENEW}"
        assert all(requirement.specifier.contains(version) for version in versions), f"{line}; {RENEW}"


def test_every_package_of_the_lock_is_pinned_by_hash_and_without_an_address():
    text = lock.LOCK.read_text()
    assert "://" not in text
    assert "--index" not in text
    blocks = text.split("\n", 1)[1].replace("\\\n", " ").splitlines()
    assert len(blocks) > 100
    for block in blocks:
        assert "==" in block, block
        assert "--hash=sha256:" in block, block


@pytest.mark.parametrize("path", sorted((REPOSITORY / "envs").glob("*.yaml")), ids=lambda path: path.stem)
def test_the_conda_environments_pin_what_the_lock_pins(path):
    environment = yaml.safe_load(path.read_text())
    assert environment["channels"][-1] == "nodefaults"
    pip = next((entry["pip"] for entry in environment["dependencies"] if isinstance(entry, dict)), [])
    assert pip or path.stem == "habitat"
    for line in pip:
        name, _, version = line.partition("==")
        assert version == lock.version_for_python311(name), f"{path.name}: {line}; {RENEW}"


@pytest.mark.parametrize("path", sorted((REPOSITORY / "envs").glob("*.sh")), ids=lambda path: path.stem)
def test_scripts_of_environments_pin_what_the_lock_pins(path):
    pins = list(lock.SCRIPT_PIN.finditer(path.read_text()))
    assert pins
    for pin in pins:
        assert pin["version"] == lock.version_for_python311(pin["name"]), f"{path.name}: {pin[0]}; {RENEW}"


def test_every_rules_environment_exists():
    for path in (REPOSITORY / "rules").glob("*.smk"):
        for line in path.read_text().splitlines():
            if "envs/" in line:
                assert (REPOSITORY / "rules" / line.strip().strip('"')).is_file(), line
