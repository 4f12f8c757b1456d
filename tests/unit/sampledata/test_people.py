"""People have a body around every joint, stand on the floor, look where they are turned, and keep apart in a flat."""

import numpy as np
import pytest

from mimic_core.kit.errors import MimicError
from mimic_core.kit.seeding import generator
from mimic_core.sampledata import flat_glb, flat_with_people, person
from mimic_core.sampledata.build.people import APART, ARMS, HEIGHTS, JOINTS, bent
from mimic_core.simulators import open_simulator

NUMBER = {name: number for number, name in enumerate(JOINTS)}


@pytest.fixture(scope="module")
def crowd() -> list:
    return [person(generator(0, "somebody", number), (0, 0, 0), 0.0) for number in range(8)]


@pytest.fixture(scope="module")
def peopled() -> tuple:
    return flat_with_people("flat002", {"seed": 4}, 3)


def surface(someone) -> np.ndarray:
    return np.concatenate([patch.points.reshape(-1, 3) for piece in someone.pieces for patch in piece.patches])


def test_joints_are_coco_s() -> None:
    assert len(JOINTS) == 17 and JOINTS[0] == "nose" and JOINTS[1:3] == ("left_eye", "right_eye")
    assert JOINTS[9:11] == ("left_wrist", "right_wrist") and JOINTS[16] == "right_ankle"


def test_every_joint_is_in_the_body(crowd: list) -> None:
    for someone in crowd:
        assert someone.joints.shape == (17, 3) and someone.joints.dtype == np.float64
        distance = np.linalg.norm(surface(someone)[None] - someone.joints[:, None], axis=2).min(axis=1)
        assert distance.max() < 0.12 and distance[:5].max() < 0.03, "joints of the face lie on its surface"


def test_they_stand_on_the_floor_and_are_as_tall_as_people(crowd: list) -> None:
    for someone in crowd:
        low = someone.pieces[0].bounds()[0]
        assert abs(low[1]) < 0.004 and 0.9 * HEIGHTS[0] < someone.joints[0, 1] + 0.05 < HEIGHTS[1]
        order = ["nose", "left_shoulder", "left_hip", "left_knee", "left_ankle"]
        assert (np.diff([someone.joints[NUMBER[name], 1] for name in order]) < 0).all()


def test_limbs_have_the_same_length_on_both_sides(crowd: list) -> None:
    for someone in crowd:
        for upper, lower in (("shoulder", "elbow"), ("elbow", "wrist"), ("hip", "knee"), ("knee", "ankle")):
            left, right = (
                np.linalg.norm(someone.joints[NUMBER[f"{side}_{upper}"]] - someone.joints[NUMBER[f"{side}_{lower}"]])
                for side in ("left", "right")
            )
            assert left == pytest.approx(right, rel=0.03)


def test_left_is_their_own_and_yaw_turns_them() -> None:
    ahead, aside = (person(generator(0, "one"), (1, 0.5, -2), yaw).joints for yaw in (0.0, 90.0))
    left, right = NUMBER["left_shoulder"], NUMBER["right_shoulder"]
    assert ahead[left, 0] > ahead[right, 0] + 0.2 and aside[left, 2] < aside[right, 2] - 0.2
    trunk = ahead[[left, right]].mean(axis=0)
    assert ahead[0, 2] > trunk[2] + 0.05 and aside[0, 0] > 1.05
    turned = (ahead - [1, 0.5, -2]) @ np.array([[0, 0, -1], [0, 1, 0], [1, 0, 0]])
    np.testing.assert_allclose(aside - [1, 0.5, -2], turned, atol=1e-9)


def test_surfaces_face_outwards(crowd: list) -> None:
    for patch in crowd[0].pieces[0].patches:
        points = patch.points.reshape(-1, 3) - patch.points.reshape(-1, 3).mean(axis=0)
        a, b, c = points[patch.faces()].transpose(1, 0, 2)
        assert np.einsum("ij,ij->i", a, np.cross(b, c)).sum() / 6 > 1e-6, "the volume inside is positive"
        facing = np.cross(b - a, c - a)
        mean = patch.normals.reshape(-1, 3)[patch.faces()].mean(axis=1)
        large = np.linalg.norm(facing, axis=1) > 1e-6
        assert (np.einsum("ij,ij->i", facing, mean)[large] > 0).mean() > 0.95


def test_poses_clothes_and_sizes_differ(crowd: list) -> None:
    wrists = np.array([someone.joints[NUMBER["left_wrist"]] for someone in crowd])
    assert np.ptp(wrists[:, 1]) > 0.25 and len({someone.joints[0, 1] for someone in crowd}) == len(crowd)
    again = person(generator(0, "somebody", 3), (0, 0, 0), 0.0)
    np.testing.assert_array_equal(again.joints, crowd[3].joints)
    np.testing.assert_array_equal(surface(again), surface(crowd[3]))
    assert all(lower <= upper for ranges in ARMS.values() for lower, upper in ranges)


def test_bent_limbs_reach_their_ends() -> None:
    knee = bent(np.array([0, 1.0, 0]), np.array([0, 0.2, 0]), 0.5, 0.45, np.array([0, 0, 1.0]))
    assert np.linalg.norm(knee - [0, 1, 0]) == pytest.approx(0.5)
    assert np.linalg.norm(knee - [0, 0.2, 0]) == pytest.approx(0.45) and knee[2] > 0.1


def test_people_in_a_flat_keep_apart_on_free_floor(peopled: tuple) -> None:
    glb, people = peopled
    feet = [someone.joints[15:].mean(axis=0) for someone in people]
    gaps = [np.linalg.norm((a - b)[[0, 2]]) for i, a in enumerate(feet) for b in feet[:i]]
    assert len(people) == 3 and min(gaps) > APART - 0.15
    with open_simulator(flat_glb("flat002", {"seed": 4}), resolution=16) as empty:
        assert all(empty.island_radius(np.array([x, empty.grid.floor, z])) > 1 for x, _, z in feet)
    with open_simulator(glb, resolution=16) as simulator:
        scene = simulator.scene
    names = [name.partition(": ")[2] for name in scene.instance_names]
    for number, someone in enumerate(people, 1):
        node = names.index(f"person {number}") + 1
        corners = scene.vertices[scene.faces[scene.face_instance == node]].reshape(-1, 3)
        assert (corners.min(axis=0) < someone.joints.min(axis=0) + 0.02).all()
        assert (corners.max(axis=0) > someone.joints.max(axis=0) - 0.02).all()


def test_a_flat_with_people_is_the_same_each_time_and_can_be_full(peopled: tuple) -> None:
    assert flat_with_people("flat002", {"seed": 4}, 3)[0] == peopled[0]
    with pytest.raises(MimicError, match="9999 people") as caught:
        flat_with_people("flat002", {"seed": 4}, 9999)
    assert caught.value.where == "flat002" and caught.value.remedy
