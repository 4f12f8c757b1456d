"""Reading binary glTF 2.0 files (Khronos glTF 2.0 specification, sections 3.6 and 4.4): chunks, accessors, images."""

from __future__ import annotations

import json
import struct
from typing import Any, Dict

import cv2
import numpy as np

from mimic_core.errors import UnreadableError

MAGIC, JSON_CHUNK, BINARY_CHUNK = b"glTF", 0x4E4F534A, 0x004E4942
COMPONENTS = {5120: "i1", 5121: "u1", 5122: "<i2", 5123: "<u2", 5125: "<u4", 5126: "<f4"}
WIDTHS = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4, "MAT4": 16}
UNDERSTOOD = {"KHR_materials_unlit", "KHR_texture_transform", "KHR_mesh_quantization", "KHR_materials_specular"}


class Glb:
    """A binary glTF file held in memory.

    Args:
        data: the file's bytes.
        name: what to call it in errors.

    Raises:
        UnreadableError: no GLB, cut short, or it needs an extension that is not understood here.
    """

    def __init__(self, data: bytes, name: str) -> None:
        self.name, self.binary = name, b""
        if data[:4] != MAGIC:
            raise self.unreadable("this is not a binary glTF (GLB) file", "give a .glb file")
        try:
            _, version, length = struct.unpack_from("<4sII", data, 0)
            at, document = 12, b""
            while at + 8 <= len(data):
                size, kind = struct.unpack_from("<II", data, at)
                if kind == JSON_CHUNK:
                    document = data[at + 8 : at + 8 + size]
                elif kind == BINARY_CHUNK:
                    self.binary = data[at + 8 : at + 8 + size]
                at += 8 + size
            self.document: Dict[str, Any] = json.loads(document)
        except (struct.error, ValueError):
            version, length = 2, len(data) + 1
        if version != 2:
            raise self.unreadable(f"this GLB is of version {version}, not 2", "convert it to glTF 2.0")
        if length > len(data):
            raise self.unreadable("this GLB is damaged or cut short", "fetch or write the file again")
        required = set(self.document.get("extensionsRequired", ()))
        if "KHR_texture_basisu" in required | set(self.document.get("extensionsUsed", ())):
            raise self.unreadable(
                "its textures are Basis Universal (KHR_texture_basisu), which only habitat-sim reads",
                "set frames.simulator to habitat (conda env create -f envs/habitat.yaml), or use plain .glb files",
            )
        if required - UNDERSTOOD:
            what = f"this GLB requires {', '.join(sorted(required - UNDERSTOOD))}"
            raise self.unreadable(what, "export it without compression extensions")

    def unreadable(self, what: str, remedy: str) -> UnreadableError:
        """The error that says what is wrong with this file."""
        return UnreadableError(what, where=self.name, remedy=remedy)

    def view(self, index: int) -> bytes:
        """The bytes of a buffer view; strided ones come with their gaps."""
        entry = self.document["bufferViews"][index]
        if "uri" in self.document["buffers"][entry["buffer"]]:
            raise self.unreadable("its data lie in other files", "export it as one self-contained .glb")
        start = entry.get("byteOffset", 0)
        data = self.binary[start : start + entry["byteLength"]]
        if len(data) < entry["byteLength"]:
            raise self.unreadable("this GLB is damaged or cut short", "fetch or write the file again")
        return data

    def accessor(self, index: int) -> np.ndarray:
        """An accessor as an array, one row an element; normalised integers become 0..1 or -1..1 floats."""
        entry = self.document["accessors"][index]
        if "bufferView" not in entry or "sparse" in entry:
            raise self.unreadable("sparse accessors are not understood", "export it without sparse accessors")
        kind, width, count = np.dtype(COMPONENTS[entry["componentType"]]), WIDTHS[entry["type"]], entry["count"]
        data = self.view(entry["bufferView"])
        stride = self.document["bufferViews"][entry["bufferView"]].get("byteStride", kind.itemsize * width)
        offset = entry.get("byteOffset", 0)
        if count and offset + stride * (count - 1) + kind.itemsize * width > len(data):
            raise self.unreadable("this GLB is damaged or cut short", "fetch or write the file again")
        values = np.ndarray((count, width), kind, data, offset, (stride, kind.itemsize))
        if entry.get("normalized"):
            return np.maximum(values.astype(np.float32) / np.iinfo(kind).max, -1.0)
        return values

    def image(self, index: int) -> np.ndarray:
        """An image as HxWx3 uint8 RGB, first row on top."""
        entry = self.document["images"][index]
        if "bufferView" not in entry:
            raise self.unreadable("its textures lie in other files", "export it as one self-contained .glb")
        pixels = cv2.imdecode(np.frombuffer(self.view(entry["bufferView"]), np.uint8), cv2.IMREAD_COLOR)
        if pixels is None:
            what = f"its texture {index} ({entry.get('mimeType', 'unknown type')}) cannot be decoded"
            raise self.unreadable(what, "export it with JPEG or PNG textures")
        return np.ascontiguousarray(pixels[..., ::-1])

    def node_matrix(self, node: Dict[str, Any]) -> np.ndarray:
        """A node's 4x4 local transform."""
        if "matrix" in node:
            return np.array(node["matrix"], dtype=float).reshape(4, 4).T
        x, y, z, w = node.get("rotation", (0.0, 0.0, 0.0, 1.0))
        rotation = np.array(
            [
                [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
                [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
                [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
            ]
        )
        matrix = np.eye(4)
        matrix[:3, :3] = rotation * np.array(node.get("scale", (1.0, 1.0, 1.0)), dtype=float)
        matrix[:3, 3] = node.get("translation", (0.0, 0.0, 0.0))
        return matrix
