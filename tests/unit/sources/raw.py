"""Small raw files in the datasets' layouts, for the tests of their adapters and readers."""

import json
import struct
from pathlib import Path

import cv2
import h5py
import numpy as np

from mimic_core.frames import reader
from mimic_core.frames.shard import write_frames
from mimic_core.frames.views import decode_image
from mimic_core.kit.tables import read_rows
from mimic_core.sources import open_source


def picture(number: int, width: int = 64, height: int = 48) -> np.ndarray:
    """A picture whose grey level says its number, with a red corner at the top left."""
    image = np.full((height, width, 3), 10 * number % 250, np.uint8)
    image[: height // 3, : width // 3] = (250, 0, 0)
    return image


def encoded(number: int, suffix: str = ".jpg") -> bytes:
    return cv2.imencode(suffix, picture(number)[..., ::-1])[1].tobytes()


def write_images(folder: Path, *names: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for number, name in enumerate(names):
        (folder / name).write_bytes(encoded(number))


def sens_header(frames: int, *, version: int = 4, compression: int = 2, name: bytes = b"StructureSensor") -> bytes:
    head = struct.pack("<IQ", version, len(name)) + name + np.eye(4, dtype="<f4").tobytes() * 4
    return head + struct.pack("<ii4IfQ", compression, 1, 64, 48, 32, 24, 1000.0, frames)


def sens_frame(data: bytes, depth: bytes = b"depth" * 9, *, stamp: int = 1, sizes: tuple[int, int] | None = None):
    colour_bytes, depth_bytes = sizes or (len(data), len(depth))
    return struct.pack("<64x4Q", stamp, stamp, colour_bytes, depth_bytes) + data + depth


def sens(frames: int) -> bytes:
    """A recording at 30 frames a second."""
    return sens_header(frames) + b"".join(
        sens_frame(encoded(number), stamp=10**6 + number * 33_333) for number in range(frames)
    )


def write_h5(path: Path, samples: dict[str, list[np.ndarray | bytes]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with h5py.File(path, "w") as file:
        for sample, images in samples.items():
            for number, image in enumerate(images):
                data = np.frombuffer(image, np.uint8) if isinstance(image, bytes) else image
                file.create_dataset(f"{sample}/frames/t0/v{number}/image", data=data)


class Read:
    """What a source gives: its statistics, the rows of its views, and their pictures."""

    def __init__(self, adapter: str, root: Path, out: Path, **settings: object) -> None:
        source = open_source(adapter)
        units = source.units(root)
        read = reader(source.kind, settings, 0)
        out.mkdir(exist_ok=True)
        self.statistics = write_frames(units, read, out / "v.tar", out / "v.parquet", total=len(units))
        rows = list(read_rows(out / "v.parquet"))
        self.rows = [row for row in rows if row["status"] == "ok"]
        assert len(self.rows) == self.statistics["views"]
        assert len(rows) - len(self.rows) == len(self.statistics["unreadable"])
        assert self.statistics["units"] == self.statistics["units_ok"] + self.statistics["units_unreadable"]
        data = (out / "v.tar").read_bytes()
        self.pictures = [decode_image(data[row["offset"] : row["offset"] + row["size"]]) for row in self.rows]
        json.dumps(self.statistics)

    @property
    def views(self) -> dict[str, list[str]]:
        """Names of the views of each unit."""
        found: dict[str, list[str]] = {}
        for row in self.rows:
            found.setdefault(row["unit"], []).append(row["name"])
        return found

    @property
    def unreadable(self) -> dict[str, str]:
        return self.statistics["unreadable"]
