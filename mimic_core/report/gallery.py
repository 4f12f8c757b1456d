"""The gallery of a mined folder: one HTML page that works offline and shows retained and rejected pairs."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

import cv2
import numpy as np
import pandas as pd

from mimic_core.foreign import foreign
from mimic_core.kit.archive import read_at
from mimic_core.kit.errors import MimicError
from mimic_core.kit.files import write_text
from mimic_core.kit.read_receipts import read_receipt
from mimic_core.kit.verify import changed_files
from mimic_core.pairs import KEPT, UNREADABLE, VERDICTS
from mimic_core.pairs.folder import shard_paths

TEMPLATE = Path(__file__).with_name("gallery.html")
MOST = 300  # retained pairs on the page, and as many rejected ones, spread evenly over all
JPEG_QUALITY = 80


class Images:
    """The views on a page, each stored once."""

    def __init__(self, views: pd.DataFrame, stream: BinaryIO) -> None:
        self.stream = stream
        readable = views[views["status"] == "ok"]
        self.rows = {(row["unit"], row["view"]): row for row in readable.to_dict("records")}
        self.encoded: list[str] = []
        self.index: dict[tuple[str, int], int] = {}

    def number(self, unit: str, view: int) -> int:
        """Return the index of a view on the page, adding the view if it is new."""
        key = unit, view
        if key not in self.index:
            row = self.rows[key]
            stored = np.frombuffer(read_at(self.stream, int(row["offset"]), int(row["size"])), np.uint8)
            _, smaller = cv2.imencode(
                ".jpg", cv2.imdecode(stored, cv2.IMREAD_COLOR), [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY]
            )
            self.index[key] = len(self.encoded)
            self.encoded.append(base64.b64encode(smaller.tobytes()).decode())
        return self.index[key]

    def name(self, unit: str, view: int) -> str:
        """Return the name of a view: that of its file, or its time in a video."""
        row = self.rows[unit, view]
        return row["name"] or (f"view {view}" if np.isnan(row["time"]) else f"{row['time']:.2f} s")


def write_gallery(folder: Path, most: int = MOST, *, checked: bool = False) -> Path:
    """Write ``gallery.html`` into a folder that ``mimic mine`` filled, and return its path.

    Args:
        most: retained pairs on the page, and as many rejected ones.
        checked: the files have already been compared with the receipt.

    Raises:
        MimicError: the folder contains no mining result, or one of its files was changed since.
    """
    paths = shard_paths(folder)
    remedy = f"run again: mimic mine VIDEOS --out {folder}"
    with foreign("this folder contains no mining result", folder, remedy):
        statistics = read_statistics(folder, remedy, checked)
        candidates, views = pd.read_parquet(paths.candidates), pd.read_parquet(paths.views)
        pairs = pd.read_parquet(paths.pairs, columns=["unit", "view1", "view2", "correspondences"])
        reasons, remarks = statistics["unreadable"], statistics["remarks"]
    patches = {
        (row["unit"], row["view1"], row["view2"]): row["correspondences"].tolist() for row in pairs.to_dict("records")
    }
    chosen = choose(candidates, most)
    with open(paths.frames_tar, "rb") as stream:
        images = Images(views, stream)
        shown = [pair_entry(row, images, patches, reasons) for row in chosen.to_dict("records")]
    counts = candidates["verdict"].value_counts()
    content = {
        "heading": f"{counts.get(KEPT, 0):,} pairs of {len(candidates):,} measured",
        "counts": [["seen", len(candidates)], *[[name, int(counts[name])] for name in VERDICTS if name in counts]],
        "remarks": {unit: "; ".join(texts) for unit, texts in remarks.items()},
        "pairs": shown,
        "images": images.encoded,
    }
    page = folder / "gallery.html"
    text = json.dumps(content, ensure_ascii=True, allow_nan=False).replace("<", "\\u003c")  # no "</script>"
    write_text(page, TEMPLATE.read_text(encoding="utf-8").replace("@DATA@", text))
    return page


def read_statistics(folder: Path, remedy: str, checked: bool) -> dict[str, Any]:
    """Return the statistics of a mined folder's receipt; see :func:`write_gallery`."""
    try:
        receipt = read_receipt(folder / "receipt.json")
        statistics = receipt.block("statistics")
    except MimicError as error:
        what = f"this folder contains no mining result: {error.what}"
        raise MimicError(what, where=folder, remedy=remedy) from error
    changed = [] if checked else changed_files(receipt, shard_paths(folder).all())
    if changed:
        what = "these files do not match their receipt: they were changed, truncated or removed after they were written"
        raise MimicError(what, where=", ".join(map(str, changed)), remedy=remedy)
    return statistics


def choose(candidates: pd.DataFrame, most: int) -> pd.DataFrame:
    """Choose up to ``most`` retained candidates and as many rejected ones, evenly over the table and the verdicts."""
    groups = {str(verdict): rows for verdict, rows in candidates.groupby("verdict", sort=True)}
    rejected = max(1, len(groups) - (KEPT in groups))
    parts = [
        evenly_spaced(rows, most if verdict == KEPT else max(1, most // rejected)) for verdict, rows in groups.items()
    ]
    return pd.concat(parts).sort_index() if parts else candidates


def evenly_spaced(rows: pd.DataFrame, most: int) -> pd.DataFrame:
    """Return at most ``most`` rows, evenly spaced."""
    if len(rows) <= most:
        return rows
    return rows.iloc[np.linspace(0, len(rows) - 1, most).round().astype(int)]


def pair_entry(
    row: Mapping[Any, Any],
    images: Images,
    patches: Mapping[tuple[str, int, int], list[int]],
    reasons: Mapping[str, str],
) -> dict[str, Any]:
    """Return a candidate as the page needs it."""
    unit, view1, view2 = row["unit"], row["view1"], row["view2"]
    described = {name: row[name] for name in ("unit", "verdict", "matches", "inliers")}
    if row["verdict"] == UNREADABLE:
        return {**described, "overlap": None, "reason": reasons.get(unit, "")}
    measured = row["homography"] is not None
    return {
        **described,
        "overlap": round(float(row["overlap"]), 4) if measured else None,
        "images": [images.number(unit, view1), images.number(unit, view2)],
        "names": [images.name(unit, view1), images.name(unit, view2)],
        "patches": patches.get((unit, view1, view2)),
        "homography": [float(value) for value in row["homography"]] if measured else None,
    }
