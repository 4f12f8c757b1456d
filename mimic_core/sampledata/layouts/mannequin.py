"""Clips in the layout of MannequinChallenge (Z. Li et al., CVPR 2019)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from mimic_core.kit.files import atomic_folder
from mimic_core.kit.progress import track
from mimic_core.kit.seeding import generator
from mimic_core.sampledata.build.people import Person, flat_with_people
from mimic_core.sampledata.film.camera import Camera
from mimic_core.sampledata.film.walkthrough import (
    FPS,
    HFOV,
    LOOK_AHEAD,
    SIZE,
    SPACING,
    SPEED,
    encode,
    poses_along,
    walk_route,
)
from mimic_core.sampledata.names import flat_names, write_marker
from mimic_core.simulators import camera_pose, open_simulator
from mimic_core.simulators.embedded import EmbeddedSimulator

CAPTION = 60  # rows below the picture, a fifth of the frame
PEOPLE, ROUTES = 4, 4  # per flat; routes drawn, of which the best is walked
NEAR, MIN_SHARE = 4.0, 0.004  # metres within which people are looked at; share of the picture that they must fill
PROBES = 12  # positions on a route where visible people are looked for
TURNING = 0.75  # share of the angle between route and person that the camera turns


def write(folder: str | Path, settings: Mapping[str, Any]) -> None:
    """Write ``<clip>/trims/<clip>_000.mp4``: a walk past people who stand still, with a caption below.

    Args:
        settings: ``seed``, ``flats``, ``video_seconds`` (``mannequin``) and ``camera``.
    """
    with atomic_folder(folder) as temporary:
        for number, name in enumerate(flat_names(settings)["mannequin"]):
            clip = f"clip{number:04d}"
            (temporary / clip / "trims").mkdir(parents=True)
            encode(clip_frames(name, settings), temporary / clip / "trims" / f"{clip}_000.mp4")
        write_marker(temporary, settings, "MannequinChallenge")


def clip_frames(name: str, settings: Mapping[str, Any]) -> Iterator[np.ndarray]:
    """Yield the frames of a walk through flat ``name`` among people, with a caption: 300x320x3 uint8."""
    seed, frames = int(settings["seed"]), max(2, round(float(settings["video_seconds"]["mannequin"]) * FPS))
    camera = Camera(settings, generator(seed, "camera", "mannequin", name))
    rng = generator(seed, "mannequin", name)
    band = caption(rng)
    glb, people = flat_with_people(name, settings, PEOPLE)
    with open_simulator(glb, resolution=SIZE, hfov=HFOV) as simulator:
        length = frames / FPS * SPEED * 1.4 + 2 * LOOK_AHEAD
        routes = [walk_route(simulator.grid, length, rng) for _ in range(ROUTES)]
        seen = [visible_people(simulator, route[: round(length / SPACING)], people) for route in routes]
        best = int(np.argmax([len(places) for places in seen]))

        def look(place: np.ndarray, ahead: float) -> float:
            """Turn towards whoever can be seen from around here."""
            near = [(float(np.linalg.norm(place - at)), who) for at, who in seen[best]]
            if not near or min(near)[0] > NEAR / 2:
                return ahead
            there = people[min(near)[1]].joints[:, [0, 2]].mean(axis=0) - place
            aside = (np.degrees(np.arctan2(-there[0], -there[1])) - ahead + 180) % 360 - 180
            return ahead + TURNING * float(aside)

        for pose in track(poses_along(routes[best], simulator.grid.floor, frames, rng, look=look), "video frames"):
            yield np.vstack([camera.take(simulator.render_rgb(pose)), band])


def visible_people(
    simulator: EmbeddedSimulator, route: np.ndarray, people: list[Person]
) -> list[tuple[np.ndarray, int]]:
    """Return positions (x, z) on a route with a good view of somebody, each with the person's index."""
    names = [name.split(": ")[-1] for name in simulator.scene.instance_names]
    numbers = [names.index(f"person {who + 1}") + 1 for who in range(len(people))]
    found = []
    for place in route[np.linspace(0, len(route) - 1, PROBES).astype(int)]:
        eye = np.array([place[0], simulator.grid.floor + 1.5, place[1]])
        for who in sorted(range(len(people)), key=lambda who: float(np.linalg.norm(people[who].joints[0] - eye))):
            x, _, z = people[who].joints.mean(axis=0) - eye
            if np.hypot(x, z) > NEAR:
                break
            view = simulator.render(camera_pose(eye, float(np.degrees(np.arctan2(-x, -z))), -8.0))
            if (view.instances == numbers[who]).mean() > MIN_SHARE:
                found.append((place, who))
                break
    return found


def caption(rng: np.random.Generator) -> np.ndarray:
    """Draw a band of letters on a dark background: CAPTION x 320 x 3 uint8."""
    band = np.full((CAPTION, SIZE[1], 3), rng.integers(15, 50, 3), np.uint8)
    cv2.line(band, (0, 1), (SIZE[1], 1), rng.integers(120, 250, 3).tolist(), 2)
    for row, scale in ((26, 0.62), (48, 0.42)):
        words = "".join(rng.choice(list("ABCDEHIKLMNOPRSTU  "), 22))
        cv2.putText(band, words, (10, row), cv2.FONT_HERSHEY_DUPLEX, scale, (235, 235, 230), 1, cv2.LINE_AA)
    return band
