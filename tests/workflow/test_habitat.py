"""Scenes rendered through the workflow by habitat-sim's own Python, which has NumPy, a stand-in and nothing else."""

import json
import shutil
import subprocess
import sys
import venv
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
from support import REPOSITORY
from workflow.running import overlay, snakemake

pytestmark = pytest.mark.integration

SOURCE = {"shards": 1, "frames": {"samples_per_scene": 1, "simulator": "habitat"}}


@pytest.fixture(scope="module")
def habitat_python(tmp_path_factory) -> Path:
    """The interpreter of an environment of its own."""
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, symlinks=True)
    python = folder / "bin" / "python"
    packages = Path(
        subprocess.run(
            [python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"],
            check=True,
            capture_output=True,
            text=True,
        ).stdout.strip()
    )
    numpy = Path(np.__file__).parent
    for name in (numpy, numpy.with_name("numpy.libs")):
        if name.is_dir():
            (packages / name.name).symlink_to(name)
    shutil.copy(REPOSITORY / "tests" / "workflow" / "box_habitat_sim.py", packages / "habitat_sim.py")
    return python


def test_a_source_is_rendered_by_habitat_sim_and_the_rest_of_the_job_stays(tmp_path, habitat_python):
    root = tmp_path / "scenes"
    root.mkdir()
    (root / "fine.glb").write_bytes(b"glTF\2\0\0\0\x0c\0\0\0")
    (root / "crash.glb").write_bytes(b"glTF\2\0\0\0\x0c\0\0\0")
    source = {**SOURCE, "adapter": "gibson", "origin": "disk", "root": str(root)}
    config = overlay(tmp_path, sources={"gibson": source}, frames={"habitat_python": str(habitat_python)})
    ended = snakemake(tmp_path, "results/frames/gibson/000.receipt.json", configfile=config)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    frames = tmp_path / "results" / "frames"
    named = json.loads((frames / "habitat.json").read_text())
    assert named["python"] == str(habitat_python) and named["version"] == "0.3.3-box"
    views = pd.read_parquet(frames / "gibson" / "000.views.parquet")
    fine = views[views["status"] == "ok"]
    assert set(fine["unit"]) == {"fine.glb"} and len(fine) == 24
    bad = views[views["status"] == "unreadable"]
    assert list(bad["unit"]) == ["crash.glb"] and "SIGABRT" in bad["reason"].iloc[0]
    data = (frames / "gibson" / "000.tar").read_bytes()
    row = fine.iloc[0]
    image = cv2.imdecode(np.frombuffer(data[row["offset"] :][: row["size"]], np.uint8), cv2.IMREAD_COLOR)
    assert image.shape == (224, 224, 3) and image.std() > 20
    receipt = json.loads((frames / "gibson" / "000.receipt.json").read_text())
    assert any(name.endswith("habitat.json") for name in receipt["inputs"])


def test_without_habitat_sim_the_one_job_that_looks_for_it_says_what_to_do(tmp_path):
    config = overlay(tmp_path, sources={"hm3d": SOURCE}, frames={"habitat_python": sys.executable})
    ended = snakemake(tmp_path, "results/frames/habitat.json", configfile=config)
    assert ended.returncode != 0
    told = (tmp_path / "results" / "logs" / "frames" / "habitat.log").read_text()
    assert "habitat-sim cannot be imported" in told and "frames.habitat_python" in told
