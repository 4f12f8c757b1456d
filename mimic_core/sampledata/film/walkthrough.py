"""Videos of walks through a flat with a hand-held camera."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import av
import numpy as np
from scipy.ndimage import gaussian_filter1d
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import dijkstra

from mimic_core.kit.files import atomic_path
from mimic_core.kit.progress import track
from mimic_core.kit.seeding import generator
from mimic_core.sampledata.build.flat import flat_glb
from mimic_core.sampledata.film.camera import Camera
from mimic_core.simulators import camera_pose, open_simulator
from mimic_core.simulators.navigation import WalkableGrid

SIZE, HFOV, FPS = (240, 320), 72.0, 10  # (height, width) pixels, degrees, frames a second
SPEED, MIN_SPEED = 0.6, 0.25  # metres a second: usual, and in a sharp turn
TURN_RATE = 20.0  # degrees a second at most
LOOK_AHEAD = 1.1  # metres along the route to the point that the camera faces
SPACING = 0.05  # metres between points of a route
X264_OPTIONS = {"crf": "20", "preset": "veryfast", "x264-params": "mbtree=0"}  # with mbtree the bytes vary
HEADING_CELLS, MIN_COSINE = 12, 0.2  # cells that give a leg's heading; its preferred least cosine to the last leg's
WALL_COST = 3.0  # extra cost of a cell at an obstacle


def write_walkthrough(name: str, path: str | Path, seconds: float, settings: Mapping[str, Any]) -> None:
    """Write a video (H.264, or MPEG-4 if x264 is missing; 320x240, 10 frames a second) of a walk through ``name``.

    Args:
        settings: ``seed``, and optionally ``camera``.
    """
    encode(walk_pictures(name, seconds, settings), path)


def walk_pictures(name: str, seconds: float, settings: Mapping[str, Any]) -> Iterator[np.ndarray]:
    """Yield the pictures of a walk through flat ``name``, ``FPS`` a second: HxWx3 uint8.

    Args:
        settings: ``seed``, and optionally ``camera``.
    """
    seed, frames = int(settings["seed"]), max(2, round(seconds * FPS))
    camera = Camera(settings, generator(seed, "camera", "walkthrough", name))
    with open_simulator(flat_glb(name, settings), resolution=SIZE, hfov=HFOV) as simulator:
        poses = camera_poses(simulator.grid, frames, generator(seed, "walkthrough", name))
        for pose in track(poses, "video frames"):
            yield camera.take(simulator.render_rgb(pose))


def encode(pictures: Iterable[np.ndarray], path: str | Path, *, fps: int = FPS) -> None:
    """Write HxWx3 uint8 pictures (H and W even) as a video, atomically; the same pictures give the same bytes."""
    with atomic_path(path) as temporary, av.open(str(temporary), "w", options={"fflags": "+bitexact"}) as container:
        codec = "libx264" if "libx264" in av.codecs_available else "mpeg4"
        stream = container.add_stream(codec, rate=fps)
        stream.pix_fmt, stream.codec_context.thread_count = "yuv420p", 1
        stream.options = X264_OPTIONS if codec == "libx264" else {"qscale": "3"}
        for number, picture in enumerate(pictures):
            if not number:
                stream.height, stream.width = picture.shape[:2]
            container.mux(stream.encode(av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")))
        container.mux(stream.encode())


def camera_poses(grid: WalkableGrid, frames: int, rng: np.random.Generator, *, fps: int = FPS) -> list[np.ndarray]:
    """Return camera-to-world matrices of a walk at ``fps``: along a smooth route, slower in turns, with some shake."""
    route = walk_route(grid, frames / fps * SPEED * 1.4 + 2 * LOOK_AHEAD, rng)
    return poses_along(route, grid.floor, frames, rng, fps=fps)


def poses_along(
    route: np.ndarray,
    floor: float,
    frames: int,
    rng: np.random.Generator,
    *,
    fps: int = FPS,
    look: Callable[[np.ndarray, float], float] | None = None,
) -> list[np.ndarray]:
    """Return camera-to-world matrices of a walk along a route.

    Args:
        route: Nx2 (x, z), SPACING apart.
        floor: height of the floor, metres.
        frames, fps: number of matrices, and how many per second.
        rng: for pace, shake, height and glances aside.
        look: function from position (x, z) and the route's yaw (degrees) to the yaw to look at; None: look ahead.
    """
    wander = noise(rng, frames, 2.0, fps)  # the walker looks around
    pace = SPEED * (1 + 0.15 * noise(rng, frames, 1.5, fps)).clip(0.78, 1.22)
    shake = np.stack([noise(rng, frames, 0.12, fps) for _ in range(4)], axis=1)
    height, phase = rng.uniform(1.35, 1.65), rng.uniform(0, 2 * np.pi)
    along, yaw, turning, poses = 0.0, 0.0, 0.0, []
    for frame in range(frames):
        place, ahead = point_on(route, along), point_on(route, along + LOOK_AHEAD)
        wanted = np.degrees(np.arctan2(-(ahead - place)[0], -(ahead - place)[1]))
        wanted = (look(place, float(wanted)) if look else wanted) + 11.0 * wander[frame]
        error = (wanted - yaw + 180) % 360 - 180 if frame else 0.0
        yaw = yaw if frame else wanted
        step = 2 * np.pi * 1.7 * frame / fps + phase  # two steps a cycle of the sideways sway
        eye = np.array([place[0], floor + height + 0.012 * np.sin(step), place[1]])
        eye[[0, 2]] += 0.008 * np.sin(step / 2) + 0.004 * shake[frame, :2]
        poses.append(
            camera_pose(eye, yaw + 0.5 * shake[frame, 2], -4.0 + 0.6 * shake[frame, 3] + 3.0 * wander[-frame - 1])
        )
        turning += (1 - 0.65 ** (FPS / fps)) * (np.clip(1.6 * error, -TURN_RATE, TURN_RATE) - turning)
        yaw += turning / fps
        along += max(MIN_SPEED, pace[frame] * (1 - min(abs(error) / 70, 1))) / fps
    return poses


def noise(rng: np.random.Generator, frames: int, seconds: float, fps: int = FPS) -> np.ndarray:
    """Draw smooth noise of standard deviation 1 that changes over about this many seconds."""
    margin = int(4 * seconds * fps) + 1
    smooth = gaussian_filter1d(rng.standard_normal(frames + 2 * margin), seconds * fps)[margin : margin + frames]
    scaled: np.ndarray = smooth * np.sqrt(2 * np.sqrt(np.pi) * seconds * fps)
    return scaled


def point_on(route: np.ndarray, along: float) -> np.ndarray:
    """Return the (x, z) at a distance along a route whose points are SPACING apart, or its end beyond that."""
    at = min(along / SPACING, len(route) - 1.001)
    index = int(at)
    place: np.ndarray = route[index] + (at - index) * (route[index + 1] - route[index])
    return place


def walk_route(grid: WalkableGrid, length: float, rng: np.random.Generator) -> np.ndarray:
    """Draw a smooth route of at least ``length`` metres on the largest island: Nx2 (x, z), SPACING apart."""
    parts: list[np.ndarray] = []
    total = 0.0
    for part in legs(grid, rng):
        parts.append(part)
        total += float(np.linalg.norm(np.diff(part, axis=0), axis=1).sum())
        if total > 1.15 * length:
            break
    rough = resampled(np.concatenate(parts))
    for metres in (0.35, 0.2, 0.1):
        smooth = resampled(gaussian_filter1d(rough, metres / SPACING, axis=0, mode="nearest"))
        if all(grid.island_at(np.array([x, 0.0, z])) for x, z in smooth):
            return smooth
    return rough


def resampled(route: np.ndarray) -> np.ndarray:
    """Return the same route with points SPACING apart."""
    gaps = np.linalg.norm(np.diff(route, axis=0), axis=1)
    route = route[np.concatenate([[True], gaps > 0])]
    along = np.concatenate([[0.0], np.cumsum(gaps[gaps > 0])])
    at = np.arange(0.0, along[-1], SPACING)
    return np.stack([np.interp(at, along, route[:, axis]) for axis in (0, 1)], axis=1)


def legs(grid: WalkableGrid, rng: np.random.Generator) -> Iterator[np.ndarray]:
    """Yield cheapest routes between random places without end, each from the end of the last: Nx2 (x, z)."""
    main = int(np.bincount(grid.islands[grid.islands > 0]).argmax())
    cells = np.argwhere(grid.islands == main)
    number = np.full(grid.islands.shape, -1)
    number[tuple(cells.T)] = np.arange(len(cells))
    weight = 1 + WALL_COST * np.exp(-grid.clearance[tuple(cells.T)] / 0.25)
    starts, ends = [], []
    for step in ((0, 1), (1, 0), (1, 1), (1, -1)):
        near = cells + step
        inside = (near >= 0).all(axis=1) & (near < grid.islands.shape).all(axis=1)
        other = np.where(inside, number[tuple(np.where(inside[:, None], near, 0).T)], -1)
        starts.append(np.flatnonzero(other >= 0))
        ends.append(other[other >= 0])
    a, b = np.concatenate(starts), np.concatenate(ends)
    cost = np.linalg.norm(cells[a] - cells[b], axis=1) * (weight[a] + weight[b]) / 2
    graph = coo_matrix((cost, (a, b)), shape=(len(cells), len(cells))).tocsr()
    at, arrived = int(rng.integers(len(cells))), np.zeros(2)
    while True:
        _, before = dijkstra(graph, directed=False, indices=at, return_predecessors=True)
        chains = [chain_to(int(goal), at, before) for goal in rng.integers(len(cells), size=8)]
        chains = sorted((chain for chain in chains if len(chain) > 1), key=len)[-5:]
        onward = [heading_of(cells[chain[:HEADING_CELLS]]) @ arrived for chain in chains]
        ahead = [chain for chain, cosine in zip(chains, onward, strict=True) if cosine > MIN_COSINE]
        if not chains:
            continue
        chain = ahead[-1] if ahead else chains[int(np.argmax(onward))]
        yield np.stack([grid.point_in(cells[index], np.array([0.5, 0.5]))[[0, 2]] for index in chain])
        at, arrived = chain[-1], heading_of(cells[chain[-HEADING_CELLS:]])


def chain_to(goal: int, start: int, before: np.ndarray) -> list[int]:
    """Return the cells from ``start`` to ``goal``, both included, given each cell's predecessor."""
    chain = [goal]
    while chain[-1] != start:
        chain.append(int(before[chain[-1]]))
    return chain[::-1]


def heading_of(cells: np.ndarray) -> np.ndarray:
    """Return the unit vector from the first to the last of these cells."""
    move = (cells[-1] - cells[0]).astype(float)
    heading: np.ndarray = move / max(float(np.linalg.norm(move)), 1e-9)
    return heading
