"""Check that OpenMMLab is installed in the versions that this code was tested with."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Mapping
from functools import cache

from mimic_core.finetune.openmmlab.ops import provide_ops
from mimic_core.kit.errors import MimicError

# Distributions and their versions, as in requirements.lock. The onedl forks keep the import names of the originals.
PINS = {
    "onedl-mmengine": "0.10.12",
    "onedl-mmcv": "2.3.6",
    "onedl-mmsegmentation": "1.4.2",
    "onedl-mmdetection": "3.5.1",
    "mmpose": "1.3.2",
    "xtcocotools": "1.14.3",
    "munkres": "1.1.4",
}
ORIGINALS = ("mmengine", "mmcv", "mmcv-lite", "mmsegmentation", "mmdet")  # install into the same folders as the forks


def installed_version(name: str) -> str | None:
    """Return the version of an installed distribution, or None."""
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def problems(pins: Mapping[str, str] = PINS) -> list[str]:
    """List missing packages, wrong versions and conflicting originals, one phrase each."""
    found = []
    for name, wanted in pins.items():
        version = installed_version(name)
        if version is None:
            found.append(f"{name} is missing")
        elif version != wanted:
            found.append(f"{name} is {version}")
    return found + [f"{name} is installed beside its fork" for name in ORIGINALS if installed_version(name)]


@cache
def require_openmmlab() -> None:
    """Check the versions and make ``mmcv.ops`` importable; call this before importing anything of OpenMMLab.

    Raises:
        MimicError: a package is missing, of another version, or conflicts with its fork.
    """
    found = problems()
    if found:
        pins = " ".join(f"{name}=={version}" for name, version in PINS.items())
        raise MimicError(
            f"OpenMMLab is not installed correctly: {', '.join(found)}",
            where="the Python environment",
            remedy=f"install requirements.lock, which has {pins}, and remove the originals of the forks, if any",
        )
    provide_ops()
