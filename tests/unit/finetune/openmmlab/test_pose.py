"""Pose through MMPose: what is read, what is learnt, what is measured, and what is refused."""

import json
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from unit.finetune.tiny import ARCHITECTURE, SIDE, tiny_settings

from mimic_core.evaluation.pose import unpack_matches
from mimic_core.finetune import finetune
from mimic_core.finetune.layouts import CocoKeypoints
from mimic_core.finetune.openmmlab import require_openmmlab
from mimic_core.kit.errors import MimicError
from mimic_core.models import build_encoder

require_openmmlab()
from mmengine.config import Config  # noqa: E402
from mmengine.registry import DefaultScope  # noqa: E402
from mmengine.runner import Runner  # noqa: E402

from mimic_core.finetune.openmmlab import running  # noqa: E402
from mimic_core.finetune.openmmlab.job import OpenMMLabJob  # noqa: E402
from mimic_core.finetune.openmmlab.pose import CocoMatches, MimicCoco, build_config  # noqa: E402
from mimic_core.finetune.tasks.pose import PoseSettings  # noqa: E402

pytestmark = pytest.mark.usefixtures("quick_openmmlab")
make = partial(tiny_settings, "pose")


def dataset(settings: PoseSettings, root: Path, part: str, **options) -> MimicCoco:
    config = build_config(settings, "random", root, 3, **options)
    chosen = {"train": config.train_dataloader, "test": config.test_dataloader}[part].dataset
    with DefaultScope.overwrite_default_scope("mmpose"):
        return MimicCoco(**{key: value for key, value in chosen.items() if key != "type"})


@pytest.mark.parametrize("part", ["train", "test"])
def test_mmpose_sees_whom_the_reader_lists(coco, part):
    seen = dataset(make(), coco, part)
    people = CocoKeypoints(coco, part).annotations
    assert [seen.get_data_info(row)["id"] for row in range(len(seen))] == [person.number for person in people]
    if part == "train":
        few = dataset(make(), coco, part, indices=[1, 4])
        assert [few.get_data_info(row)["id"] for row in range(len(few))] == [people[1].number, people[4].number]


@pytest.mark.parametrize(("shift", "expected"), [(0.0, 100.0), (30.0, 0.0)])
def test_ground_truth_as_prediction_gives_100(coco, shift, expected):
    seen = dataset(make(), coco, "test")
    metric = CocoMatches(ann_file=str(coco / "annotations" / "person_keypoints_val2017.json"))
    metric.dataset_meta = seen.metainfo
    for row in range(len(seen)):
        known = seen.get_data_info(row)
        scores = {"bbox_scores": np.ones(1), "bbox_scales": np.full((1, 2), 66.0), "bboxes": known["bbox"]}
        found = {"keypoints": known["keypoints"] + shift, "keypoint_scores": np.ones((1, 17))}
        sample = {"id": known["id"], "img_id": known["img_id"], "category_id": 1, "raw_ann_info": known["raw_ann_info"]}
        metric.process({}, [{**sample, "pred_instances": {**found, "bboxes": known["bbox"]}, "gt_instances": scores}])
    assert metric.evaluate(len(seen)) == dict.fromkeys(
        ("mimic/ap", "mimic/ap50", "mimic/ap75", "mimic/ar"), pytest.approx(expected)
    )
    assert len(metric.images) == len(metric.numbers) == 4
    assert metric.predictions[10].shape == (17, 2)


def test_a_job_leaves_its_results_and_the_config_runs_without_us(coco, encoder_file, tmp_path):
    settings = make(encoder="ours", seeds=[0, 1], architecture={})
    summary = finetune(settings, encoder_file, tmp_path / "one", data=coco, seed=5)
    for name in (*OpenMMLabJob.outputs, "receipt.json"):
        assert (tmp_path / "one" / name).stat().st_size > 0, name
    assert summary == json.loads((tmp_path / "one" / "metrics.json").read_text())
    assert set(summary["mean"]) == {"ap", "ap50", "ap75", "ar"} == set(summary["bootstrap"])
    assert (summary["train_images"], summary["test_images"], summary["data"]) == (6, 4, "COCO")
    assert sum(image.people for image in unpack_matches(summary["runs"][0]["per_image"])) == 4
    assert [epoch for epoch, _ in summary["curve"]] == [1, 2]
    again = finetune(settings, encoder_file, tmp_path / "two", data=coco, seed=5)
    assert again == summary

    config = Config.fromfile(str(tmp_path / "one" / "config.py"))
    config.work_dir = str(tmp_path / "plain")
    config.default_hooks.checkpoint.interval = -1
    runner = Runner.from_cfg(config)
    runner.train()
    assert runner.test()["mimic/ap"] == pytest.approx(summary["runs"][0]["metrics"]["ap"], abs=1e-4)


@pytest.mark.parametrize("mode", ["frozen", "whole"])
def test_a_frozen_encoder_keeps_its_bytes(coco, encoder_file, mode):
    config = build_config(make(mode=mode, architecture={}), encoder_file, coco, 1)
    trained = running.train(config, 1)
    before = build_encoder(ARCHITECTURE, 7).state_dict()
    after = trained.model.get_submodule("backbone.encoder").state_dict()
    same = [torch.equal(before[name], after[name]) for name in before]
    assert all(same) if mode == "frozen" else not all(same)


def test_heatmaps_are_finer_than_patches_and_both_codecs_train(coco):
    config = build_config(make(codec="msra", flip_test=False), "random", coco, 1)
    assert config.model.head.decoder.heatmap_size == (12, 16)
    assert config.model.test_cfg.shift_heatmap and not config.model.test_cfg.flip_test
    curve = running.train(config, 1).curve
    assert len(curve) == 2 and np.isfinite([loss for _, loss in curve]).all()


def test_sides_are_refused_each_by_itself(coco, tmp_path):
    with pytest.raises(MimicError, match="inputs of 60x48 pixels") as caught:
        finetune(make(image_size=[60, 48]), "random", tmp_path / "out", data=tmp_path / "nowhere")
    assert caught.value.remedy == "choose multiples of 16, such as 64x48"


def test_few_people_are_drawn_anew_for_every_seed(coco, tmp_path):
    summary = finetune(make(train_images=2, seeds=[0, 1], epochs=1), "random", tmp_path, data=coco)
    assert summary["train_images"] == 2
    with pytest.raises(MimicError, match="train_images is 7, and there are only 6"):
        finetune(make(train_images=7), "random", tmp_path, data=coco)


def test_a_detectors_boxes(coco, tmp_path):
    boxes = [
        {"image_id": number, "category_id": 1, "bbox": [15, 15, 66, 66], "score": 0.5 + number / 10}
        for number in range(4)
    ]
    file = tmp_path / "boxes.json"
    file.write_text(json.dumps([*boxes, {**boxes[0], "category_id": 2}]))
    assert len(dataset(make(boxes=str(file)), coco, "test")) == 4
    summary = finetune(make(boxes=str(file), epochs=1), "random", tmp_path / "out", data=coco)
    assert [len(scores) for scores in summary["runs"][0]["per_image"]["scores"]] == [1, 1, 1, 1]
    for content, message in (("[]", "not a detector's boxes"), ("no", "cannot be read")):
        file.write_text(content)
        with pytest.raises(MimicError, match=message):
            finetune(make(boxes=str(file)), "random", tmp_path / "out", data=coco)
    file.write_text(json.dumps([{**boxes[0], "image_id": 77}]))
    with pytest.raises(MimicError, match="not in the annotation file, such as 77"):
        finetune(make(boxes=str(file)), "random", tmp_path / "out", data=coco)


def copied(coco: Path, folder: Path) -> tuple[Path, dict]:
    for part in ("train2017", "val2017"):
        (folder / part).mkdir(parents=True)
        for path in (coco / part).iterdir():
            (folder / part / path.name).write_bytes(path.read_bytes())
    (folder / "annotations").mkdir()
    for path in (coco / "annotations").iterdir():
        (folder / "annotations" / path.name).write_bytes(path.read_bytes())
    file = folder / "annotations" / "person_keypoints_train2017.json"
    return file, json.loads(file.read_text())


DAMAGES = {  # what is done to a person -> what is said
    "joint": "a labelled joint lies outside the image",
    "cut": "this image cannot be read",
    "number": "it has no 'image_id'",
    "broken": "it has 2 keypoint values, not 51",
    "flat": "the box has no area",
}


def damage(root: Path, part: str, row: int, kind: str) -> None:
    """Make a person unusable: that of image ``row``, whose number is 10 + ``row``."""
    file = root / "annotations" / f"person_keypoints_{part}.json"
    document = json.loads(file.read_text())
    person = document["annotations"][row]
    if kind == "joint":
        person["keypoints"][0] = SIDE + 5
    elif kind == "broken":
        person["keypoints"] = [1, 2]
    elif kind == "number":
        del person["image_id"]
    elif kind == "flat":
        person["bbox"] = [15, 15, 0, 66]
    elif kind == "cut":
        image = root / part / f"{row:012d}.jpg"
        image.write_bytes(image.read_bytes()[:-40])
    file.write_text(json.dumps(document))


@pytest.mark.parametrize("kinds", [list(DAMAGES)[:3], list(DAMAGES)[3:]])
def test_bad_people_are_left_out_and_counted(coco, tmp_path, kinds):
    root = tmp_path / "data"
    copied(coco, root)
    for row, kind in enumerate(kinds):
        for part in ("train2017", "val2017"):
            damage(root, part, row, kind)
    summary = finetune(make(epochs=1), "random", tmp_path / "out", data=root)
    for part, folder in (("train", "train2017"), ("test", "val2017")):
        found = {entry["where"].removeprefix(f"{root}/"): entry["what"] for entry in summary["skipped"][part]}
        assert len(found) == len(kinds) == len(summary["skipped"][part])
        for row, kind in enumerate(kinds):
            file = f"{folder}/{row:012d}.jpg" if kind == "cut" else f"annotations/person_keypoints_{folder}.json"
            assert DAMAGES[kind] in found[f"{file}, annotation {10 + row}"]
    kept = unpack_matches(summary["runs"][0]["per_image"])
    assert summary["train_images"] == 6 - len(kinds) and sum(image.people for image in kept) == 4 - len(kinds)
    assert summary["test_images"] == (3 if "cut" in kinds else 4)  # images; the others have nobody who counts
    config = Config.fromfile(str(tmp_path / "out" / "config.py"))
    assert config.test_evaluator[0].skip_images == config.test_dataloader.dataset.skip_images == [1] * ("cut" in kinds)


def test_left_out_people_are_those_of_a_set_that_never_had_them(coco, tmp_path):
    for name in ("cut", "gone"):
        copied(coco, tmp_path / name)
    for part in ("train2017", "val2017"):
        damage(tmp_path / "cut", part, 2, "cut")
        file = tmp_path / "gone" / "annotations" / f"person_keypoints_{part}.json"
        document = json.loads(file.read_text())
        document["annotations"] = [entry for entry in document["annotations"] if entry["image_id"] != 2]
        document["images"] = [entry for entry in document["images"] if entry["id"] != 2]
        file.write_text(json.dumps(document))
    found, expected = (
        finetune(make(epochs=1, train_images=3), "random", tmp_path / f"out_{name}", data=tmp_path / name)
        for name in ("cut", "gone")
    )
    assert [len(samples) for samples in found.pop("skipped").values()] == [1, 1]
    assert expected.pop("skipped") == {"train": [], "test": []} and found == expected


def test_boxes_on_an_image_that_cannot_be_read_are_left_out(coco, tmp_path):
    copied(coco, tmp_path / "data")
    damage(tmp_path / "data", "val2017", 2, "cut")
    file = tmp_path / "boxes.json"
    box = {"category_id": 1, "bbox": [15, 15, 66, 66], "score": 0.9}
    file.write_text(json.dumps([{**box, "image_id": number} for number in range(4)]))
    summary = finetune(make(boxes=str(file), epochs=1), "random", tmp_path / "out", data=tmp_path / "data")
    assert summary["test_images"] == 3 and summary["runs"][0]["per_image"]["image"] == [0, 1, 3]
    assert {found["what"] for found in summary["skipped"]["test"]} == {"this image cannot be read"}


def test_an_empty_annotation_file_is_named(coco, tmp_path):
    file, document = copied(coco, tmp_path / "data")
    file.write_text(json.dumps({**document, "annotations": []}))
    with pytest.raises(MimicError, match="no person in this file has joints"):
        finetune(make(), "random", tmp_path / "out", data=tmp_path / "data")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"image_size": [60, 48]}, "cannot be cut into this encoder's patches of 16"),
        ({"codec": "simcc"}, "codec is 'simcc'"),
        ({"image_size": []}, r"image_size is \[\]"),
        ({"milestones": [3, 2]}, "the milestones are"),
        ({"sigma": 0}, "sigma is 0"),
        ({"train_images": 0}, "train_images is 0"),
    ],
)
def test_settings_that_cannot_be(coco, tmp_path, change, message):
    with pytest.raises(MimicError, match=message):
        finetune(make(**change), "random", tmp_path, data=coco)
