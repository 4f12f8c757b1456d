"""Read the pairs of a dataset one by one, by offset into the shards."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mimic_core.foreign import MACHINE
from mimic_core.frames import decode_image
from mimic_core.kit.errors import MimicError

Image = NDArray[np.uint8]


class PairDataset:
    """Map-style dataset of image pairs: global shuffles, no unpacking, safe with threads and worker processes.

    Args:
        manifest: ``manifest.parquet`` of an assembled dataset.

    Attributes:
        rows: one row per pair: key, source, unit, view1, view2, overlap, matches, inliers, homography (9 floats, view 1
            -> view 2 in the 224-pixel frame), correspondences (196, -1 for none), hash1, hash2, shard, offsets, sizes.

    ``dataset[i]`` is ``(view1, view2, row)``: two (224, 224, 3) uint8 RGB images and the row as a dict.

    Raises:
        MimicError: the manifest is missing or not a manifest, or a shard does not match it.
    """

    def __init__(self, manifest: str | Path) -> None:
        self.manifest = Path(manifest)
        try:
            self.rows = pd.read_parquet(self.manifest)
            self._places = list(zip(*(self.rows[name] for name in PLACE), strict=True))
            self._ends = (self.rows["offset2"] + self.rows["size2"]).groupby(self.rows["shard"]).max().to_dict()
        except (OSError, ValueError, KeyError) as error:
            raise MimicError(
                f"this is not a manifest of an assembled dataset ({error})",
                where=self.manifest,
                remedy="make it with: snakemake --cores all datasets",
            ) from error
        self._open: dict[str, int] = {}
        self._owner = os.getpid()

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def shards(self) -> list[Path]:
        """Paths of the shards that hold the pairs."""
        return [Path(os.path.normpath(self.manifest.parent / shard)) for shard in sorted(map(str, self._ends))]

    def __getitem__(self, index: int) -> tuple[Image, Image, dict[str, Any]]:
        view1, view2 = self.images(index)
        row = self.rows.iloc[index]
        return view1, view2, {str(name): row[name] for name in self.rows.columns}

    def images(self, index: int) -> tuple[Image, Image]:
        """Return the two images of a pair, without its row."""
        shard, offset1, size1, offset2, size2 = self._places[index]
        return self._image(index, shard, offset1, size1), self._image(index, shard, offset2, size2)

    def _image(self, index: int, shard: str, offset: int, size: int) -> Image:
        try:
            return decode_image(os.pread(self._descriptor(shard), size, offset))
        except (OSError, ValueError) as error:
            if isinstance(error, OSError) and error.errno in ENVIRONMENT:
                error.filename = error.filename or str(self.manifest.parent / shard)
                raise
            raise MimicError(
                f"pair {index} ({self.rows['key'].iloc[index]}) cannot be read: {error}",
                where=self.manifest.parent / shard,
                remedy="the shard was changed or cut off after the manifest was made: delete it and its receipt, and "
                "run the stage pairs again",
            ) from error

    def _descriptor(self, shard: str) -> int:
        if self._owner != os.getpid():  # a forked worker opens its own descriptors
            self._open, self._owner = {}, os.getpid()
        if shard not in self._open:
            descriptor = os.open(self.manifest.parent / shard, os.O_RDONLY)
            size = os.fstat(descriptor).st_size
            if size < self._ends[shard]:  # fail on opening, not days later at the last pairs
                os.close(descriptor)
                raise ValueError(f"the shard has {size:,} bytes, but its pairs reach to byte {self._ends[shard]:,}")
            self._open[shard] = descriptor
        return self._open[shard]

    def close(self) -> None:
        """Close the shards."""
        for descriptor in self._open.values():
            os.close(descriptor)
        self._open = {}

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_open": {}}


ENVIRONMENT = MACHINE | {errno.EACCES, errno.EPERM}  # errors that say nothing about a shard's content
PLACE = ("shard", "offset1", "size1", "offset2", "size2")
