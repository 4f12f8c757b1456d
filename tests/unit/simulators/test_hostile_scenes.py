"""Scenes that lie, loop, swell or are something else altogether: refused by what is wrong with them, soon and small."""

import json
import os
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from unit.simulators.glb_room import POSITIONS, Room, changed, encoded, glb_of

from mimic_core import foreign
from mimic_core.kit.errors import UnreadableError
from mimic_core.simulators import camera_pose, open_simulator, opening
from mimic_core.simulators.scene import load_scene


def refused(glb: bytes, what: str = ".") -> UnreadableError:
    with pytest.raises(UnreadableError, match=what) as caught:
        load_scene(glb)
    assert caught.value.remedy and "scene in memory" in caught.value.where
    return caught.value


DOCUMENTS = ([], None, 5, "glTF", True, {}, {"extensionsRequired": 5}, {"extensionsUsed": [[]]}, {"nodes": [[1]]})
DEEP = b"[" * 100_000 + b"]" * 100_000


@pytest.mark.parametrize("document", [*DOCUMENTS, DEEP, b"{", b"\xff\xfe", b'{"a":' * 30_000])
def test_documents_of_another_kind(document: Any) -> None:
    refused(glb_of(document))


PARTS = ("nodes", "meshes", "accessors", "bufferViews", "buffers", "materials", "textures", "images", "scenes")
RUBBISH = (None, True, -1, 2**31, 1e308, float("nan"), "x", [], {}, [[1]], {"0": 1})


@pytest.mark.parametrize("part", PARTS)
def test_rubbish_in_the_place_of_every_part(part: str) -> None:
    for value in RUBBISH:
        for spoilt in (value, [value]):
            room = Room()
            document = json.loads(json.dumps({**room.document, "accessors": room.accessors, "bufferViews": room.views}))
            read_or_refused(glb_of({**document, part: spoilt}, room.binary))


@pytest.mark.parametrize("part", ["nodes", "meshes", "accessors", "bufferViews", "materials", "textures", "images"])
def test_rubbish_in_the_place_of_every_value(part: str) -> None:
    room = Room()
    whole = {**room.document, "accessors": room.accessors, "bufferViews": room.views, "buffers": [{}]}
    for index, entry in enumerate(whole[part]):  # type: ignore[arg-type]
        for key in entry:
            for value in (*RUBBISH, None):
                document = json.loads(json.dumps(whole))
                document[part][index][key] = value
                read_or_refused(glb_of(document, room.binary))


def read_or_refused(glb: bytes) -> None:
    """Either is right; any other error is not."""
    try:
        load_scene(glb)
    except UnreadableError as error:
        assert error.remedy


@pytest.mark.parametrize("cut", [0, 3, 4, 11, 12, 19, 20, 40, 500, 3000])
def test_files_cut_short(cut: int) -> None:
    glb = Room().glb()
    refused(glb[: min(cut, len(glb) - 1)], "not a binary glTF" if cut < 4 else "cut short|not valid JSON|damaged")


@pytest.mark.parametrize("mode", ["5", 7, -1, None, 4.5, []])
def test_modes_that_are_none(mode: Any) -> None:
    refused(changed(lambda room: room.primitive.update(mode=mode)), "unknown mode")


def nested(depth: int) -> dict:
    return {
        "nodes": [{"children": [index + 1, index + 1]} for index in range(depth)] + [{"mesh": 0}],
        "scenes": [{"nodes": [0]}],
        "meshes": [{"primitives": []}],
    }


def test_nodes_that_share_children_over_and_over() -> None:
    refused(glb_of(nested(60)), "more than 200,000 nodes")


def test_nodes_in_a_circle() -> None:
    refused(glb_of({"nodes": [{"children": [1]}, {"children": [0]}], "scenes": [{"nodes": [0]}]}), "cycle")


def test_a_node_with_children_without_end() -> None:
    children = [1] * (foreign.NODES + 1)
    refused(glb_of({"nodes": [{"children": children}, {}], "scenes": [{"nodes": [0]}]}), "more than 200,000")


def test_a_mesh_drawn_more_often_than_a_small_file_may(monkeypatch: pytest.MonkeyPatch) -> None:
    def often(room: Room) -> None:
        room.document["nodes"] = [room.node] * 1000
        room.document["scenes"] = [{"nodes": list(range(1000))}]

    assert len(load_scene(changed(often)).faces) == 12_000
    monkeypatch.setattr("mimic_core.simulators.reader.FREE_CORNERS", 30_000)
    monkeypatch.setattr("mimic_core.simulators.reader.CORNERS_PER_BYTE", 0)
    refused(changed(often), "more triangles")


def accessor(key: str, value: Any) -> Callable[[Room], None]:
    def change(room: Room) -> None:
        room.accessors[room.primitive["attributes"]["POSITION"]][key] = value

    return change


def stride(value: int, count: int) -> Callable[[Room], None]:
    def change(room: Room) -> None:
        entry = room.accessors[room.primitive["attributes"]["POSITION"]]
        room.views[entry["bufferView"]]["byteStride"] = value
        entry["count"] = count

    return change


def instances(room: Room) -> None:
    many = room.accessor(np.zeros((1, 3), np.float32))
    room.accessors[many]["count"] = 10**9
    room.node["extensions"] = {"EXT_mesh_gpu_instancing": {"attributes": {"TRANSLATION": many}}}


@pytest.mark.parametrize(
    "change",
    [
        *(stride(0, 10**9), stride(4, 24), stride(-12, 24), accessor("count", 10**9), accessor("count", -1)),
        *(accessor("count", 2.5), accessor("bufferView", -1), accessor("bufferView", True), accessor("byteOffset", -4)),
        *(accessor("byteOffset", 2**60), accessor("componentType", 5130), accessor("type", "VEC2"), instances),
    ],
)
def test_counts_offsets_and_strides_that_lie(change: Callable[[Room], None]) -> None:
    refused(changed(change))


def test_bounds_that_lie_change_nothing() -> None:
    for bounds in ([1e30] * 3, [float("nan")] * 3, ["x"]):
        scene = load_scene(changed(lambda room, bounds=bounds: accessor("max", bounds)(room)))
        np.testing.assert_array_equal(scene.vertices, POSITIONS)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        *(("matrix", [float("nan")] * 16), ("matrix", [0] * 15), ("scale", [float("inf")] * 3), ("scale", [1e308] * 3)),
        *(("rotation", [0, 0, 0]), ("translation", ["a", 0, 0]), ("translation", [float("-inf"), 0, 0])),
    ],
)
def test_places_that_are_no_places(key: str, value: list) -> None:
    def change(room: Room) -> None:
        room.node[key] = value

    refused(changed(change))


def test_a_scene_of_one_point_has_nowhere_to_walk() -> None:
    def change(room: Room) -> None:
        room.node["scale"] = [0, 0, 0]

    with pytest.raises(UnreadableError, match="floor"):
        open_simulator(changed(change), backend="embreex", resolution=8)


def bomb(width: int, height: int) -> bytes:
    """A PNG whose header asks for that size, and whose data are a few bytes."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(bytes(64))) + chunk(b"IEND", b"")


def ktx2(width: int, height: int) -> bytes:
    head = struct.pack("<9I", 0, 1, width, height, 0, 0, 1, 1, 1)
    return b"\xabKTX 20\xbb\r\n\x1a\n" + head + bytes(200)


@pytest.mark.parametrize(
    ("image", "what"),
    [
        *((b"", "cannot be decoded"), (b"\0", "cannot be decoded"), (encoded(".png")[:90], "cannot be decoded")),
        *((bomb(30_000, 30_000), "picture has 30000x30000"), (bomb(1 << 30, 1), "1073741824x1")),
        *((bomb(12_000, 12_000), "too large for a file"), (ktx2(1 << 20, 1 << 20), "."), (ktx2(0, 0), ".")),
        *((b"sB" + bytes(100), "cannot be decoded"), (b"#?RADIANCE\n\n-Y 90000 +X 90000\n", "90000x90000")),
    ],
)
def test_textures_that_are_none_or_too_large(image: bytes, what: str) -> None:
    refused(Room(image=image).glb(), what)


def test_textures_of_a_scene_are_counted_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mimic_core.simulators.textures.FREE_PIXELS", 3 * 64 * 64)
    monkeypatch.setattr("mimic_core.simulators.textures.PIXELS_PER_BYTE", 0)

    def four(room: Room) -> None:
        pictures = [{"bufferView": room.view(encoded(".png"))} for _ in range(4)]
        room.document.update({"images": pictures, "textures": [{"source": number} for number in range(4)]})
        look = [{"pbrMetallicRoughness": {"baseColorTexture": {"index": number}}} for number in range(4)]
        room.document["materials"] = look
        room.document["meshes"][0]["primitives"] = [{**room.primitive, "material": number} for number in range(4)]

    refused(changed(four), "too large for a file")


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 1e39])
def test_colours_and_texture_coordinates_that_are_no_numbers(value: float) -> None:
    def change(room: Room) -> None:
        uv = np.full((24, 2), value, np.float32)
        room.primitive["attributes"].update(
            TEXCOORD_0=room.accessor(uv), COLOR_0=room.accessor(np.full((24, 3), value, np.float32))
        )
        room.material["pbrMetallicRoughness"]["baseColorFactor"] = [value] * 4

    with np.errstate(over="ignore"), open_simulator(changed(change), backend="embreex", resolution=8) as simulator:
        simulator.render(camera_pose((0, 1.5, 0), 20))
        assert np.isfinite(simulator.scene.uv).all() and "not numbers" in simulator.remarks[0]


@pytest.mark.parametrize("name", ["TEXCOORD_0", "COLOR_0"])
def test_attributes_of_fewer_vertices(name: str) -> None:
    def change(room: Room) -> None:
        room.primitive["attributes"][name] = room.accessor(np.zeros((3, 2 if name == "TEXCOORD_0" else 4), np.float32))

    refused(changed(change), "24 vertices have 3")


def test_what_makes_no_whole_triangle_is_left_out() -> None:
    def change(room: Room) -> None:
        room.primitive["indices"] = room.accessor(np.arange(8, dtype=np.uint16))

    assert len(load_scene(changed(change)).faces) == 2


def pipe(path: Path) -> None:
    os.mkfifo(path)


def device(path: Path) -> None:
    path.symlink_to("/dev/zero")


def folder(path: Path) -> None:
    path.mkdir()


def loop(path: Path) -> None:
    path.symlink_to(path)


@pytest.mark.parametrize("transcoder", [True, False])
@pytest.mark.parametrize("make", [pipe, device, folder, loop])
def test_only_regular_files_are_opened(
    make: Callable[[Path], None], transcoder: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "x.basis.glb"
    make(path)
    monkeypatch.setattr(opening, "transcoder_available", lambda: transcoder)
    for backend in ("auto", "embreex", "habitat"):
        with pytest.raises(UnreadableError, match="scene") as caught:
            open_simulator(path, backend=backend)
        assert str(path) in caught.value.where


@pytest.mark.parametrize("make", [pipe, device, folder])
def test_a_navigation_mesh_that_is_no_file_is_not_waited_for(make: Callable[[Path], None], tmp_path: Path) -> None:
    path = tmp_path / "room.glb"
    path.write_bytes(Room().glb())
    make(path.with_suffix(".navmesh"))
    with open_simulator(path, backend="embreex", resolution=8) as simulator:
        assert simulator.random_navigable_point(np.random.default_rng(0)).shape == (3,)


def test_a_file_that_is_no_scene_is_not_read_whole(tmp_path: Path) -> None:
    path = tmp_path / "holes.glb"
    path.touch()
    os.truncate(path, 1 << 40)
    with pytest.raises(UnreadableError, match="not a binary glTF"):
        load_scene(path)
    with path.open("r+b") as file:
        file.write(b"glTF\x02\0\0\0\xff\0\0\0")
    with pytest.raises(UnreadableError, match="at most"):
        load_scene(path)
