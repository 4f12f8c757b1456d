"""Materials, patches, light and their packing."""

import numpy as np
import pytest

from mimic_core.sampledata.build import artwork
from mimic_core.sampledata.build.atlas import GUTTER, PAGE, Atlas, pack
from mimic_core.sampledata.build.floor_plan import Opening, Plan, Room
from mimic_core.sampledata.build.lighting import RoomLight, Sun
from mimic_core.sampledata.build.materials import SIDE, Materials, Tiled
from mimic_core.sampledata.build.shapes import Piece, quad


def paint(rng: np.random.Generator, height: int, width: int) -> np.ndarray:
    return np.full((height, width, 3), 100, np.float32)


def test_packed_patches_do_not_overlap() -> None:
    sizes = np.random.default_rng(0).integers(4, 700, (300, 2))
    places, heights = pack(sizes)
    for page, page_height in enumerate(heights):
        taken = np.zeros((page_height, PAGE), np.int8)
        for (_, top, left), (height, width) in zip(
            places[places[:, 0] == page], sizes[places[:, 0] == page], strict=True
        ):
            assert top + height <= page_height and left + width <= PAGE
            taken[top : top + height, left : left + width] += 1
        assert taken.max() == 1
    assert (sizes.prod(axis=1).sum() / (np.array(heights).sum() * PAGE)) > 0.75


def test_pasted_patch_is_where_its_coordinates_say() -> None:
    atlas = Atlas([(20, 30), (8, 8)])
    image = np.zeros((20, 30, 3), np.float32)
    image[:, 15:] = 200
    atlas.paste(0, image, np.full((1, 1, 3), 0.5))
    page, uv = atlas.uv(0, np.array([0.0, 1.0]), np.array([0.0, 1.0]))
    (left, top), (right, bottom) = uv[0, 0] * [PAGE, len(atlas.pages[page])], uv[1, 1] * [PAGE, len(atlas.pages[page])]
    part = atlas.pages[page][round(top) : round(bottom), round(left) : round(right)]
    assert part.shape == (20, 30, 3) and (part[:, 15:] == 100).all() and not part[:, :15].any()
    around = atlas.pages[page][round(top) - GUTTER : round(bottom) + GUTTER, round(right) + GUTTER - 1]
    assert (around == 100).all(), "the edge goes on into the gutter"


def test_materials_have_grain_at_several_scales() -> None:
    made = Materials(np.random.default_rng(0))
    for material in (
        made.plaster((180, 170, 160)),
        made.wood((150, 110, 70)),
        made.carpet((120, 60, 60), (200, 190, 180)),
    ):
        grey = material.image.mean(axis=-1)
        for step in (1, 2, 4):
            coarse = grey.reshape(SIDE // step, step, SIDE // step, step).mean(axis=(1, 3))
            assert np.abs(np.diff(coarse, axis=0)).mean() > 4


def test_a_material_repeats_without_end() -> None:
    tiled = Tiled(np.random.default_rng(0).uniform(0, 255, (SIDE, SIDE, 3)))
    part = tiled(np.random.default_rng(1), 2 * SIDE, SIDE + 7)
    assert part.shape == (2 * SIDE, SIDE + 7, 3)
    np.testing.assert_array_equal(part[:SIDE], part[SIDE:])
    np.testing.assert_array_equal(part[:, :7], part[:, SIDE:])


@pytest.mark.parametrize("painter", [artwork.poster, artwork.landscape, artwork.books, artwork.outdoors, artwork.clock])
def test_paintings_fit_and_differ(painter) -> None:  # type: ignore[no-untyped-def]
    first, second = (painter(np.random.default_rng(seed), 60, 90) for seed in (0, 1))
    assert first.shape == (60, 90, 3) and first.dtype == np.float32 and first.min() >= 0 and first.max() <= 255
    assert np.abs(first - second).mean() > 5 and first.std() > 15


@pytest.mark.parametrize("build", ["box", "cylinder", "ball"])
def test_shapes_face_outwards(build: str) -> None:
    piece = Piece("thing")
    if build == "box":
        piece = piece.box((0, 0.5, 0), (1, 1, 1), paint)
    elif build == "cylinder":
        piece = piece.cylinder((0, 0.5, 0), 0.5, 1.0, paint, top_radius=0.3)
    else:
        piece = piece.ball((0, 1, 0), (0.5, 0.5, 0.5), paint)
    for patch in piece.placed(2.0, 3.0, 30.0).patches:
        corners = patch.points.reshape(-1, 3)[patch.faces()]
        normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
        outwards = corners.mean(axis=1) - (2.0, 1.0, 3.0)
        solid = np.linalg.norm(normals, axis=1) > 1e-9
        assert (np.einsum("ij,ij->i", normals, outwards)[solid] > 0).all()
        facing = patch.normals.reshape(-1, 3)[patch.faces()].mean(axis=1)
        assert (np.einsum("ij,ij->i", normals, facing)[solid] > 0).all()


def test_holes_are_left_open() -> None:
    wall = quad((0, 3, 0), (4, 0, 0), (0, -3, 0), paint, holes=[(1.0, 1.0, 2.0, 3.0)])
    corners = wall.points.reshape(-1, 3)[wall.faces()]
    area = np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1).sum() / 2
    assert area == pytest.approx(4 * 3 - 1 * 2)
    middle = corners.mean(axis=1)
    assert not ((middle[:, 0] > 1) & (middle[:, 0] < 2) & (middle[:, 1] < 2)).any()


@pytest.fixture(scope="module")
def light() -> RoomLight:
    """A room with a window in the north, a box in the middle and the sun behind the window."""
    room = Room(0, 0.0, 0.0, 4.0, 4.0, "living")
    plan = Plan((room,), (Opening(0, "north", 1.0, 3.0, 0.9, 2.1),), 2.6)
    box = Piece("box").box((2.0, 0, 2.6), (0.4, 0.5, 0.4), paint)
    south = np.array([0.0, 0.6, -0.8])
    return RoomLight(room, plan, [box], Sun(south, np.full(3, 0.5), 1.0), np.random.default_rng(0))


def light_on(light: RoomLight, point: tuple[float, float, float], normal: tuple[float, float, float]) -> float:
    return float(light.at(np.array([point]), np.array([normal], float), np.array([-1])).mean())


def test_light_falls_off_and_corners_are_dark(light: RoomLight) -> None:
    up = (0, 1, 0)
    assert light_on(light, (0.8, 0, 0.9), up) > light_on(light, (0.8, 0, 3.2), up), "nearer to the window"
    assert light_on(light, (0.8, 0, 3.2), up) > light_on(light, (0.03, 0, 3.97), up), "out of the corner"
    floor = np.array([(1.0, 0, 2.6), (1.78, 0, 2.6)])
    open_floor, beside_the_box = light.openness(floor, np.tile((0.0, 1.0, 0.0), (2, 1)), np.full(2, -1))
    assert open_floor > 0.9 > beside_the_box
    assert light_on(light, (2, 1.3, 3.9), (0, 0, -1)) > light_on(light, (2, 1.3, 3.9), (0, 0, 1)), "facing the window"


def test_sun_falls_through_the_window_and_casts_a_shadow(light: RoomLight) -> None:
    points = np.array([(2.0, 0, 1.6), (2.0, 0, 3.6), (2.0, 0, 3.0), (1.3, 0, 2.4)], float)
    share = light.sunlight(points, np.tile((0.0, 1.0, 0.0), (4, 1)), np.full(4, -1))
    # the light that passes the window lands where z = height * 0.8 / 0.6: between 1.2 and 2.8 m into the room
    assert share[0] > 0.5 and share[3] > 0.5
    assert share[1] == 0, "beyond the window's light"
    assert share[2] == 0, "behind the box"
