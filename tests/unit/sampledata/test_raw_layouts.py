"""The raw half of the sample world, read back by the readers of the real datasets and mined by their rules."""

import hashlib
import json
import runpy
import zlib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from mimic_core.frames import reader
from mimic_core.frames.views import View
from mimic_core.kit.errors import MimicError
from mimic_core.kit.files import read_json
from mimic_core.pairs import detect, measure
from mimic_core.pairs.rules import rule_for
from mimic_core.sampledata import house_glb, write_source
from mimic_core.sampledata.film.walkthrough import HFOV, SIZE
from mimic_core.sampledata.names import BLOCK, MARKER, PURPOSES, RAW, part
from mimic_core.simulators import open_simulator
from mimic_core.sources import Unit, open_source

SETTINGS: dict[str, Any] = {
    "flats": {"gibson": 1, "gibson_heldout": 1, "matterport3d": 2, "arkitscenes": 2, "mannequin": 1, "scannet": 2}
    | {"demon": 2},
    "objects": {"objectron": 1, "co3d": 1},
    "streets": {"count": 1, "targets": 2, "photos": 3},
    "video_seconds": {"arkitscenes": 6, "mannequin": 5, "objectron": 5},
    "sequence_frames": {"scannet": 61, "co3d": 21},
    "demon_samples": 3,
    "camera": {},
}
ADAPTERS = {"3dstreetview": "streetview", "gibson_heldout": "gibson"}
FRAMES: dict[str, dict[str, Any]] = {
    "mannequin": {"crop_bottom": 0.2, "min_seconds": 3},
    "objectron": {"max_motion": 0.25},
}
RULES: dict[str, dict[str, Any]] = {
    "arkitscenes": {"neighbours": {"look_further": True}},
    "mannequin": {"neighbours": {"look_further": False}},
    "objectron": {"neighbours": {"look_further": True}},
    "scannet": {"windows": {"length": 60, "edge": 10}},
    "co3d": {"stride": {"distance": 5, "advance": 10}},
    "demon": {"groups": {"keep": "smallest"}},
    "3dstreetview": {"groups": {"keep": "smallest"}},
}
UNITS = {"gibson": 1, "gibson_heldout": 1, "matterport3d": 2, "arkitscenes": 2, "mannequin": 1, "objectron": 1}
UNITS |= {"scannet": 2, "co3d": 1, "demon": 6, "3dstreetview": 2}


def settings_of(source: str, **changes: Any) -> dict[str, Any]:
    """What the rule of a source passes on."""
    return part(SETTINGS | changes, *RAW[source].reads) | {"seed": 3}


@pytest.fixture(scope="module")
def raw(each_flat_once: object, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every source, written once."""
    root = tmp_path_factory.mktemp("raw")
    for source in RAW:
        write_source(source, root / source, settings_of(source))
    return root


def units_of(source: str, root: Path) -> list[Unit]:
    return open_source(ADAPTERS.get(source, source)).units(root / source)


def views_of(source: str, unit: Unit) -> Iterator[View]:
    kind = open_source(ADAPTERS.get(source, source)).kind
    for view in reader(kind, FRAMES.get(source, {}), 0)(unit):
        assert isinstance(view, View), view
        yield view


def hashes(folder: Path) -> dict[str, str]:
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@pytest.mark.parametrize("source", RAW)
def test_the_adapter_of_the_real_dataset_finds_all_units_and_no_fault(source: str, raw: Path) -> None:
    units = units_of(source, raw)
    assert len(units) == UNITS[source] and not [unit.fault for unit in units if unit.fault]
    assert "the pictures are rendered" in read_json(raw / source / MARKER)["what"]


@pytest.mark.parametrize("source", RULES)
def test_views_hold_keypoints_and_give_pairs_in_range(source: str, raw: Path) -> None:
    verdicts: Counter[str] = Counter()
    keypoints: list[int] = []
    for unit in units_of(source, raw):
        views = list(views_of(source, unit))
        features = [detect(view.image) for view in views]
        keypoints += [len(feature.points) for feature in features]
        rule = rule_for(open_source(ADAPTERS.get(source, source)).kind, {"rule": RULES[source]})
        found = rule.candidates(
            [Numbered(number) for number in range(len(views))],
            lambda one, two, features=features: measure(features[one], features[two], rng=np.random.default_rng(0)),
        )
        verdicts.update(candidate.measurement.verdict for candidate in found)
    assert verdicts["kept"] >= 1, verdicts
    assert np.median(keypoints) > 300, "several hundred keypoints in a 224x224 view"


class Numbered:
    """A view as the rules see it."""

    group, role = 0, ""

    def __init__(self, number: int) -> None:
        self.number = number


@pytest.mark.parametrize("source", ["3dstreetview", "arkitscenes", "co3d", "demon", "mannequin", "scannet"])
def test_same_settings_same_bytes(source: str, raw: Path, tmp_path: Path) -> None:
    write_source(source, tmp_path / source, settings_of(source))
    assert hashes(tmp_path / source) == hashes(raw / source)


def test_no_scene_serves_two_purposes(raw: Path) -> None:
    scenes = list(raw.rglob("*.glb"))
    assert len({hashlib.sha256(path.read_bytes()).digest() for path in scenes}) == len(scenes) == 4
    numbers = {int(path.stem[4:]) // BLOCK for path in scenes}
    assert numbers == {PURPOSES.index(name) for name in ("gibson", "gibson_heldout", "matterport3d")}


def test_videos_stored_turned_are_read_upright(raw: Path, tmp_path: Path) -> None:
    rows = (raw / "arkitscenes" / "metadata.csv").read_text().splitlines()
    assert rows[0] == "video_id,visit_id,fold,sky_direction" and [row.split(",")[3] for row in rows[1:]] == [
        "Up",
        "Left",
    ]
    upright, turned = units_of("arkitscenes", raw)
    capture = cv2.VideoCapture(str(turned.path))
    stored = capture.read()[1][..., ::-1]
    assert stored.shape == (SIZE[1], SIZE[0], 3), "lies on its side"
    first = next(views_of("arkitscenes", turned))
    expected = cv2.resize(np.ascontiguousarray(np.rot90(stored, -1)), (224, 224), interpolation=cv2.INTER_AREA)
    assert np.abs(first.image.astype(int) - expected).mean() < 12
    wrong = cv2.resize(np.ascontiguousarray(np.rot90(stored, 1)), (224, 224), interpolation=cv2.INTER_AREA)
    assert np.abs(first.image.astype(int) - wrong).mean() > 25
    assert next(views_of("arkitscenes", upright)).image.shape == (224, 224, 3)


def test_captions_take_the_lowest_fifth_and_people_stand_above(raw: Path) -> None:
    (unit,) = units_of("mannequin", raw)
    capture = cv2.VideoCapture(str(unit.path))
    frames = []
    while (read := capture.read())[0]:
        frames.append(read[1].astype(int))
    height = frames[0].shape[0]
    band = height - height // 5
    assert height == 300 and np.abs(frames[0][band + 2 :] - frames[-1][band + 2 :]).mean() < 3, (
        "the caption stands still"
    )
    assert np.abs(frames[0][:band] - frames[-1][:band]).mean() > 10, "the picture does not"


def test_depth_poses_and_intrinsics_of_a_recording_agree(raw: Path) -> None:
    data = next((raw / "scannet").rglob("*.sens")).read_bytes()
    at = 4 + 8 + len(b"StructureSensor")
    intrinsic = np.frombuffer(data, "<f4", 16, at).reshape(4, 4)
    assert intrinsic[0, 0] == pytest.approx(SIZE[1] / 2 / np.tan(np.radians(HFOV) / 2))
    at += 4 * 64 + 8 + 16 + 4
    assert int.from_bytes(data[at : at + 8], "little") == 61
    at, clouds = at + 8, []
    for _ in range(2):
        pose = np.frombuffer(data, "<f4", 16, at).reshape(4, 4)
        colour, depth = np.frombuffer(data, "<u8", 2, at + 80)
        start = at + 96 + int(colour)
        metres = np.frombuffer(zlib.decompress(data[start : start + int(depth)]), "<u2").reshape(SIZE) / 1000
        rows, columns = np.mgrid[0 : SIZE[0], 0 : SIZE[1]]
        rays = np.stack([(columns - intrinsic[0, 2]), (rows - intrinsic[1, 2])]) / intrinsic[0, 0]
        camera = np.stack([rays[0] * metres, rays[1] * metres, metres, np.ones(SIZE)])[:, metres > 0]
        clouds.append((pose @ camera)[:3])
        at = start + int(depth)
    floors = [np.percentile(cloud[1], 0.5) for cloud in clouds]
    assert abs(floors[0] - floors[1]) < 0.02 and abs(floors[0]) < 0.1, "the floor is down, at height 0"
    assert clouds[0][1].max() < 3.1


def test_houses_have_two_storeys_that_a_stair_joins(raw: Path) -> None:
    first, *_ = sorted((raw / "matterport3d").rglob("*.glb"))
    for house in (first, house_glb("flat0", {"seed": 5})):
        with open_simulator(house, backend="embreex", resolution=8) as simulator:
            layers = simulator.grid.layers
            assert layers is not None
            island = layers.islands == np.bincount(layers.islands).argmax()
            heights = layers.cells[island, 1] * simulator.grid.walker.cell
            assert (heights < 0.2).sum() > 4000 and (heights > 2.4).sum() > 4000, "cells of 5 cm on either storey"


def test_a_camera_adds_what_is_asked_and_nothing_else(raw: Path, tmp_path: Path) -> None:
    noisy = settings_of("co3d", camera={"noise": 12.0, "vignette": 0.5, "exposure": 0.3, "white_balance": 0.1})
    write_source("co3d", tmp_path / "noisy", noisy)
    before, after = (
        [cv2.imread(str(path)).astype(float) for path in sorted(root.rglob("*.jpg"))]
        for root in (raw / "co3d", tmp_path / "noisy")
    )
    assert before[0].shape == after[0].shape
    corner = (slice(0, 24), slice(0, 24))
    middle = (slice(108, 132), slice(148, 172))
    darker = [
        (b[corner].mean() / a[corner].mean()) / (b[middle].mean() / a[middle].mean())
        for a, b in zip(before, after, strict=True)
    ]
    assert np.median(darker) < 0.75
    gains = [b[middle].mean() / a[middle].mean() for a, b in zip(before, after, strict=True)]
    assert np.std(gains) > 0.005, "the exposure drifts"


@pytest.mark.parametrize("camera", [{"nose": 3}, {"noise": 3, "blur": 1}])
def test_unknown_settings_of_the_camera_are_refused(camera: dict, tmp_path: Path) -> None:
    with pytest.raises(MimicError, match="unknown key") as caught:
        write_source("objectron", tmp_path / "out", settings_of("objectron", camera=camera))
    assert str(caught.value.where).startswith("sample.camera.") and not list(tmp_path.iterdir())


def test_an_unknown_source_is_named_with_those_there_are(tmp_path: Path) -> None:
    with pytest.raises(MimicError, match="no source 'kitti'") as caught:
        write_source("kitti", tmp_path / "out", {"seed": 0})
    assert "scannet" in caught.value.remedy and not list(tmp_path.iterdir())


def test_the_script_writes_a_source_and_its_receipt(raw: Path, tmp_path: Path) -> None:
    main = runpy.run_path(str(Path(__file__).parents[3] / "workflow_scripts" / "sample_source.py"))["main"]
    out, receipt = tmp_path / "gibson", tmp_path / "source-gibson.json"
    settings = json.dumps(settings_of("gibson"))
    main(["--source", "gibson", "--out", str(out), "--settings", settings, "--receipt", str(receipt)])
    assert hashes(out) == hashes(raw / "gibson")
    assert str(out / MARKER) in read_json(receipt)["outputs"]
