"""Reading GLB files: what is understood, and what is refused with a reason."""

import json
import struct
from pathlib import Path

import numpy as np
import pytest

from mimic_core.kit.errors import UnreadableError
from mimic_core.simulators.scene import load_scene


def edited(glb: bytes, **changes: object) -> bytes:
    """The same GLB with keys of its JSON replaced."""
    size = struct.unpack_from("<I", glb, 12)[0]
    document = json.loads(glb[20 : 20 + size]) | changes
    text = json.dumps(document).encode()
    text += b" " * (-len(text) % 4)
    rest = glb[20 + size :]
    head = struct.pack("<4sII", b"glTF", 2, 20 + len(text) + len(rest))
    return head + struct.pack("<I4s", len(text), b"JSON") + text + rest


def document_of(glb: bytes) -> dict:
    return json.loads(glb[20 : 20 + struct.unpack_from("<I", glb, 12)[0]])


def test_reads_what_trimesh_reads(room_glb: bytes, tmp_path: Path) -> None:
    trimesh = pytest.importorskip("trimesh")
    path = tmp_path / "room.glb"
    path.write_bytes(room_glb)
    ours, theirs = load_scene(path), trimesh.load_scene(path)
    assert len(ours.faces) == sum(len(mesh.faces) for mesh in theirs.geometry.values())
    np.testing.assert_allclose([ours.vertices.min(0), ours.vertices.max(0)], theirs.bounds)
    assert set(ours.instance_names) == set(theirs.graph.nodes_geometry)
    mesh = theirs.geometry["table"]
    chosen = ours.face_instance == 1 + ours.instance_names.index("table")
    assert mesh.area == pytest.approx(triangle_areas(ours.vertices[ours.faces[chosen]]).sum())
    np.testing.assert_allclose(ours.textures[1].pixels, np.asarray(mesh.visual.material.baseColorTexture), atol=3)


def triangle_areas(corners: np.ndarray) -> np.ndarray:
    return np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1) / 2


def test_node_transforms_and_children(room_glb: bytes) -> None:
    nodes = [
        {"name": "parent", "translation": [10, 0, 0], "children": [1]},
        {"name": "child", "mesh": 0, "scale": [2, 1, 1], "rotation": [0, np.sqrt(0.5), 0, np.sqrt(0.5)]},
    ]
    moved = load_scene(edited(room_glb, nodes=nodes, scenes=[{"nodes": [0]}]))
    assert moved.instance_names == ("child",)
    # the floor, 6 x 4, becomes 12 x 4, then turns by 90 degrees about y: x -> -z, z -> x
    np.testing.assert_allclose(moved.vertices.min(0), (10, 0, -12), atol=1e-6)
    np.testing.assert_allclose(moved.vertices.max(0), (14, 0, 0), atol=1e-6)


def test_mirrored_nodes_keep_their_outside(room_glb: bytes) -> None:
    nodes = [{"mesh": 0, "scale": [-1, 1, 1]}]
    mirrored = load_scene(edited(room_glb, nodes=nodes, scenes=[{"nodes": [0]}]))
    assert (mirrored.face_normals()[:, 1] > 0.99).all()


def test_z_up_files_are_turned(room_glb: bytes) -> None:
    y_up, z_up = load_scene(room_glb), load_scene(room_glb, up="z")
    np.testing.assert_allclose(z_up.vertices, y_up.vertices[:, [0, 2, 1]] * [1, 1, -1])


def test_material_factor(room_glb: bytes) -> None:
    material = {"pbrMetallicRoughness": {"baseColorFactor": [0.5, 0.25, 1, 1]}}
    scene = load_scene(edited(room_glb, materials=[material]))
    np.testing.assert_allclose(scene.colours, np.tile((0.5, 0.25, 1), (len(scene.vertices), 1)))
    assert not scene.face_texture.any()


def test_bad_files_are_refused_with_a_reason(room_glb: bytes, tmp_path: Path) -> None:
    accessors = document_of(room_glb)["accessors"]
    bad = {
        "not a binary glTF": b"solid cube",
        "cut short": room_glb[: len(room_glb) // 2],
        "KHR_draco_mesh_compression": edited(room_glb, extensionsRequired=["KHR_draco_mesh_compression"]),
        "no triangles": edited(room_glb, nodes=[], scenes=[{"nodes": []}]),
        "is damaged": edited(room_glb, accessors=accessors[:3]),
        "sparse": edited(room_glb, accessors=[entry | {"sparse": {}} for entry in accessors]),
    }
    for reason, data in bad.items():
        path = tmp_path / "bad.glb"
        path.write_bytes(data)
        with pytest.raises(UnreadableError, match=reason) as caught:
            load_scene(path)
        assert str(path) in caught.value.where and caught.value.remedy
    with pytest.raises(UnreadableError, match="cannot be opened"):
        load_scene(tmp_path / "missing.glb")
