"""What scans leave behind: faces that are no numbers, specks far away; and when a unit is suspected."""

import numpy as np
import pytest
from unit.simulators.glb_room import FACES, POSITIONS, UV, Room, changed

from mimic_core.kit.errors import UnreadableError
from mimic_core.simulators import open_simulator
from mimic_core.simulators.base import fits
from mimic_core.simulators.navigation import LONGEST_EDGE, WalkableGrid, subdivided
from mimic_core.simulators.scene import load_scene


def with_faces(*extra: list) -> bytes:
    """The room and further triangles, each given by its corners."""

    def change(room: Room) -> None:
        corners = np.array(extra, np.float32).reshape(-1, 3)
        room.primitive["attributes"] = {
            "POSITION": room.accessor(np.concatenate([POSITIONS, corners])),
            "TEXCOORD_0": room.accessor(np.concatenate([UV, np.zeros((len(corners), 2), np.float32)])),
        }
        more = np.arange(24, 24 + len(corners), dtype=np.uint16)
        room.primitive["indices"] = room.accessor(np.concatenate([FACES, more]))

    return changed(change)


NAN, INFINITE = [[np.nan] * 3] * 3, [[0, 0, 0], [1, 0, 0], [np.inf, 0, 0]]


def speck(*place: float) -> list:
    return [np.add(place, corner).tolist() for corner in ((0, 0, 0), (0.1, 0, 0), (0, 0.1, 0))]


@pytest.mark.parametrize(
    ("extra", "remark"),
    [
        ([NAN], "1 face with coordinates that are not numbers was left out"),
        ([NAN, INFINITE], "2 faces with coordinates that are not numbers were left out"),
        ([speck(2000, 0, 0)], "1 face up to 2,000 m away from all others was left out"),
        ([speck(0, -900, 0), speck(3e7, 1, 1)], "2 faces up to 30,000,000 m away from all others were left out"),
        ([speck(300, 300, 300)], "1 face up to 300 m away from all others was left out"),
    ],
)
def test_bad_faces_and_specks_are_left_out_with_a_word(extra: list, remark: str) -> None:
    with open_simulator(with_faces(*extra), backend="embreex", resolution=8) as simulator:
        assert simulator.remarks == (remark,)
        plain = load_scene(Room().glb())
        np.testing.assert_array_equal(simulator.scene.vertices[simulator.scene.faces], plain.vertices[plain.faces])
        assert simulator.random_navigable_point(np.random.default_rng(0))[1] < 0.1


def test_bad_vertices_that_no_face_names_are_nothing() -> None:
    def change(room: Room) -> None:
        room.primitive["attributes"] = {"POSITION": room.accessor(np.vstack([POSITIONS, NAN]).astype(np.float32))}
        del room.material["pbrMetallicRoughness"]

    scene = load_scene(changed(change))
    assert len(scene.faces) == 12 and np.isfinite(scene.vertices).all()


def test_a_scene_of_bad_faces_alone_says_so() -> None:
    def change(room: Room) -> None:
        room.primitive["attributes"]["POSITION"] = room.accessor(np.full((24, 3), np.nan, np.float32))

    with pytest.raises(UnreadableError, match="no face of this scene has coordinates"):
        load_scene(changed(change))


def scaled(*scale: float) -> bytes:
    def change(room: Room) -> None:
        room.node["scale"] = list(scale)

    return changed(change)


def test_what_is_large_all_over_is_kept_and_refused() -> None:
    """Nothing of it is a speck."""
    with pytest.raises(UnreadableError, match="800 x 300 x 800 m: its unit may be centimetres"):
        open_simulator(scaled(100, 100, 100), backend="embreex")
    with pytest.raises(UnreadableError, match=r"2\.4e\+03 x 3 x 8 m; walks are limited") as caught:
        open_simulator(scaled(300, 1, 1), backend="embreex")
    assert "centimetres" not in str(caught.value)


def test_a_scene_that_fits_is_left_as_it_is() -> None:
    scene = load_scene(with_faces(speck(100, 0, 0)))
    assert len(scene.faces) == 13 and not scene.remarks
    assert fits((500, 3, 8)) and not fits((501, 3, 8)) and not fits((np.nan, 3, 8)) and not fits((499, 499, 499))


def test_a_large_floor_of_two_triangles_is_sampled_in_pieces() -> None:
    """Sampled in one piece, its edges of 113 m would take gigabytes."""
    corners = np.array([[[0, 0, 0], [0, 0, 80], [80, 0, 80]]], float)
    pieces = subdivided(corners, LONGEST_EDGE)
    assert len(pieces) == 16
    normals = np.cross(pieces[:, 1] - pieces[:, 0], pieces[:, 2] - pieces[:, 0])
    np.testing.assert_allclose(normals, np.tile([0, 400.0, 0], (16, 1)))
    np.testing.assert_array_equal(subdivided(corners / 2, LONGEST_EDGE * 2), corners / 2)


def test_headroom_is_free_voxels_above() -> None:
    scene = load_scene(Room().glb())
    grid = WalkableGrid(scene.vertices, scene.faces)
    solid = np.random.default_rng(0).random((7, 80, 5)) < 0.02
    x, y, z = np.nonzero(solid)
    expected = [not solid[a, b + 1 : b + 30, c].any() for a, b, c in zip(x, y, z, strict=True)]
    np.testing.assert_array_equal(grid.headroom(solid, x, y, z), expected)
    assert 0 < np.mean(expected) < 1
