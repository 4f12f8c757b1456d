"""Fixtures that several rooms share: real data where it is there, and small videos made on the spot."""

import os
import shutil
import subprocess
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import cv2
import hypothesis
import numpy as np
import pytest
from support import REAL_DATA
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

MakeVideo = Callable[..., Path]

WHOLE = ("tests/integration/slurm/", "tests/workflow/")  # folders whose tests share a cluster, or a run of minutes

# how long a machine takes to draw an example says nothing of the code
hypothesis.settings.register_profile(
    "mimic", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow], print_blob=True
)
hypothesis.settings.load_profile("mimic")


class ByFile(LoadScopeScheduling):
    """Gives each process of ``pytest -n`` a file after the other; a folder of ``WHOLE`` goes to one."""

    def _split_scope(self, nodeid: str) -> str:
        return next((folder for folder in WHOLE if nodeid.startswith(folder)), nodeid.split("::", 1)[0])


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> ByFile:
    """Share out the tests in their order: xdist's own groups do not work with this pytest."""
    config.option.loadscopereorder = False
    return ByFile(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the longest first, so that no process waits for another in the end."""

    def place(item: pytest.Item) -> tuple[bool, bool, bool]:
        slurm, workflow = (item.nodeid.startswith(folder) for folder in WHOLE)
        return not slurm, not workflow, item.get_closest_marker("integration") is None

    items.sort(key=place)


@pytest.fixture(scope="session", autouse=True)
def quick_scontrol(tmp_path_factory) -> None:
    """Let SLURM's client fail at once where there is no cluster: every Snakemake asks it, and it looks for 9 s."""
    program = shutil.which("scontrol")
    if program is not None:
        folder = tmp_path_factory.mktemp("bin")
        (folder / "scontrol").write_text(f'#!/bin/sh\n[ -e /etc/slurm/slurm.conf ] || exit 1\nexec {program} "$@"\n')
        (folder / "scontrol").chmod(0o755)
        os.environ["PATH"] = f"{folder}{os.pathsep}{os.environ['PATH']}"


@pytest.fixture
def small_disk():
    """Mounts a disk of a size that is only so large; unmounted in the end."""
    mounted = []

    def mount(folder, size):
        ended = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "faults", str(folder)], check=False)
        if ended.returncode != 0:
            pytest.skip("no disk can be mounted here: this needs root")
        mounted.append(folder)

    yield mount
    for folder in mounted:
        subprocess.run(["umount", str(folder)], check=True)


@pytest.fixture(scope="session")
def real_videos() -> Path:
    """Folder of three handheld videos that may not be redistributed."""
    folder = REAL_DATA / "videos"
    if not folder.is_dir():
        pytest.skip(f"real videos are not on this machine ({folder}); their licence forbids shipping them")
    return folder


@pytest.fixture(scope="session")
def textured() -> np.ndarray:
    """A picture rich in corners at several scales, 600x900x3 uint8."""
    rng = np.random.default_rng(5)
    picture = np.full((600, 900, 3), 128, np.uint8)
    for _ in range(700):
        x, y = rng.integers(0, [900, 600])
        size = int(rng.integers(4, 60))
        colour = tuple(int(value) for value in rng.integers(0, 256, 3))
        if rng.random() < 0.5:
            cv2.circle(picture, (int(x), int(y)), size // 2, colour, -1)
        else:
            cv2.rectangle(picture, (int(x), int(y)), (int(x) + size, int(y) + size // 2), colour, -1)
    return picture


@pytest.fixture(scope="session")
def make_video(textured: np.ndarray) -> MakeVideo:
    """Write a video that pans over the textured picture."""

    def make(
        path: Path, seconds: float = 4.0, rate: int = 10, step: int = 6, size: tuple[int, int] = (320, 240)
    ) -> Path:
        width, height = size
        path.parent.mkdir(parents=True, exist_ok=True)
        with av.open(str(path), "w") as container:
            stream = container.add_stream("mpeg4", rate=Fraction(rate))
            stream.width, stream.height, stream.pix_fmt, stream.bit_rate = width, height, "yuv420p", 4_000_000
            for number in range(max(1, round(seconds * rate))):
                left = (number * step) % (textured.shape[1] - width)
                picture = np.ascontiguousarray(textured[100 : 100 + height, left : left + width])
                container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
            container.mux(stream.encode())
        return path

    return make
