"""Videos in the layouts of ARKitScenes, MannequinChallenge and Objectron."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from mimic_core.files import atomic_folder, write_text
from mimic_core.progress import track
from mimic_core.sampledata.camera import Camera
from mimic_core.sampledata.names import flat_names, write_marker
from mimic_core.sampledata.objects import around, show
from mimic_core.sampledata.people import Person, flat_with_people
from mimic_core.sampledata.walkthrough import (
    FPS,
    HFOV,
    LOOK_AHEAD,
    SIZE,
    SPACING,
    SPEED,
    encode,
    poses_along,
    walk_pictures,
    walk_way,
)
from mimic_core.seeding import generator
from mimic_core.simulators import camera_pose, open_simulator
from mimic_core.simulators.embedded import EmbeddedSimulator

SKIES = {"Up": 0, "Left": 1, "Right": -1, "Down": 2}  # quarter turns counter-clockwise that a camera was held in
CAPTION = 60  # rows under the picture of a mannequin clip: a fifth of the whole
PEOPLE, WAYS = 4, 4  # in a flat; ways that are looked at before the best is walked
NEAR, SEEN = 4.0, 0.004  # metres at which people are looked at; share of the picture that they must fill
PROBES = 12  # places of a way where it is looked who can be seen
TURNING = 0.75  # how far the camera turns from the way to the people, 0 to 1
OBJECT_FPS, OBJECT_HFOV, OBJECT_SPEED = 15, 66.0, 22.0  # a second, degrees, degrees a second around the thing
CLASSES = ("book", "bottle", "cereal_box", "chair", "cup", "laptop")  # Objectron's names


def write_arkitscenes(folder: str | Path, settings: Mapping[str, Any]) -> None:
    """Write ``<video_id>/<video_id>.mov`` and ``metadata.csv``; one after the other the videos are stored with the sky
    at their top, left, right and bottom.

    Args:
        settings: ``seed``, ``flats``, ``video_seconds`` (``arkitscenes``) and ``camera``.
    """
    seconds = float(settings["video_seconds"]["arkitscenes"])
    rows = ["video_id,visit_id,fold,sky_direction"]
    with atomic_folder(folder) as temporary:
        for number, name in enumerate(flat_names(settings)["arkitscenes"]):
            video, sky = str(40000000 + number), list(SKIES)[number % len(SKIES)]
            (temporary / video).mkdir()
            stored = (np.rot90(picture, SKIES[sky]) for picture in walk_pictures(name, seconds, settings))
            encode(stored, temporary / video / f"{video}.mov")
            rows.append(f"{video},{400000 + number},{'Training' if number % 4 < 3 else 'Validation'},{sky}")
        write_text(temporary / "metadata.csv", "\n".join(rows) + "\n")
        write_marker(temporary, settings, "ARKitScenes")


def write_mannequin(folder: str | Path, settings: Mapping[str, Any]) -> None:
    """Write ``<clip>/trims/<clip>_000.mp4``: a walk past people who stand still, with a caption below.

    Args:
        settings: ``seed``, ``flats``, ``video_seconds`` (``mannequin``) and ``camera``.
    """
    with atomic_folder(folder) as temporary:
        for number, name in enumerate(flat_names(settings)["mannequin"]):
            clip = f"clip{number:04d}"
            (temporary / clip / "trims").mkdir(parents=True)
            encode(mannequin_pictures(name, settings), temporary / clip / "trims" / f"{clip}_000.mp4")
        write_marker(temporary, settings, "MannequinChallenge")


def mannequin_pictures(name: str, settings: Mapping[str, Any]) -> Iterator[np.ndarray]:
    """The pictures of a walk through flat ``name`` among people, with a caption: 300x320x3 uint8."""
    seed, frames = int(settings["seed"]), max(2, round(float(settings["video_seconds"]["mannequin"]) * FPS))
    camera = Camera(settings, generator(seed, "camera", "mannequin", name))
    rng = generator(seed, "mannequin", name)
    band = caption(rng)
    glb, people = flat_with_people(name, settings, PEOPLE)
    with open_simulator(glb, resolution=SIZE, hfov=HFOV) as simulator:
        length = frames / FPS * SPEED * 1.4 + 2 * LOOK_AHEAD
        ways = [walk_way(simulator.grid, length, rng) for _ in range(WAYS)]
        seen = [people_seen(simulator, way[: round(length / SPACING)], people) for way in ways]
        best = int(np.argmax([len(places) for places in seen]))

        def look(place: np.ndarray, ahead: float) -> float:
            """Towards whoever can be seen from about here."""
            near = [(float(np.linalg.norm(place - at)), who) for at, who in seen[best]]
            if not near or min(near)[0] > NEAR / 2:
                return ahead
            there = people[min(near)[1]].joints[:, [0, 2]].mean(axis=0) - place
            aside = (np.degrees(np.arctan2(-there[0], -there[1])) - ahead + 180) % 360 - 180
            return ahead + TURNING * float(aside)

        for pose in track(poses_along(ways[best], simulator.grid.floor, frames, rng, look=look), "video frames"):
            yield np.vstack([camera.take(simulator.render_rgb(pose)), band])


def people_seen(simulator: EmbeddedSimulator, way: np.ndarray, people: list[Person]) -> list[tuple[np.ndarray, int]]:
    """Places (x, z) of a way from which somebody can be seen well, each with the person's number."""
    names = [name.split(": ")[-1] for name in simulator.scene.instance_names]
    numbers = [names.index(f"person {who + 1}") + 1 for who in range(len(people))]
    found = []
    for place in way[np.linspace(0, len(way) - 1, PROBES).astype(int)]:
        eye = np.array([place[0], simulator.grid.floor + 1.5, place[1]])
        for who in sorted(range(len(people)), key=lambda who: float(np.linalg.norm(people[who].joints[0] - eye))):
            x, _, z = people[who].joints.mean(axis=0) - eye
            if np.hypot(x, z) > NEAR:
                break
            view = simulator.render(camera_pose(eye, float(np.degrees(np.arctan2(-x, -z))), -8.0))
            if (view.instances == numbers[who]).mean() > SEEN:
                found.append((place, who))
                break
    return found


def caption(rng: np.random.Generator) -> np.ndarray:
    """A band of letters on a dark ground: CAPTION x 320 x 3 uint8."""
    band = np.full((CAPTION, SIZE[1], 3), rng.integers(15, 50, 3), np.uint8)
    cv2.line(band, (0, 1), (SIZE[1], 1), rng.integers(120, 250, 3).tolist(), 2)
    for row, scale in ((26, 0.62), (48, 0.42)):
        words = "".join(rng.choice(list("ABCDEHIKLMNOPRSTU  "), 22))
        cv2.putText(band, words, (10, row), cv2.FONT_HERSHEY_DUPLEX, scale, (235, 235, 230), 1, cv2.LINE_AA)
    return band


def write_objectron(folder: str | Path, settings: Mapping[str, Any]) -> None:
    """Write ``<class>/batch-<i>/<j>/video.MOV``: a hand carries a camera around a thing.

    Args:
        settings: ``seed``, ``objects`` (``objectron``: how many), ``video_seconds`` (``objectron``) and ``camera``.
    """
    seed, frames = int(settings["seed"]), max(2, round(float(settings["video_seconds"]["objectron"]) * OBJECT_FPS))
    with atomic_folder(folder) as temporary:
        for number in track(range(settings["objects"]["objectron"]), "videos"):
            kind, name = CLASSES[number % len(CLASSES)], f"objectron {number}"
            place = temporary / kind / f"batch-{1 + number // len(CLASSES)}" / str(number)
            place.mkdir(parents=True)
            shown, rng = show(kind, name, settings), generator(seed, "around", name)
            camera = Camera(settings, generator(seed, "camera", name))
            poses = around(shown, frames, OBJECT_SPEED * frames / OBJECT_FPS, rng, fps=OBJECT_FPS)
            with open_simulator(shown.glb, resolution=SIZE, hfov=OBJECT_HFOV) as simulator:
                pictures = (camera.take(simulator.render_rgb(pose)) for pose in poses)
                encode(pictures, place / "video.MOV", fps=OBJECT_FPS)
        write_marker(temporary, settings, "Objectron")
