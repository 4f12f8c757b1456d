"""A GLB to be spoilt: a room of 8 x 3 x 8 metres with a picture on every side, whose document a test changes."""

import json
import struct
from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
import pytest

from mimic_core.simulators import camera_pose
from mimic_core.simulators.raster import NoEGLError
from mimic_core.simulators.raycast import RaycastRenderer
from mimic_core.simulators.scene import Scene

POSE = camera_pose((0.3, 1.4, 0.2), 20, -10)
LOW, HIGH = (-4.0, 0.0, -4.0), (4.0, 3.0, 4.0)
SIDES = (  # corners by which bound they take along x, y, z; counter-clockwise from inside, (0, 1) of the picture first
    (0, 0, 1, 1, 0, 1, 1, 0, 0, 0, 0, 0),
    (0, 1, 0, 1, 1, 0, 1, 1, 1, 0, 1, 1),
    (0, 0, 0, 1, 0, 0, 1, 1, 0, 0, 1, 0),
    (1, 0, 1, 0, 0, 1, 0, 1, 1, 1, 1, 1),
    (1, 0, 0, 1, 0, 1, 1, 1, 1, 1, 1, 0),
    (0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 1, 1),
)
CORNERS = np.array(SIDES).reshape(24, 3)
POSITIONS = np.where(CORNERS == 0, LOW, HIGH).astype(np.float32)
UV = np.tile(np.array([(0, 1), (1, 1), (1, 0), (0, 0)], np.float32), (6, 1))
FACES = (np.arange(6)[:, None] * 4 + [0, 1, 2, 0, 2, 3]).astype(np.uint16).ravel()

Change = Callable[["Room"], Any]


def quarters(side: int = 64) -> np.ndarray:
    """A picture of four colours with a small square in one of them; RGB."""
    image = np.zeros((side, side, 3), np.uint8)
    half = side // 2
    image[:half, :half], image[:half, half:] = (220, 40, 40), (40, 200, 40)
    image[half:, :half], image[half:, half:] = (40, 40, 220), (230, 220, 40)
    image[side // 8 : side // 4, side // 8 : side // 4] = 255
    return image


def encoded(suffix: str, image: np.ndarray | None = None) -> bytes:
    """A picture as a file of that suffix."""
    shown = quarters() if image is None else image
    return cv2.imencode(suffix, shown[..., ::-1])[1].tobytes()


class Room:
    """The room's document and data; change them, then take ``glb()``."""

    def __init__(self, repeat: float = 1.0, image: bytes | None = None, mime: str = "image/png") -> None:
        self.binary = b""
        self.views: list[dict[str, Any]] = []
        self.accessors: list[dict[str, Any]] = []
        picture = self.view(encoded(".png") if image is None else image)
        self.primitive: dict[str, Any] = {
            "attributes": {"POSITION": self.accessor(POSITIONS), "TEXCOORD_0": self.accessor(UV * np.float32(repeat))},
            "indices": self.accessor(FACES),
            "material": 0,
        }
        self.material: dict[str, Any] = {"pbrMetallicRoughness": {"baseColorTexture": {"index": 0}}}
        self.node: dict[str, Any] = {"mesh": 0}
        self.document: dict[str, Any] = {
            "asset": {"version": "2.0"},
            "scene": 0,
            "scenes": [{"nodes": [0]}],
            "nodes": [self.node],
            "meshes": [{"primitives": [self.primitive]}],
            "materials": [self.material],
            "textures": [{"source": 0}],
            "images": [{"bufferView": picture, "mimeType": mime}],
        }

    def view(self, data: bytes, **more: Any) -> int:
        """Store bytes; returns their buffer view."""
        self.binary += b"\0" * (-len(self.binary) % 4)
        self.views.append({"buffer": 0, "byteOffset": len(self.binary), "byteLength": len(data), **more})
        self.binary += data
        return len(self.views) - 1

    def accessor(self, array: np.ndarray, **more: Any) -> int:
        """Store an array; returns its accessor."""
        component = {"f4": 5126, "u1": 5121, "u2": 5123, "u4": 5125, "i1": 5120}[array.dtype.str[1:]]
        kind = "SCALAR" if array.ndim == 1 else f"VEC{array.shape[1]}"
        entry = {"bufferView": self.view(array.tobytes()), "componentType": component, "count": len(array)}
        self.accessors.append({**entry, "type": kind, **more})
        return len(self.accessors) - 1

    def use(self, *names: str, required: bool = False) -> None:
        """List extensions as used, or as required too."""
        self.document["extensionsUsed"] = list(names)
        if required:
            self.document["extensionsRequired"] = list(names)

    @property
    def texture(self) -> dict[str, Any]:
        """The material's reference to its texture."""
        return self.material["pbrMetallicRoughness"]["baseColorTexture"]

    def glb(self) -> bytes:
        """The file."""
        buffers = [{"byteLength": len(self.binary)}]
        parts = {"bufferViews": self.views, "accessors": self.accessors, "buffers": buffers}
        return glb_of({**parts, **self.document}, self.binary)


def changed(change: Change, **options: Any) -> bytes:
    """The room after a change."""
    made = Room(**options)
    change(made)
    return made.glb()


def glb_of(document: Any, binary: bytes = b"") -> bytes:
    """A GLB of a document, which may be its text already."""
    text = document if isinstance(document, bytes) else json.dumps(document).encode()
    text += b" " * (-len(text) % 4)
    chunks = struct.pack("<I4s", len(text), b"JSON") + text + struct.pack("<I4s", len(binary), b"BIN\0") + binary
    return struct.pack("<4sII", b"glTF", 2, 12 + len(chunks)) + chunks


def drawn(scene: Scene, backend: Callable = RaycastRenderer, pose: np.ndarray = POSE, side: int = 48) -> np.ndarray:
    """What a renderer shows of a scene, as integers; skips where there is no EGL."""
    try:
        renderer = backend(scene, (side, side), 90.0)
    except NoEGLError as error:
        pytest.skip(str(error))
    rgb = renderer.render_rgb(pose)
    renderer.close()
    return rgb.astype(int)
