"""Measure the speed and memory of the mining on one core, relative to SIFT alone on the same views (the floor).

    python benchmarks/mining.py [FOLDER OF VIDEOS]

Each part alternates with the floor a few times; the medians are printed. ``measure`` is timed on the pairs of the
sample for which a homography is found. The released mining code took 53 times the floor on such a sample, and 0.137 s
per pair (measured on a machine of the same kind; its scripts are not part of this project).
"""

import os

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "LP_NUM_THREADS"):
    os.environ[variable] = "1"

import argparse
import multiprocessing
import platform
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from mimic_core.foreign.yaml_files import load_yaml
from mimic_core.frames.scene import center_crop
from mimic_core.frames.settings import VideoSettings
from mimic_core.frames.shard import write_frames
from mimic_core.frames.video import video_views
from mimic_core.frames.views import View
from mimic_core.kit.seeding import generator
from mimic_core.machine.memory import keep_freed_memory
from mimic_core.pairs import Features, Measurement, detect, measure
from mimic_core.pairs.candidates import Candidate, ViewOf
from mimic_core.pairs.folder import FolderSettings, mine_folder, shard_paths
from mimic_core.pairs.rules import RandomWalk, Stride
from mimic_core.pairs.settings import MiningSettings
from mimic_core.pairs.shard import mine_shard
from mimic_core.sampledata import write_flat, write_walkthrough
from mimic_core.simulators import WalkSettings, open_simulator, walk_views
from mimic_core.sources import Unit, open_source

Sample = list[tuple[str, NDArray[np.uint8]]]  # station and picture of each view

ROOT = Path(__file__).resolve().parents[1]
SAMPLES, REPEATS, KEYPOINTS = 4, 5, 300
RELEASED = 0.137  # seconds per pair of the released code, if a homography is found


def timed(work: Callable[[], object]) -> float:
    """Return the processor seconds of one call."""
    started = time.process_time()
    work()
    return time.process_time() - started


def walk_samples(folder: Path) -> tuple[list[Sample], float]:
    """Return views of a few random-walk samples of one flat, and the processor seconds to render one sample."""
    config = load_yaml(ROOT / "config.yaml")
    glb = folder / "flat000.glb"
    write_flat("flat000", glb, {**config["sample"], "seed": config["seed"]})
    walk = WalkSettings(minimal_island_radius=config["sources"]["hm3d"]["frames"]["min_island_radius"])
    simulator = open_simulator(glb, resolution=walk.resolution, hfov=walk.hfov)
    started = time.process_time()
    samples = [walk_views(simulator, walk, seed=0, scene="flat000", number=number) for number in range(SAMPLES)]
    seconds = (time.process_time() - started) / SAMPLES
    simulator.close()
    return [[(view.station, center_crop(view.rgb)) for view in sample] for sample in samples], seconds


def first_keypoints(features: Features, most: int | None) -> Features:
    """Return the first ``most`` keypoints of a view's features."""
    return Features(features.points[:most], features.descriptors[:most], features.squares[:most])


def mine_sample(views: Sample, most: int | None = None) -> list[Measurement]:
    """Mine a sample (24 times SIFT, 128 candidates), using the first ``most`` keypoints of each view."""
    features = [first_keypoints(detect(image), most) for _, image in views]
    return [one.measurement for one in measure_candidates(features, [station for station, _ in views])]


def measure_candidates(features: Sequence[Features], stations: Sequence[str]) -> list[Candidate]:
    """Measure the candidates of one sample from the features of its views."""
    rule = RandomWalk()
    settings = MiningSettings()

    def one(view1: int, view2: int) -> Measurement:
        rng = generator(0, "benchmark", view1, view2)
        return measure(features[view1], features[view2], rng=rng, settings=settings)

    return list(rule.candidates([ViewOf(number, 0, station) for number, station in enumerate(stations)], one))


def time_of_measure(samples: Sequence[Sample], most: int | None = None) -> list[float]:
    """Time each ``measure`` that finds a homography, in processor seconds, on the first ``most`` keypoints per view."""
    found = []
    for views in samples:
        features = [detect(image) for _, image in views]
        cut = [first_keypoints(one, most) for one in features]
        for first in cut[:8]:
            for second in cut[8:]:
                started = time.process_time()
                result = measure(first, second, rng=generator(0, "benchmark"))
                if result.homography is not None:
                    found.append(time.process_time() - started)
    return found


def bench_walk(folder: Path) -> list[tuple[str, str]]:
    """Return the table rows of the random walk."""
    samples, render = walk_samples(folder)
    floor, whole, sparse = [], [], []
    for _ in range(REPEATS):
        for views in samples:
            floor.append(timed(lambda views=views: [detect(image) for _, image in views]))  # type: ignore[misc]
            whole.append(timed(lambda views=views: mine_sample(views)))  # type: ignore[misc]
            sparse.append(timed(lambda views=views: mine_sample(views, KEYPOINTS)))  # type: ignore[misc]
    keypoints = [len(detect(image)) for views in samples for _, image in views]
    single = time_of_measure(samples)
    small = statistics.median(time_of_measure(samples, KEYPOINTS))
    floor_s, whole_s, sparse_s = map(statistics.median, (floor, whole, sparse))
    return [
        ("rendering 24 views", f"{render:.3f} s"),
        ("SIFT alone on 24 views (the floor)", f"{floor_s:.3f} s, {statistics.mean(keypoints):.0f} keypoints per view"),
        ("random-walk sample, 24 views, 128 candidates", f"{whole_s:.3f} s, {whole_s / floor_s:.2f}x the floor"),
        (f"  with {KEYPOINTS} keypoints per view", f"{sparse_s:.3f} s, {sparse_s / floor_s:.2f}x the floor"),
        ("measure, given features, median", f"{1000 * statistics.median(single):.2f} ms over {len(single)} pairs"),
        (f"  with {KEYPOINTS} keypoints per view", f"{1000 * small:.2f} ms"),
    ]


def bench_videos(name: str, videos: Path, out: Path, interval: float) -> list[tuple[str, str]]:
    """Return the table rows of a folder of videos: decoding, SIFT, matching and writing."""
    started = time.process_time()
    found = mine_folder(videos, out, FolderSettings(interval=interval))
    seconds = time.process_time() - started
    started = time.process_time()
    for unit in open_source("videos").find(videos):
        for _ in video_views(unit.path, VideoSettings(interval)):
            pass
    decoding = time.process_time() - started
    each, mined = seconds / found["seen"], (seconds - decoding) / found["seen"]
    return [
        (name, f"{seconds:.2f} s for {found['views']} views, {found['seen']} candidates, {found['kept']} kept"),
        ("  per candidate", f"{1000 * each:.1f} ms, {RELEASED / each:.1f}x the released code's rate"),
        ("  without decoding, as in the released rate", f"{1000 * mined:.1f} ms, {RELEASED / mined:.1f}x"),
    ]


def bench_minute(folder: Path) -> list[tuple[str, str]]:
    """Return the table rows of 60 s of video of the sample world."""
    config = load_yaml(ROOT / "config.yaml")
    settings = {**config["sample"], "seed": config["seed"]}
    (folder / "minute").mkdir()
    write_walkthrough("flat012", folder / "minute" / "walk.mp4", 60, settings)
    return bench_videos("60 s of video, 1 view per second", folder / "minute", folder / "mined", 1.0)


def mine_long_shard(folder: Path, units: int) -> tuple[int, int]:
    """Mine a shard of ``units`` units of 40 views; return the number of candidates and the peak memory in MiB.

    Two views of each unit are textured and overlap. The others are blank, so that a long shard takes little time.
    """
    rng = np.random.default_rng(0)
    wall = cv2.GaussianBlur(rng.integers(0, 256, (400, 400, 3), np.uint8), (0, 0), 1.5)
    bare = np.full((224, 224, 3), 128, np.uint8)

    def read(_: Unit) -> Iterator[View]:
        for number in range(40):
            shift = 70 * number
            yield View(np.ascontiguousarray(wall[:224, shift : shift + 224]) if number < 2 else bare, time=number)

    paths = shard_paths(folder)
    write_frames([Unit(f"{one:06d}", folder) for one in range(units)], read, paths.frames_tar, paths.views, total=-1)
    found = mine_shard(paths, source="long", rule=Stride(1, 1), settings=MiningSettings(), seed=0)
    return found["seen"], peak_memory()


def peak_memory() -> int:
    """Return the peak memory of this process in MiB (``ru_maxrss`` would include the parent it was forked from)."""
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return int(status["VmHWM"].split()[0]) // 1024


def bench_memory(folder: Path) -> list[tuple[str, str]]:
    """Return the table rows on the memory of shards of different lengths, each mined in a separate process."""
    rows = []
    for units in (25, 250):
        (folder / str(units)).mkdir()
        with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
            seen, memory = pool.submit(mine_long_shard, folder / str(units), units).result()
        rows.append((f"peak memory, a shard of {40 * units:,} views", f"{memory} MiB, {seen:,} candidates"))
    return rows


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("videos", type=Path, nargs="?", help="folder of videos to mine as well")
    parser.add_argument("--long", action="store_true", help="also measure the memory of a long shard (a minute)")
    args = parser.parse_args()
    cv2.setNumThreads(1)
    keep_freed_memory()
    with tempfile.TemporaryDirectory() as folder:
        rows = [*bench_walk(Path(folder)), *bench_minute(Path(folder))]
        if args.videos is not None:
            rows += bench_videos("your videos, 4 views per second", args.videos, Path(folder) / "own", 0.25)
            rows += bench_videos("your videos, every frame", args.videos, Path(folder) / "each", 0.0)
        if args.long:
            rows += bench_memory(Path(folder))
    forced = os.environ.get("OPENBLAS_CORETYPE")
    blas = f", OpenBLAS kernels for {forced} (OPENBLAS_CORETYPE)" if forced else ""
    print(
        f"{platform.processor() or platform.machine()}, one core, processor seconds, OpenCV {cv2.__version__}{blas}\n"
    )
    for name, value in rows:
        print(f"{name:<46} {value}")


if __name__ == "__main__":
    main()
