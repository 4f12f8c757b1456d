"""Mining a folder of videos in one go, without the workflow."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mimic_core.frames import reader
from mimic_core.frames.shard import write_frames
from mimic_core.pairs.rules import Neighbours
from mimic_core.pairs.settings import MiningSettings
from mimic_core.pairs.shard import ShardPaths, mine_shard
from mimic_core.receipts import Receipt
from mimic_core.sources import open_source


def mine_videos(folder: Path, out: Path, *, interval: float, settings: MiningSettings, seed: int) -> dict[str, Any]:
    """Mine every video below ``folder`` and write ``pairs.tar`` and the tables to ``out``.

    Args:
        interval: seconds between two views.

    Returns:
        The statistics of :func:`mimic_core.pairs.shard.mine_shard`.

    Raises:
        MimicError: the folder is not there, holds no video, or none that can be read.
    """
    units = open_source("videos").units(folder)
    frames = {"interval": interval}
    receipt = Receipt("pairs", {"frames": frames, "pairs": vars(settings)}, [unit.path for unit in units])
    paths = ShardPaths(
        frames_tar=out / "views.tar",
        views=out / "views.parquet",
        candidates=out / "candidates.parquet",
        pairs=out / "pairs.parquet",
        tar=out / "pairs.tar",
    )
    write_frames(units, reader("video", frames, seed), paths.frames_tar, paths.views, total=len(units))
    receipt.statistics = mine_shard(paths, source="videos", rule=Neighbours(), settings=settings, seed=seed)
    receipt.write(out / "receipt.json", [paths.views, paths.candidates, paths.pairs, paths.tar])
    return receipt.statistics
