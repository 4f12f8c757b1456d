"""A SLURM of two nodes that is up for all these tests, and a small workflow that is sent to it through the profile."""

import os
import signal
import tempfile
from pathlib import Path

import pytest
from integration.faults.world import make_raw
from integration.slurm.cluster import Cluster, cluster
from integration.slurm.world import DATASET, Submitted

from mimic_core.kit.processes import running

HERE = Path(__file__).parent


def pytest_collection_modifyitems(config, items):
    """Starting jobs through a scheduler takes minutes: these tests run where they are asked for by name."""
    named = [Path(argument.split("::")[0]).resolve() for argument in config.args]
    if not any(path.is_relative_to(HERE) for path in named):
        skip = pytest.mark.skip(reason="takes minutes; run by name: pytest tests/integration/slurm")
        for item in items:
            if item.path.is_relative_to(HERE):
                item.add_marker(skip)


@pytest.fixture(scope="session")
def slurm():
    """The cluster; its folder has a short name, for a socket's path has at most 107 letters."""
    reason = Cluster.missing()
    if reason:
        pytest.skip(reason)
    with tempfile.TemporaryDirectory(prefix="slurm-") as folder, cluster(Path(folder)) as up:
        yield up


@pytest.fixture(scope="session")
def world(tmp_path_factory, make_video) -> Path:
    """Folder of two videos."""
    folder = tmp_path_factory.mktemp("slurm")
    make_raw(folder, make_video)
    return folder


@pytest.fixture(scope="session")
def undisturbed(world) -> Submitted:
    """The dataset as this machine mines it, with nothing of SLURM."""
    run = Submitted(world / "undisturbed", world)
    ended = run.locally(DATASET)
    assert ended.returncode == 0, ended.stdout
    return run


@pytest.fixture
def fresh(slurm, world, tmp_path) -> Submitted:
    """A folder in which nothing has run yet; what still runs in it is ended."""
    yield Submitted(tmp_path / "run", world, slurm)
    for process in running():  # a node that is said to be down goes on with its jobs
        if process.folder.is_relative_to(tmp_path):
            os.kill(process.number, signal.SIGKILL)
