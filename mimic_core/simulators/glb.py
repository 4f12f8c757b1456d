"""Read binary glTF 2.0 files (Khronos glTF 2.0 specification, sections 3.6 and 4.4): chunks, accessors, images.

Files are not trusted: every index, size and offset is checked against what the file holds.
"""

from __future__ import annotations

import base64
import struct
from pathlib import Path
from typing import Any, Dict, List, Union
from urllib.parse import unquote_to_bytes

import numpy as np

from mimic_core.foreign import SCENE_BYTES, foreign, open_regular, parse_json, read_regular
from mimic_core.kit.errors import UnreadableError
from mimic_core.simulators.extensions import names_of, refused, remedy, unknown

MAGIC, JSON_CHUNK, BINARY_CHUNK = b"glTF", 0x4E4F534A, 0x004E4942
COMPONENTS = {5120: "i1", 5121: "u1", 5122: "<i2", 5123: "<u2", 5125: "<u4", 5126: "<f4"}
WIDTHS = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4, "MAT2": 4, "MAT3": 9, "MAT4": 16}
DAMAGED, AGAIN = "this GLB is damaged", "fetch or write the file again"
CUT = "this GLB is damaged or cut short"


def read_glb(source: Union[str, Path, bytes]) -> Glb:
    """Read a GLB file, or its bytes.

    Raises:
        UnreadableError: it cannot be opened, is not a GLB, is cut short or too large, or requires an unsupported
            extension.
    """
    if isinstance(source, bytes):
        return Glb(source, "scene in memory")
    with open_regular(source, "a scene") as stream:
        start = stream.read(12)
    return Glb(read_regular(source, "a scene", SCENE_BYTES) if start[:4] == MAGIC else start, str(source))


class Glb:
    """A binary glTF file held in memory.

    Args:
        data: the file's bytes.
        name: the file's name in errors.

    Attributes:
        document: its JSON document.
        size: the file's size in bytes.
        remarks: notes on a file that can still be read.

    Raises:
        UnreadableError: it is not a GLB, is cut short, or requires an unsupported extension.
    """

    def __init__(self, data: bytes, name: str) -> None:
        self.name, self.size, self.binary = name, len(data), memoryview(b"")
        self.buffers: Dict[int, memoryview] = {}
        if data[:4] != MAGIC:
            raise self.unreadable("this is not a binary glTF (GLB) file", "give a .glb file")
        version, length = struct.unpack_from("<II", data, 4) if len(data) >= 12 else (2, 12)
        if version != 2:
            raise self.unreadable(f"this GLB has version {version}, not 2", "convert it to glTF 2.0")
        if length > len(data) or len(data) < 12:
            raise self.unreadable(CUT, AGAIN)
        document, at, whole = memoryview(b""), 12, memoryview(data)
        while at + 8 <= len(data):
            size, kind = struct.unpack_from("<II", data, at)
            if kind == JSON_CHUNK:
                document = whole[at + 8 : at + 8 + size]
            elif kind == BINARY_CHUNK:
                self.binary = whole[at + 8 : at + 8 + size]
            at += 8 + size
        if not document:
            raise self.unreadable(CUT, AGAIN)
        # padded with zeros or spaces to a multiple of four bytes
        self.document: Dict[str, Any] = parse_json(bytes(document).rstrip(b"\0 "), "a GLB's document", name)
        if not isinstance(self.document, dict):
            raise self.unreadable(f"{DAMAGED} (its document is not an object)", AGAIN)
        with foreign(DAMAGED, name, AGAIN):
            self.check_extensions()

    def check_extensions(self) -> None:
        """Refuse required extensions that are not supported, by name."""
        required, used = (set(self.names(key)) for key in ("extensionsRequired", "extensionsUsed"))
        names = refused(required)
        if names:
            raise self.unreadable(f"this GLB requires {', '.join(names)}", remedy(names))
        self.remarks = [f"the unknown extension {name} was ignored" for name in unknown(used)]

    def names(self, key: str) -> List[str]:
        """Return a list of names from the document."""
        value = self.document.get(key, [])
        if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
            raise ValueError(f"{key} is not a list of names")
        return value

    def unreadable(self, what: str, remedy: str) -> UnreadableError:
        """Return an error about this file."""
        return UnreadableError(what, where=self.name, remedy=remedy)

    def entry(self, kind: str, index: Any) -> Dict[str, Any]:
        """Return the object at an index of one of the document's lists, such as ``meshes``."""
        entries = self.document.get(kind)
        entries = entries if isinstance(entries, list) else []
        if isinstance(index, bool) or not isinstance(index, int) or not 0 <= index < len(entries):
            raise ValueError(f"it refers to number {index!r} of its {kind}, which does not exist")
        found = entries[index]
        if not isinstance(found, dict):
            raise ValueError(f"number {index} of its {kind} is not an object")
        return found

    def buffer(self, index: int) -> memoryview:
        """Return a buffer's bytes: the file's own, or those of a ``data:`` URI."""
        entry = self.entry("buffers", index)
        if "uri" not in entry:
            if index:
                raise self.missing_error("data", entry)
            return self.binary
        if index not in self.buffers:
            self.buffers[index] = memoryview(self.data_of_uri(entry["uri"], "data"))
        return self.buffers[index]

    def data_of_uri(self, uri: Any, what: str) -> bytes:
        """Return the bytes in a ``data:`` URI; refuse any other URI, which refers to another file."""
        if not isinstance(uri, str) or uri[:5].lower() != "data:":
            raise self.unreadable(f"its {what} lie in other files", "export it as one self-contained .glb")
        head, comma, payload = uri.partition(",")
        if not comma:
            raise ValueError("a data: URI has no data")
        raw = unquote_to_bytes(payload)
        return base64.b64decode(raw) if head.lower().endswith(";base64") else raw

    def missing_error(self, what: str, *entries: Dict[str, Any]) -> UnreadableError:
        """Return the error for data that the file does not hold in plain form."""
        names = names_of(*entries)
        if names:
            return self.unreadable(f"its {what} lie in {', '.join(names)}, which is not supported", remedy(names))
        return self.unreadable(f"{DAMAGED} (its {what} are not in it)", AGAIN)

    def view(self, index: Any) -> memoryview:
        """Return the bytes of a buffer view; strided ones include their gaps."""
        entry = self.entry("bufferViews", index)
        buffer = read_int(entry, "buffer")
        if buffer and "uri" not in self.entry("buffers", buffer):
            raise self.missing_error("data", entry, self.entry("buffers", buffer))
        data, start, length = self.buffer(buffer), read_int(entry, "byteOffset", 0), read_int(entry, "byteLength")
        if start + length > len(data):
            raise self.unreadable(CUT, AGAIN)
        return data[start : start + length]

    def count(self, index: Any) -> int:
        """Return the number of elements of an accessor without reading it."""
        return read_int(self.entry("accessors", index), "count")

    def accessor(self, index: Any, rows: Any = slice(None)) -> np.ndarray:
        """Read an accessor as an array, one row per element; normalised integers become floats in 0..1 or -1..1.

        Args:
            rows: which elements to read; all by default.
        """
        entry = self.entry("accessors", index)
        if "sparse" in entry:
            raise self.unreadable("sparse accessors are not supported", "export it without sparse accessors")
        if "bufferView" not in entry:
            raise self.missing_error("data", entry)
        component, shape = entry.get("componentType"), entry.get("type")
        if component not in COMPONENTS or shape not in WIDTHS:
            raise ValueError(f"an accessor has the unknown type {component!r} {shape!r}")
        kind, width, count = np.dtype(COMPONENTS[component]), WIDTHS[shape], read_int(entry, "count")
        data, offset = self.view(entry["bufferView"]), read_int(entry, "byteOffset", 0)
        element = kind.itemsize * width
        stride = read_int(self.entry("bufferViews", entry["bufferView"]), "byteStride", 0) or element
        if stride < element:
            raise ValueError(f"its elements of {element} bytes lie {stride} bytes apart")
        if count and offset + stride * (count - 1) + element > len(data):
            raise self.unreadable(CUT, AGAIN)
        values: np.ndarray = np.ndarray((count, width), kind, data, offset, (stride, kind.itemsize))[rows]
        if entry.get("normalized") and kind.kind != "f":
            scaled: np.ndarray = np.maximum(values.astype(np.float32) / np.iinfo(kind).max, -1.0)
            return scaled
        return values

    def picture(self, index: Any) -> bytes:
        """Return the stored bytes of an image: PNG, JPEG or another format."""
        entry = self.entry("images", index)
        if "bufferView" in entry:
            return bytes(self.view(entry["bufferView"]))
        if "uri" in entry:
            return self.data_of_uri(entry["uri"], "textures")
        raise self.missing_error("textures", entry)


def read_int(entry: Dict[str, Any], key: str, default: int = -1) -> int:
    """Return a count, size or index of an object: an integer that is not negative.

    Args:
        default: the value if the key is missing; -1 makes the key required.
    """
    value = entry.get(key, default)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**53:
        raise ValueError(f"{key} is {value!r}" if key in entry else f"{key} is missing")
    return value


def node_matrix(node: Dict[str, Any]) -> np.ndarray:
    """Return a node's 4x4 local transform."""
    if "matrix" in node:
        return np.array(node["matrix"], dtype=float).reshape(4, 4).T
    x, y, z, w = np.array(node.get("rotation", (0.0, 0.0, 0.0, 1.0)), dtype=float)
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
