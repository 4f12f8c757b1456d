"""Receipts: a small JSON file, written last, that says what a stage did, with what, and to which files.

A receipt without its outputs, or outputs without their receipt, count as not done. A stage that reads what another
wrote compares it with the receipt first (:meth:`Receipt.check_inputs`): a file that was changed later is refused.
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
    """Hash of a config sub-tree: the same for the same values, whatever the order of the keys."""
    text = json.dumps(settings, sort_keys=True, ensure_ascii=False, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


@cache
def code_version() -> str:
    """Hash of the package's own source files: it changes with any edit, in a checkout and in an installed copy."""
    root = Path(__file__).parents[1]
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
        inputs: files that were read. Their hashes are kept, save for raw files over ``hash_limit`` bytes, whose size
            is: every shard of a source may read the same one.
    """

    hash_limit = 4 << 30

    def __init__(self, stage: str, settings: Mapping[str, Any], inputs: Iterable[str | Path] = ()) -> None:
        self.stage, self.settings, self.inputs = stage, dict(settings), [Path(path) for path in inputs]
        self.started = time.monotonic()  # the clock may be set while the job runs
        self.statistics: dict[str, Any] = {}
        self.read: dict[Path, str] = {}  # fingerprints of inputs, taken when they were checked

    def check_inputs(self, receipt: str | Path, files: Iterable[str | Path]) -> None:
        """See that inputs are still what the receipt of the job that wrote them says.

        The hashes go into this receipt too, so that each file is read once.

        Args:
            receipt: that job's; a file it does not list is not checked.
            files: of the inputs, those that it wrote.

        Raises:
            MimicError: a file was changed or cut off since, or the receipt cannot be read.
        """
        self.read |= compare([(Path(file), Path(receipt)) for file in files])

    def check_written(self, files: Iterable[str | Path]) -> None:
        """:meth:`check_inputs` of those inputs that have the receipt of their job beside them."""
        self.read |= compare(with_receipts(files))

    def write(
        self, path: str | Path, outputs: Iterable[str | Path] = (), known: Mapping[str, str] | None = None
    ) -> None:
        """Write the receipt of finished ``outputs``, atomically; what killed attempts at them have left is removed.

        Args:
            known: fingerprints, by file name, of outputs that were written long ago, as they were then.
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
        """Fingerprint of an input, by its size where it is large; ``unreadable`` of one that was counted as such."""
        try:
            return fingerprint(path, self.hash_limit)
        except (OSError, UnreadableError):
            return "unreadable"
