"""Pictures, videos and a GLB room, small and the same on every machine; what changes them is the cases' own."""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.uint8]

WIDTH, HEIGHT = 320, 240
LONG = 2400  # pixels of the wall along which the camera pans
SPEED = 90  # pixels a second
CORNERS = {"R": (255, 0, 0), "G": (0, 255, 0), "B": (0, 0, 255), "-": (255, 255, 255)}


@cache
def wall(seed: int = 0) -> Picture:
    """A wide wall of coloured boxes, RGB."""
    rng = np.random.default_rng(seed)
    picture = np.full((HEIGHT, LONG, 3), 128, np.uint8)
    for x, y, side, *colour in rng.integers(0, [LONG, HEIGHT, 40, 256, 256, 256], (1600, 6)).tolist():
        cv2.rectangle(picture, (x, y), (x + side + 6, y + side // 2 + 6), colour, -1)
    return picture


def pan(seconds: float, rate: int = 10, start: int = 0, speed: int = SPEED, seed: int = 0) -> list[Picture]:
    """Frames of a camera that moves along the wall."""
    places = [int(start + number * speed / rate) for number in range(round(seconds * rate))]
    return [np.ascontiguousarray(wall(seed)[:, place : place + WIDTH]) for place in places]


def with_corners(frame: Picture) -> Picture:
    """A frame whose corners are red, green / blue, white."""
    frame = frame.copy()
    frame[:60, :60], frame[:60, -60:], frame[-60:, :60], frame[-60:, -60:] = CORNERS.values()
    return frame


def corners(picture: Picture) -> str:
    """The letters of a picture's corners: top left, top right, bottom left, bottom right."""
    size = 12
    places = [(slice(0, size), slice(0, size)), (slice(0, size), slice(-size, None))]
    places += [(slice(-size, None), slice(0, size)), (slice(-size, None), slice(-size, None))]
    return "".join(nearest(picture[place].reshape(-1, 3).mean(0)) for place in places)


def nearest(colour: NDArray[Any]) -> str:
    distances = {letter: float(np.abs(colour - known).max()) for letter, known in CORNERS.items()}
    letter = min(distances, key=lambda one: distances[one])
    return letter if distances[letter] < 60 else "?"


def photos(
    folder: Path, count: int = 3, *, first: int = 0, start: int = 0, suffix: str = ".jpg", seed: int = 0
) -> None:
    """Photos of the wall, 80 pixels apart, with numbers for names."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        place = start + 80 * number
        (folder / f"{first + number}{suffix}").write_bytes(encoded(wall(seed)[:, place : place + WIDTH], suffix))


def encoded(picture: Picture, suffix: str = ".jpg", *options: int) -> bytes:
    done, data = cv2.imencode(suffix, np.ascontiguousarray(picture[..., ::-1]), list(options))
    assert done, suffix
    return data.tobytes()


def encode(
    path: Path,
    frames: Iterable[Picture],
    codec: str = "libx264",
    form: str | None = None,
    rate: int = 10,
    pixels: str = "yuv420p",
    **options: str,
) -> Path:
    """Write a video; ``form`` is its container where the suffix does not say it, ``options`` are the encoder's."""
    path.parent.mkdir(parents=True, exist_ok=True)
    quick = {"preset": "ultrafast", "tune": "zerolatency"} if codec == "libx264" else {}
    with av.open(str(path), "w", format=form) as container:
        stream = container.add_stream(codec, rate=rate, options=quick | options)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, pixels
        for frame in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(stream.encode())
    return path


def damage_packet(path: Path, seconds: float) -> None:
    """Fill the first packet at or after some seconds with 0xFF."""
    with av.open(str(path)) as container:
        packets = [packet for packet in container.demux(video=0) if packet.size and packet.pts is not None]
        packet = next(one for one in packets if one.pts * one.time_base >= seconds)
        content = bytes(packet)
    data = path.read_bytes()
    assert data.count(content) == 1, path
    data = data.replace(content, b"\xff" * len(content))
    path.write_bytes(data)


def box(kind: bytes, payload: bytes) -> bytes:
    """A box of an MP4 file."""
    return struct.pack(">I4s", 8 + len(payload), kind) + payload


def boxes(data: bytes, start: int = 0) -> list[tuple[bytes, bytes]]:
    """The boxes of an MP4 file, or in one from ``start`` on, each with its kind and all its bytes."""
    found = []
    while start < len(data):
        size, kind = struct.unpack_from(">I4s", data, start)
        found.append((kind, data[start : start + size]))
        start += size
    return found


def png(width: int, height: int, rows: bytes) -> bytes:
    """A PNG of one bit a pixel with given compressed rows; nothing else of it is decoded or held."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def png_bomb(side: int = 30_000) -> bytes:
    """Some 100 kB that unpack to a picture of side x side pixels."""
    packer = zlib.compressobj(9)
    row = bytes(1 + (side + 7) // 8)
    return png(side, side, b"".join(packer.compress(row) for _ in range(side)) + packer.flush())


def glb(document: object, binary: bytes = b"") -> bytes:
    """A GLB file of a JSON document and a binary part."""
    text = json.dumps(document).encode()
    text, binary = text + b" " * (-len(text) % 4), binary + b"\0" * (-len(binary) % 4)
    parts = struct.pack("<I4s", len(text), b"JSON") + text + struct.pack("<I4s", len(binary), b"BIN\0") + binary
    return struct.pack("<4sII", b"glTF", 2, 12 + len(parts)) + parts


ROOM = (8.0, 3.0, 8.0)  # metres; y is up, the floor's middle is the origin
FLOAT, SHORT = 5126, 5123


def room_quads() -> NDArray[np.float32]:
    """Floor, ceiling and the four walls of the room, (6, 4, 3); counterclockwise as seen from inside."""
    x, y, z = ROOM[0] / 2, ROOM[1], ROOM[2] / 2
    ends = [(-x, -z), (x, -z), (x, z), (-x, z)]  # of the walls, around
    floor = [(a, 0.0, b) for a, b in reversed(ends)]
    ceiling = [(a, y, b) for a, b in ends]
    walls = [
        [(a, 0.0, b), (c, 0.0, d), (c, y, d), (a, y, b)]
        for (a, b), (c, d) in zip(ends, [*ends[1:], ends[0]], strict=True)
    ]
    return np.array([floor, ceiling, *walls], np.float32)


def poster(size: int = 128) -> Picture:
    """A square picture of four colours with boxes on it, RGB."""
    rng = np.random.default_rng(1)
    picture = np.repeat(np.repeat([[[220, 40, 40], [40, 200, 40]], [[40, 40, 220], [230, 220, 40]]], 64, 0), 64, 1)
    picture = cv2.resize(picture.astype(np.uint8), (size, size), interpolation=cv2.INTER_NEAREST)
    for x, y, side, *colour in rng.integers(0, [size, size, 6, 256, 256, 256], (60, 6)).tolist():
        cv2.rectangle(picture, (x, y), (x + side + 3, y + side + 3), colour, -1)
    return picture


class Room:
    """A textured room as a glTF document that a case may change before it is written.

    Attributes:
        document: without what :meth:`write` fills in.
        primitive: its only mesh's only primitive.
        positions, uv, faces: (24, 3) float32 metres, (24, 2) float32, (36,) uint16.
    """

    def __init__(self, repeats: float = 2.0, image: bytes | None = None, mime: str = "image/png") -> None:
        self.binary = b""
        self.buffer_views: list[dict[str, Any]] = []
        self.accessors: list[dict[str, Any]] = []
        self.positions = room_quads().reshape(-1, 3)
        self.uv = (np.tile([(0, 1), (1, 1), (1, 0), (0, 0)], (6, 1)) * repeats).astype(np.float32)
        self.faces = np.array([[0, 1, 2, 0, 2, 3]] * 6, np.uint16) + 4 * np.arange(6, dtype=np.uint16)[:, None]
        self.faces = self.faces.ravel()
        self.document: dict[str, Any] = {
            "asset": {"version": "2.0"},
            "scene": 0,
            "scenes": [{"nodes": [0]}],
            "nodes": [{"mesh": 0}],
            "images": [{"bufferView": self.view(image or encoded(poster(), ".png")), "mimeType": mime}],
            "textures": [{"source": 0}],
            "materials": [{"pbrMetallicRoughness": {"baseColorTexture": {"index": 0}}}],
        }
        self.primitive: dict[str, Any] = {
            "attributes": {"POSITION": self.add(self.positions), "TEXCOORD_0": self.add(self.uv)},
            "indices": self.add(self.faces),
            "material": 0,
        }
        self.document["meshes"] = [{"primitives": [self.primitive]}]

    @property
    def texture(self) -> dict[str, Any]:
        """The material's reference to its texture."""
        reference: dict[str, Any] = self.document["materials"][0]["pbrMetallicRoughness"]["baseColorTexture"]
        return reference

    def view(self, data: bytes) -> int:
        """Add bytes; the number of their view of the buffer."""
        self.binary += b"\0" * (-len(self.binary) % 4)
        self.buffer_views.append({"buffer": 0, "byteOffset": len(self.binary), "byteLength": len(data)})
        self.binary += data
        return len(self.buffer_views) - 1

    def add(self, values: NDArray[Any]) -> int:
        """Add an array; the number of its accessor. Bounds are of what is finite."""
        kind = "SCALAR" if values.ndim == 1 else f"VEC{values.shape[1]}"
        accessor = {"bufferView": self.view(values.tobytes()), "count": len(values), "type": kind}
        accessor["componentType"] = FLOAT if values.dtype == np.float32 else SHORT
        if kind == "VEC3":
            finite = values[np.isfinite(values).all(1)]
            accessor |= {"min": finite.min(0).tolist(), "max": finite.max(0).tolist()}
        self.accessors.append(accessor)
        return len(self.accessors) - 1

    def with_triangle(self, triangle: object) -> Room:
        """Add a triangle to the mesh."""
        points = np.vstack([self.positions, np.array(triangle, np.float32)])
        uv = np.vstack([self.uv, np.zeros((3, 2), np.float32)])
        self.primitive["attributes"] = {"POSITION": self.add(points), "TEXCOORD_0": self.add(uv)}
        self.primitive["indices"] = self.add(np.append(self.faces, [24, 25, 26]).astype(np.uint16))
        return self

    def extension(self, name: str, *, required: bool = False) -> None:
        """Say that the file uses an extension."""
        for key in ["extensionsUsed"] + ["extensionsRequired"] * required:
            self.document.setdefault(key, []).append(name)

    def write(self, path: Path) -> None:
        self.document |= {"bufferViews": self.buffer_views, "accessors": self.accessors}
        self.document["buffers"] = [{"byteLength": len(self.binary)}]
        path.write_bytes(glb(self.document, self.binary))
