"""Receipts: a small JSON file, written last, that says what a stage did, with what, and to which files.

A receipt without its outputs, or outputs without their receipt, count as not done.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import platform
import resource
import socket
import time
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from mimic_core.files import file_hash, write_json

PACKAGES = ("numpy", "opencv-python-headless", "av", "moderngl", "torch", "torchvision", "timm", "snakemake")


def settings_hash(settings: Any) -> str:
    """Hash of a config sub-tree: the same for the same values, whatever the order of the keys."""
    text = json.dumps(settings, sort_keys=True, ensure_ascii=False, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


@cache
def code_version() -> str:
    """Hash of the package's own source files: it changes with any edit, in a checkout and in an installed copy."""
    root = Path(__file__).parent
    digest = hashlib.sha256()
    for path in sorted(root.rglob("*.py")):
        digest.update(str(path.relative_to(root)).encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:16]


def package_versions() -> dict[str, str]:
    """Versions of the packages that decide what comes out."""
    versions = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return versions


class Receipt:
    """Collects what a stage did; ``write`` leaves it on disk.

    Args:
        stage: ``frames``, ``pairs``, ``datasets``, ``pretrain``, ``finetune``, ``report`` or ``sample``.
        settings: the config sub-tree that decides the result.
        inputs: files that were read. Their hashes are kept, save for files over ``hash_limit`` bytes, whose size is.
    """

    hash_limit = 4 << 30

    def __init__(self, stage: str, settings: Mapping[str, Any], inputs: Iterable[str | Path] = ()) -> None:
        self.stage, self.settings, self.inputs = stage, dict(settings), [Path(path) for path in inputs]
        self.started = time.time()
        self.statistics: dict[str, Any] = {}

    def write(self, path: str | Path, outputs: Iterable[str | Path] = ()) -> None:
        """Write the receipt of finished ``outputs``, atomically."""
        own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        children = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
        write_json(
            path,
            {
                "stage": self.stage,
                "settings": self.settings,
                "settings_hash": settings_hash(self.settings),
                "inputs": {str(file): self.input_fingerprint(file) for file in self.inputs},
                "outputs": {str(file): self.fingerprint(Path(file)) for file in outputs},
                "statistics": self.statistics,
                "code_version": code_version(),
                "versions": package_versions(),
                "host": socket.gethostname(),
                "machine": f"{platform.machine()}, {platform.system()} {platform.release()}",
                "seconds": round(time.time() - self.started, 3),
                "peak_memory_mib": max(own, children) // 1024,
                "finished": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            },
        )

    def input_fingerprint(self, path: Path) -> str:
        """:meth:`fingerprint` of an input, ``unreadable`` of one that was counted as such; an output must be there."""
        try:
            return self.fingerprint(path)
        except OSError:
            return "unreadable"

    def fingerprint(self, path: Path) -> str:
        """``sha256:...`` of a file, or its size where hashing it would take minutes."""
        size = path.stat().st_size
        return f"size:{size}" if size > self.hash_limit else "sha256:" + file_hash(path)
