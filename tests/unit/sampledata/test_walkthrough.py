"""Videos of walks."""

from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from mimic_core.sampledata import write_walkthrough
from mimic_core.sampledata.film.walkthrough import FPS, SIZE, TURN_RATE, camera_poses
from mimic_core.simulators import open_simulator
from mimic_core.simulators.navigation import WalkableGrid

SECONDS = 4


@pytest.fixture(scope="module")
def video(each_flat_once: object, sample_settings: dict, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("walkthroughs") / "flat002.mp4"
    write_walkthrough("flat002", path, SECONDS, sample_settings)
    return path


@pytest.fixture(scope="module")
def grid(flats: dict[str, bytes]) -> WalkableGrid:
    return open_simulator(flats["flat002"], backend="embreex", resolution=8).grid


def test_opencv_and_pyav_read_it(video: Path) -> None:
    capture = cv2.VideoCapture(str(video))
    count = 0
    while capture.read()[0]:
        count += 1
    with av.open(str(video)) as container:
        frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
        rate = container.streams.video[0].average_rate
    assert count == len(frames) == SECONDS * FPS and rate == FPS
    assert frames[0].shape == (*SIZE, 3)
    assert np.abs(frames[0].astype(int) - frames[-1]).mean() > 10, "the camera moves"


def test_same_settings_same_bytes(video: Path, sample_settings: dict, tmp_path: Path) -> None:
    again = tmp_path / "again.mp4"
    write_walkthrough("flat002", again, SECONDS, sample_settings)
    assert again.read_bytes() == video.read_bytes()


@pytest.mark.parametrize("seed", range(4))
def test_the_walk_is_that_of_a_person(grid: WalkableGrid, seed: int) -> None:
    poses = np.stack(camera_poses(grid, 60 * FPS, np.random.default_rng(seed)))
    places, ahead = poses[:, :3, 3], -poses[:, :3, 2]
    for x, y, z in places:
        assert grid.island_at(np.array([x, 0, z])) and 1.3 < y - grid.floor < 1.7
    speed = np.linalg.norm(np.diff(places[:, [0, 2]], axis=0), axis=1)[: 59 * FPS].reshape(59, FPS).sum(axis=1)
    assert speed.min() > 0.15 and speed.max() < 0.85 and 0.35 < np.median(speed) < 0.75, "metres in each second"
    yaw = np.unwrap(np.arctan2(-ahead[:, 0], -ahead[:, 2]))
    assert np.abs(np.degrees(np.diff(yaw[::FPS]))).max() < TURN_RATE + 6, "turns are slow, a little shake apart"
    pitch = np.degrees(np.arcsin(ahead[:, 1]))
    assert pitch.min() > -20 and pitch.max() < 12
