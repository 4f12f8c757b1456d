"""What every source offers: a list of units, each a video or a scene on disk."""

from __future__ import annotations

import hashlib
import re
from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from mimic_core.errors import MimicError


@dataclass(frozen=True)
class Unit:
    """A video or a scene: candidate pairs never cross from one unit to another.

    Attributes:
        name: its path below the source's root, as a person would say it. Unique in its source.
        path: the file to open.
    """

    name: str
    path: Path

    @property
    def key(self) -> str:
        """``name`` as letters, digits, ``_`` and ``-`` alone; a short hash keeps changed names apart."""
        safe = re.sub(r"[^A-Za-z0-9_-]+", "_", self.name).strip("_")
        if safe == self.name:
            return safe
        return f"{safe[:80]}-{hashlib.sha256(self.name.encode('utf-8', 'surrogateescape')).hexdigest()[:8]}"


class Source(ABC):
    """A dataset as it lies on disk.

    A subclass says its ``kind`` (``video`` or ``scene``) and lists its units; nothing else knows its layout.
    """

    kind: ClassVar[str]
    layout: ClassVar[str]  # what a user should see below the root, for messages

    @abstractmethod
    def find(self, root: Path) -> list[Unit]:
        """List the units below ``root``, in any order."""

    def units(self, root: str | Path) -> list[Unit]:
        """List the units below ``root`` by name.

        Raises:
            MimicError: ``root`` is no folder, or holds no unit.
        """
        root = Path(root)
        if not root.is_dir():
            raise MimicError(
                "the folder of a source is not there", where=root, remedy="correct the source's root in the config"
            )
        units = sorted(self.find(root), key=lambda unit: unit.name)
        if not units:
            raise MimicError("a source holds nothing to read", where=root, remedy=f"expected {self.layout}")
        return units


def in_shard(units: list[Unit], shard: int, shards: int) -> list[Unit]:
    """Units of one shard: every ``shards``-th by order of name, so that shards are of like size."""
    return units[shard::shards]
