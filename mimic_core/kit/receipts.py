"""Receipts: small JSON files that record a job's settings, inputs, outputs and statistics. Each is written last.

A receipt without its outputs, or outputs without their receipt, count as not done. A stage that reads another's files
checks them against the receipt first (:meth:`Receipt.check_inputs`) and refuses a file that was changed later.
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

from mimic_core.kit.errors import UnreadableError
from mimic_core.kit.files import file_hash, remove_abandoned, write_json
from mimic_core.kit.verify import SHA256, compare, fingerprint, with_receipts

PACKAGES = ("numpy", "opencv-python-headless", "av", "moderngl", "torch", "torchvision", "timm", "snakemake")


def settings_hash(settings: Any) -> str:
    """Hash a config sub-tree, independently of the order of its keys."""
    text = json.dumps(settings, sort_keys=True, ensure_ascii=False, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


@cache
def code_version() -> str:
    """Hash the package's source files, so that any edit changes it, in a checkout or an installed copy."""
    root = Path(__file__).parents[1]
    digest = hashlib.sha256()
    for path in sorted(root.rglob("*.py")):
        digest.update(str(path.relative_to(root)).encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:16]


def package_versions() -> dict[str, str]:
    """Return the versions of the packages that influence results."""
    versions = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return versions


class Receipt:
    """Collects what a job did; :meth:`write` saves it.

    Args:
        stage: ``frames``, ``pairs``, ``datasets``, ``pretrain``, ``finetune``, ``report`` or ``sample``.
        settings: the config sub-tree that decides the result.
        inputs: files that were read. Their hashes are recorded, or just the size of files over ``hash_limit`` bytes,
            since every shard of a source may read the same raw file.
    """

    hash_limit = 4 << 30

    def __init__(self, stage: str, settings: Mapping[str, Any], inputs: Iterable[str | Path] = ()) -> None:
        self.stage, self.settings, self.inputs = stage, dict(settings), [Path(path) for path in inputs]
        self.started = time.monotonic()  # the wall clock may be changed while the job runs
        self.statistics: dict[str, Any] = {}
        self.read: dict[Path, str] = {}  # fingerprints of the inputs that were checked

    def check_inputs(self, receipt: str | Path, files: Iterable[str | Path]) -> None:
        """Check that inputs still match the receipt of the job that wrote them.

        The hashes are reused for this receipt, so that each file is read once.

        Args:
            receipt: receipt of that job; a file it does not list is not checked.
            files: the inputs that it wrote.

        Raises:
            MimicError: a file was changed or truncated since, or the receipt cannot be read.
        """
        self.read |= compare([(Path(file), Path(receipt)) for file in files])

    def check_written(self, files: Iterable[str | Path]) -> None:
        """Check the files that have the receipt of their job beside them, as :meth:`check_inputs` does."""
        self.read |= compare(with_receipts(files))

    def write(
        self, path: str | Path, outputs: Iterable[str | Path] = (), known: Mapping[str, str] | None = None
    ) -> None:
        """Write the receipt of finished ``outputs`` atomically, and remove leftovers of killed attempts at them.

        Args:
            known: file name -> fingerprint, for outputs that were hashed when they were written earlier.
        """
        known = known or {}
        written = [Path(file) for file in outputs]
        own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        children = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
        write_json(
            path,
            {
                "stage": self.stage,
                "settings": self.settings,
                "settings_hash": settings_hash(self.settings),
                "inputs": {str(file): self.read.get(file) or self.input_fingerprint(file) for file in self.inputs},
                "outputs": {str(file): known.get(file.name) or SHA256 + file_hash(file) for file in written},
                "statistics": self.statistics,
                "code_version": code_version(),
                "versions": package_versions(),
                "host": socket.gethostname(),
                "machine": f"{platform.machine()}, {platform.system()} {platform.release()}",
                "seconds": round(time.monotonic() - self.started, 3),
                "peak_memory_mib": max(own, children) // 1024,
                "finished": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            },
        )
        remove_abandoned([path, *written])

    def input_fingerprint(self, path: Path) -> str:
        """Return the fingerprint of an input (its size if it is large), or ``unreadable`` if it cannot be read."""
        try:
            return fingerprint(path, self.hash_limit)
        except (OSError, UnreadableError):
            return "unreadable"
