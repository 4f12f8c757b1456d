"""What is written for fine-tuning can be read as the real datasets are, and says that it is not them; the command
lines of the sample world."""

import csv
import hashlib
import json
import runpy
from collections.abc import Callable
from pathlib import Path

import cv2
import h5py
import numpy as np
import pytest
import scipy.io

from mimic_core.kit.errors import MimicError
from mimic_core.kit.files import read_json
from mimic_core.sampledata import flat_names, write_nyuv2, write_taskonomy
from mimic_core.sampledata.film.views import random_views
from mimic_core.sampledata.layouts.nyuv2 import HFOV
from mimic_core.sampledata.names import MARKER, PURPOSES, shares

SCRIPTS = Path(__file__).parents[3] / "workflow_scripts"


@pytest.fixture(scope="module")
def nyuv2(each_flat_once: object, sample_settings: dict, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("nyuv2") / "nyuv2"
    write_nyuv2(folder, sample_settings)
    return folder


@pytest.fixture(scope="module")
def taskonomy(each_flat_once: object, sample_settings: dict, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("taskonomy") / "taskonomy"
    write_taskonomy(folder, sample_settings)
    return folder


def main_of(script: str) -> Callable[[list[str]], None]:
    """The main function of a workflow script."""
    return runpy.run_path(str(SCRIPTS / f"{script}.py"))["main"]


def contents(folder: Path) -> dict[str, str]:
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def test_splits_share_no_flat(sample_settings: dict) -> None:
    names = flat_names(sample_settings)
    assert [len(names[purpose]) for purpose in ("hm3d", "train", "test")] == [2, 1, 1]
    full = flat_names({"flats": dict.fromkeys(PURPOSES, 1000)})
    assert len({name for some in full.values() for name in some}) == 1000 * len(PURPOSES)
    assert all(full[purpose][: len(some)] == some for purpose, some in names.items()), "others do not move them"


@pytest.mark.parametrize("flats", [{"hm3d": 1, "pretrain": 1}, {"pretrain": -1}, {"train": -1}, {"test": 1001}])
def test_bad_numbers_of_flats_are_refused(flats: dict) -> None:
    with pytest.raises(MimicError) as caught:
        flat_names({"flats": flats})
    assert caught.value.where == f"sample.flats.{list(flats)[-1]}"


def test_views_are_shared_out_evenly() -> None:
    assert shares(7, ["a", "b", "c"], "views") == {"a": 3, "b": 2, "c": 2}
    with pytest.raises(MimicError, match="7 views"):
        shares(7, [], "views")


def test_nyuv2_is_laid_out_as_h5py_sees_the_real_one(nyuv2: Path) -> None:
    with h5py.File(nyuv2 / "nyu_depth_v2_labeled.mat") as file:
        images, depths = file["images"][:], file["depths"][:]
    assert images.shape == (5, 3, 64, 48) and images.dtype == np.uint8
    assert depths.shape == (5, 64, 48) and depths.dtype == np.float32
    assert depths.min() > 0.05 and depths.max() < 16
    assert (np.median(depths, axis=(1, 2)) >= 0.7).all()
    splits = scipy.io.loadmat(nyuv2 / "splits.mat")
    assert splits["trainNdxs"].tolist() == [[1], [2], [3]] and splits["testNdxs"].tolist() == [[4], [5]]


def test_test_pictures_are_views_of_the_test_flat(nyuv2: Path, sample_settings: dict) -> None:
    (name,) = flat_names(sample_settings)["test"]
    views = random_views(name, 2, sample_settings, purpose="depth", resolution=(48, 64), hfov=HFOV)
    with h5py.File(nyuv2 / "nyu_depth_v2_labeled.mat") as file:
        for index, view in enumerate(views, 3):
            np.testing.assert_array_equal(file["images"][index].transpose(2, 1, 0), view.rgb)
            np.testing.assert_array_equal(file["depths"][index].T, view.depth)


def test_taskonomy_is_laid_out_as_the_real_one(taskonomy: Path, sample_settings: dict) -> None:
    with open(taskonomy / "splits" / "train_val_test.csv") as file:
        rows = list(csv.DictReader(file))
    names = flat_names(sample_settings)
    assert [row["id"] for row in rows] == names["train"] + names["test"]
    assert {(row["train"], row["val"], row["test"]) for row in rows} == {("1", "0", "0"), ("0", "0", "1")}
    pictures = sorted((taskonomy / "rgb").rglob("*.png"))
    assert len(pictures) == 4 and (taskonomy / "rgb" / names["train"][0] / "point_1_view_0_domain_rgb.png") in pictures
    for picture in pictures:
        normal = taskonomy / "normal" / picture.parent.name / picture.name.replace("rgb", "normal")
        for path in (picture, normal):
            assert cv2.imread(str(path)).shape == (256, 256, 3)


def test_normals_are_unit_vectors_towards_the_viewer(taskonomy: Path) -> None:
    for path in (taskonomy / "normal").rglob("*.png"):
        normals = cv2.imread(str(path))[..., ::-1] / 255.0 * 2 - 1
        np.testing.assert_allclose(np.linalg.norm(normals, axis=-1), 1, atol=0.012)
        tangent = np.tan(np.radians(75) / 2)
        x, y = np.meshgrid(np.linspace(-tangent, tangent, 256), np.linspace(tangent, -tangent, 256))
        towards = -np.stack([x, y, -np.ones_like(x)], -1)
        assert np.mean(np.einsum("ijk,ijk->ij", normals, towards) > -0.05) > 0.999
        assert normals[-20:, :, 1].mean() > normals[:20, :, 1].mean(), "floors below look up, ceilings look down"


def test_markers_say_what_it_is_not(nyuv2: Path, taskonomy: Path, sample_settings: dict) -> None:
    for folder, layout in ((nyuv2, "NYUv2"), (taskonomy, "Taskonomy")):
        marker = read_json(folder / MARKER)
        assert f"not {layout}" in marker["what"] and marker["settings"] == sample_settings


def test_same_settings_same_bytes(nyuv2: Path, taskonomy: Path, sample_settings: dict, tmp_path: Path) -> None:
    write_nyuv2(tmp_path / "a", sample_settings)
    write_taskonomy(tmp_path / "b", sample_settings)
    assert contents(tmp_path / "a") == contents(nyuv2) and contents(tmp_path / "b") == contents(taskonomy)
    assert {path.name for path in tmp_path.iterdir()} == {"a", "b"}, "nothing half-written is left"


def test_scripts_write_outputs_and_receipts(
    taskonomy: Path, each_flat_once: Callable[[str], bytes], sample_settings: dict, tmp_path: Path
) -> None:
    (name,) = flat_names(sample_settings)["train"]
    settings = json.dumps(sample_settings)
    glb, folder = tmp_path / f"00001-{name}" / f"{name}.glb", tmp_path / "normals"
    receipts = [tmp_path / f"{name}.json" for name in ("scene", "normals")]
    common = ["--settings", settings, "--receipt"]
    main_of("sample_scene")(["--flat", name, "--out", str(glb), *common, str(receipts[0])])
    main_of("sample_downstream")(["--task", "normals", "--out", str(folder), *common, str(receipts[1])])
    assert glb.read_bytes() == each_flat_once(name)
    assert contents(folder) == contents(taskonomy)
    for path, output in zip(receipts, (glb, folder / "splits" / "train_val_test.csv"), strict=True):
        receipt = read_json(path)
        assert receipt["stage"] == "sample" and str(output) in receipt["outputs"]
