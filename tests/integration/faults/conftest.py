"""A small workflow of mining, run once undisturbed; each test disturbs another run of it."""

import shutil
from pathlib import Path

import pytest
from integration.faults.world import TRAINED, Folder, make_raw, outputs


@pytest.fixture(scope="session")
def world(tmp_path_factory, make_video) -> Path:
    """Folder of two videos, their config, and the config's results."""
    folder = tmp_path_factory.mktemp("faults")
    make_raw(folder, make_video)
    return folder


@pytest.fixture(scope="session")
def undisturbed(world) -> Folder:
    """The results as they should be."""
    run = Folder(world / "undisturbed", world)
    run.must()
    assert len(outputs(run)) == 2 + 2 * 3 + 2 * 4 + 3
    return run


@pytest.fixture
def trained(undisturbed, world, tmp_path) -> Folder:
    """A finished copy of the undisturbed run, on which a model is trained and measured; both have run."""
    shutil.copytree(undisturbed.path, tmp_path / "run")
    run = Folder(tmp_path / "run", world, **TRAINED)
    run.must()
    return run


@pytest.fixture
def fresh(world, tmp_path) -> Folder:
    """A folder in which nothing has run yet."""
    return Folder(tmp_path / "run", world)


@pytest.fixture
def done(undisturbed, world, tmp_path) -> Folder:
    """A finished copy of the undisturbed run, with what Snakemake knows of it."""
    shutil.copytree(undisturbed.path, tmp_path / "run")
    return Folder(tmp_path / "run", world)
