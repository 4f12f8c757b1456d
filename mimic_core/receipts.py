"""Receipts: a small JSON file, written last, that says what a stage did, with what, and to which files.

A receipt without its outputs, or outputs without their receipt, count as not done. A stage that reads what another
wrote compares it with the receipt first (:meth:`Receipt.check_inputs`): a file that was cut off later is refused.
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

from mimic_core.errors import MimicError
from mimic_core.files import file_hash, read_json, remove_abandoned, write_json

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


def written_outputs(receipt: str | Path) -> dict[str, str]:
    """Fingerprints of what a receipt's job wrote, by the files' names without their folders.

    Raises:
        MimicError: it cannot be read.
    """
    try:
        return {Path(name).name: str(fingerprint) for name, fingerprint in read_json(receipt)["outputs"].items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise MimicError(
            f"the receipt cannot be read ({type(error).__name__}): it was changed or cut off after it was written",
            where=receipt,
            remedy=f"delete it and run the same command again, which makes it anew: rm {receipt}",
        ) from error


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
        told = written_outputs(receipt)
        for path in map(Path, files):
            self.read[path] = self.input_fingerprint(path)
            if self.read[path] != told.get(path.name, self.read[path]):
                raise MimicError(
                    "the file is not what its receipt says: it was changed or cut off after it was written",
                    where=path,
                    remedy=f"delete both and run the same command again, which makes them anew: rm {path} {receipt}",
                )

    def write(self, path: str | Path, outputs: Iterable[str | Path] = ()) -> None:
        """Write the receipt of finished ``outputs``, atomically; what killed attempts at them have left is removed."""
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
                "outputs": {str(file): self.fingerprint(file) for file in written},
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
        remove_abandoned([path, *written])

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
