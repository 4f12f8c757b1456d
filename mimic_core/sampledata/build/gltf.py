"""Write binary glTF 2.0: named nodes that share unlit, textured materials (Khronos glTF 2.0, KHR_materials_unlit)."""

from __future__ import annotations

import json
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

FLOAT, UNSIGNED_INT, VERTEX_BUFFER, INDEX_BUFFER = 5126, 5125, 34962, 34963
LINEAR, LINEAR_MIPMAP_LINEAR = 9729, 9987


@dataclass(frozen=True)
class Part:
    """Triangles of one node under one texture: vertices Vx3 metres, uv Vx2 from the top left, faces Fx3."""

    texture: int
    vertices: np.ndarray
    uv: np.ndarray
    faces: np.ndarray


class Buffer:
    """The binary chunk of a GLB file, and its buffer views and accessors."""

    def __init__(self) -> None:
        self.chunks: list[bytes] = []
        self.length = 0
        self.views: list[dict[str, int]] = []
        self.accessors: list[dict[str, Any]] = []

    def view(self, data: bytes, target: int = 0) -> int:
        """Append bytes; return the index of their view."""
        view = {"buffer": 0, "byteOffset": self.length, "byteLength": len(data)}
        self.views.append(view | ({"target": target} if target else {}))
        self.chunks.append(data + b"\0" * (-len(data) % 4))
        self.length += len(self.chunks[-1])
        return len(self.views) - 1

    def accessor(self, array: np.ndarray, kind: str, target: int, **more: Any) -> int:
        """Append an array (vertices as float32, indices as uint32); return the index of its accessor."""
        data = np.ascontiguousarray(array, "<f4" if target == VERTEX_BUFFER else "<u4")
        component = FLOAT if target == VERTEX_BUFFER else UNSIGNED_INT
        entry = {"bufferView": self.view(data.tobytes(), target), "componentType": component, "count": len(array)}
        self.accessors.append({**entry, "type": kind, **more})
        return len(self.accessors) - 1

    def primitive(self, part: Part) -> dict[str, Any]:
        """Append a part; return its mesh primitive."""
        points = np.asarray(part.vertices, np.float32)
        bounds = {"min": points.min(axis=0).tolist(), "max": points.max(axis=0).tolist()}
        attributes = {
            "POSITION": self.accessor(points, "VEC3", VERTEX_BUFFER, **bounds),
            "TEXCOORD_0": self.accessor(part.uv, "VEC2", VERTEX_BUFFER),
        }
        faces = self.accessor(part.faces.reshape(-1), "SCALAR", INDEX_BUFFER)
        return {"attributes": attributes, "indices": faces, "material": part.texture}


def glb_bytes(nodes: Sequence[tuple[str, Sequence[Part]]], jpegs: Sequence[bytes], extras: dict[str, Any]) -> bytes:
    """Return a GLB file.

    Args:
        nodes: name and parts of each node.
        jpegs: the textures, as JPEG files.
        extras: provenance to record in the file.
    """
    buffer = Buffer()
    meshes = [{"name": name, "primitives": [buffer.primitive(part) for part in parts]} for name, parts in nodes]
    images = [{"bufferView": buffer.view(jpeg), "mimeType": "image/jpeg"} for jpeg in jpegs]
    document = {
        "asset": {"version": "2.0", "generator": "MIMIC sample world", "extras": extras},
        "extensionsUsed": ["KHR_materials_unlit"],
        "scene": 0,
        "scenes": [{"nodes": list(range(len(meshes)))}],
        "nodes": [{"name": mesh["name"], "mesh": index} for index, mesh in enumerate(meshes)],
        "meshes": meshes,
        "materials": [unlit(index) for index in range(len(images))],
        "textures": [{"source": index, "sampler": 0} for index in range(len(images))],
        "samplers": [{"magFilter": LINEAR, "minFilter": LINEAR_MIPMAP_LINEAR}],
        "images": images,
        "accessors": buffer.accessors,
        "bufferViews": buffer.views,
        "buffers": [{"byteLength": buffer.length}],
    }
    text = json.dumps(document, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 4)
    binary = b"".join(buffer.chunks)
    head = struct.pack("<4sII", b"glTF", 2, 12 + 8 + len(text) + 8 + len(binary))
    return head + struct.pack("<I4s", len(text), b"JSON") + text + struct.pack("<I4s", len(binary), b"BIN\0") + binary


def unlit(texture: int) -> dict[str, Any]:
    """Return an unlit material with a texture."""
    surface = {"baseColorTexture": {"index": texture}, "metallicFactor": 0.0, "roughnessFactor": 1.0}
    return {"pbrMetallicRoughness": surface, "extensions": {"KHR_materials_unlit": {}}}
