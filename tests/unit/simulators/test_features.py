"""What glTF can ask for: extensions, samplers, textures in other places, strips, fans, instances, far places."""

from collections.abc import Callable

import numpy as np
import pytest
from support import REPOSITORY
from unit.simulators.glb_room import FACES, POSITIONS, UV, Room, changed, drawn

from mimic_core.kit.errors import UnreadableError
from mimic_core.simulators import camera_pose, open_simulator
from mimic_core.simulators.raster import NoEGLError, RasterRenderer
from mimic_core.simulators.raycast import RaycastRenderer
from mimic_core.simulators.scene import load_scene

KTX2 = REPOSITORY / "tests" / "golden" / "textures"
BACKENDS = (RasterRenderer, RaycastRenderer)


def transformed(**transform: object) -> bytes:
    def change(room: Room) -> None:
        room.texture["extensions"] = {"KHR_texture_transform": transform}
        room.use("KHR_texture_transform", required=True)

    return changed(change)


def test_texture_transforms_are_applied(twice: np.ndarray) -> None:
    assert np.abs(drawn(load_scene(transformed(scale=[2, 2]))) - twice).mean() < 0.5
    moved = load_scene(transformed(offset=[0.25, 0.5]))
    np.testing.assert_allclose(moved.uv, UV + np.array([0.25, 0.5], np.float32), atol=1e-6)
    turned = load_scene(transformed(rotation=np.pi / 2, scale=[2, 3]))  # counter-clockwise, v downwards
    np.testing.assert_allclose(turned.uv, np.stack([3 * UV[:, 1], -2 * UV[:, 0]], axis=1), atol=1e-6)


def test_the_transforms_texture_coordinates_go_before_the_textures() -> None:
    def change(room: Room) -> None:
        room.primitive["attributes"]["TEXCOORD_1"] = room.accessor(UV * np.float32(5))
        room.primitive["attributes"]["TEXCOORD_2"] = room.accessor(UV * np.float32(7))
        room.texture.update({"texCoord": 1, "extensions": {"KHR_texture_transform": {"texCoord": 2}}})

    np.testing.assert_allclose(load_scene(changed(change)).uv, UV * 7)


def test_quantised_texture_coordinates() -> None:
    def change(room: Room) -> None:
        room.primitive["attributes"]["TEXCOORD_0"] = room.accessor((UV * 255).astype(np.uint8), normalized=True)

    np.testing.assert_allclose(load_scene(changed(change)).uv, UV)


def specular(diffuse: dict, base: dict | None) -> bytes:
    def change(room: Room) -> None:
        room.material.clear()
        room.material["extensions"] = {"KHR_materials_pbrSpecularGlossiness": diffuse}
        if base is not None:
            room.material["pbrMetallicRoughness"] = base
        room.use("KHR_materials_pbrSpecularGlossiness", required=True)

    return changed(change, repeat=2.0)


def test_the_diffuse_colour_is_shown_where_there_is_no_base_colour(twice: np.ndarray) -> None:
    picture, half = {"diffuseTexture": {"index": 0}}, {"diffuseFactor": [0.5, 0.25, 0, 1]}
    for base in (None, {}, {"metallicFactor": 0}, {"baseColorFactor": [1, 1, 1, 1]}):
        np.testing.assert_array_equal(drawn(load_scene(specular(picture, base))), twice)
    assert np.allclose(load_scene(specular(half, {})).colours, (0.5, 0.25, 0))
    assert np.allclose(load_scene(specular(half, {"baseColorFactor": [0.25, 0.25, 0.25, 1]})).colours, 0.25)


def test_a_picture_of_light_alone_is_remarked() -> None:
    def change(room: Room) -> None:
        room.material.clear()
        room.material.update({"emissiveTexture": {"index": 0}, "emissiveFactor": [1, 1, 1]})

    scene = load_scene(changed(change))
    assert not scene.face_texture.any() and "emissive" in scene.remarks[0]


def test_double_sided_surfaces_are_seen_from_their_front_alone() -> None:
    def change(room: Room) -> None:
        room.material["doubleSided"] = True

    outside = camera_pose((0, 1.5, 9), 0)
    for backend in BACKENDS:
        image = drawn(load_scene(changed(change)), backend, outside)
        np.testing.assert_array_equal(image, drawn(load_scene(Room().glb()), backend, outside))


@pytest.mark.parametrize("mode", [5, 6])
def test_strips_and_fans_are_surfaces(mode: int, twice: np.ndarray) -> None:
    order = [0, 1, 3, 2] if mode == 5 else [0, 1, 2, 3]  # a strip goes to and fro

    def change(room: Room) -> None:
        sides = [room.accessor(np.array(order, np.uint16) + np.uint16(4 * side)) for side in range(6)]
        room.document["meshes"][0]["primitives"] = [{**room.primitive, "indices": side, "mode": mode} for side in sides]

    assert np.abs(drawn(load_scene(changed(change, repeat=2.0))) - twice).mean() < 0.5


def test_points_and_lines_are_left_out_with_a_word() -> None:
    def change(room: Room) -> None:
        room.document["meshes"][0]["primitives"] += [{**room.primitive, "mode": mode} for mode in (0, 1, 2, 3)]

    scene = load_scene(changed(change))
    assert len(scene.faces) == 12 and scene.remarks == ("4 parts made of points or lines left out",)


def test_instances_are_drawn_each() -> None:
    def change(room: Room) -> None:
        attributes = {
            "TRANSLATION": room.accessor(np.array([[0, 0, 0], [10, 0, 0], [0, 0, 10]], np.float32)),
            "ROTATION": room.accessor(np.array([[0, 0, 0, 1], [0, 1, 0, 0], [0, 0, 0, 1]], np.float32)),
            "SCALE": room.accessor(np.array([[1, 1, 1], [1, 1, 1], [1, 2, 1]], np.float32)),
        }
        room.node.update(
            {"translation": [0, 5, 0], "extensions": {"EXT_mesh_gpu_instancing": {"attributes": attributes}}}
        )
        room.use("EXT_mesh_gpu_instancing", required=True)

    vertices = load_scene(changed(change)).vertices.reshape(3, 24, 3)
    np.testing.assert_allclose(vertices[0], POSITIONS + np.array([0, 5, 0]))
    np.testing.assert_allclose(vertices[1], POSITIONS * [-1, 1, -1] + [10, 5, 0], atol=1e-5)
    np.testing.assert_allclose(vertices[2], POSITIONS * [1, 2, 1] + [0, 5, 10])


def test_hidden_nodes_are_not_drawn() -> None:
    def change(room: Room) -> None:
        hidden = {"mesh": 0, "extensions": {"KHR_node_visibility": {"visible": False}}, "children": [0]}
        room.document.update({"nodes": [room.node, hidden], "scenes": [{"nodes": [0, 1]}]})

    assert len(load_scene(changed(change)).faces) == 12


def test_without_scenes_the_nodes_that_are_no_children_are_shown() -> None:
    def change(room: Room) -> None:
        del room.document["scene"], room.document["scenes"]
        room.document["nodes"] = [room.node, {"children": [0], "translation": [1, 0, 0]}]

    np.testing.assert_allclose(load_scene(changed(change)).vertices, POSITIONS + np.array([1, 0, 0]))


@pytest.mark.parametrize("backend", ["moderngl", "embreex"])
def test_a_scene_far_from_the_origin_looks_the_same(backend: str) -> None:
    far = np.array([448262.0, 52.0, -5411932.0])

    def change(room: Room) -> None:
        room.node["translation"] = far.tolist()

    images, points = [], []
    for glb, place in ((Room(repeat=2.0).glb(), np.zeros(3)), (changed(change, repeat=2.0), far)):
        try:
            simulator = open_simulator(glb, backend=backend, resolution=48)
        except NoEGLError as error:
            pytest.skip(str(error))
        with simulator:
            images.append(simulator.render_rgb(camera_pose(place + np.array([0.3, 1.4, 0.2]), 20)).astype(int))
            points.append(simulator.random_navigable_point(np.random.default_rng(0)) - place)
    assert images[0].std() > 30 and np.abs(images[1] - images[0]).mean() < 0.5
    np.testing.assert_allclose(points[1], points[0], atol=1e-6)


def test_places_that_the_file_itself_rounds_are_remarked() -> None:
    def change(room: Room) -> None:
        room.primitive["attributes"]["POSITION"] = room.accessor(POSITIONS + np.float32(5e6))

    assert "rounded to centimetres" in load_scene(changed(change)).remarks[0]


@pytest.mark.parametrize(
    ("name", "fine"),
    [
        *(("KHR_lights_punctual", True), ("KHR_materials_ior", True), ("KHR_materials_unlit", True)),
        *(("KHR_draco_mesh_compression", False), ("EXT_meshopt_compression", False), ("ACME_invented", False)),
        *(("KHR_techniques_webgl", False), ("MSFT_texture_dds", False)),
    ],
)
def test_a_required_extension_is_applied_harmless_or_refused_by_name(name: str, fine: bool) -> None:
    glb = changed(lambda room: room.use(name, required=True))
    if fine:
        assert len(load_scene(glb).faces) == 12
        return
    with pytest.raises(UnreadableError, match=name) as caught:
        load_scene(glb)
    assert caught.value.remedy
    assert len(load_scene(changed(lambda room: room.use(name))).faces) == 12, "merely used, and all is there"


def test_an_unknown_extension_that_is_merely_used_is_remarked() -> None:
    assert load_scene(changed(lambda room: room.use("ACME_invented", "KHR_lights_punctual"))).remarks == (
        "the unknown extension ACME_invented was ignored",
    )


def draco(room: Room) -> None:
    room.primitive["extensions"] = {"KHR_draco_mesh_compression": {"bufferView": 0}}
    del room.accessors[0]["bufferView"]


def meshopt(room: Room) -> None:
    room.document["buffers"] = [
        {"byteLength": len(room.binary)},
        {"byteLength": 288, "extensions": {"EXT_meshopt_compression": {"fallback": True}}},
    ]
    room.views[room.accessors[0]["bufferView"]] = {"buffer": 1, "byteLength": 288}


def dds(room: Room) -> None:
    room.document["textures"] = [{"extensions": {"MSFT_texture_dds": {"source": 0}}}]


@pytest.mark.parametrize(
    ("change", "name"), [(draco, "KHR_draco_mesh"), (meshopt, "EXT_meshopt"), (dds, "MSFT_texture_dds")]
)
def test_what_lies_in_an_extension_alone_is_refused_by_its_name(change: Callable, name: str) -> None:
    with pytest.raises(UnreadableError, match=name):
        load_scene(changed(change))


def test_many_parts_may_share_one_list_of_vertices() -> None:
    def change(room: Room) -> None:
        sides = [room.accessor(FACES[6 * side : 6 * side + 6]) for side in range(6)]
        room.document["meshes"][0]["primitives"] = [{**room.primitive, "indices": side} for side in sides]

    shared = load_scene(changed(change))
    assert len(shared.vertices) == 24
    whole = load_scene(Room().glb())
    np.testing.assert_array_equal(shared.vertices[shared.faces], whole.vertices[whole.faces])
    np.testing.assert_array_equal(shared.uv[shared.faces], whole.uv[whole.faces])
