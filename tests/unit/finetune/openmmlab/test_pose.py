"""Pose through MMPose: what is read, what is learnt, what is measured, and what is refused."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from mimic_core.evaluation.pose import unpack_matches
from mimic_core.finetune.layouts import CocoKeypoints
from mimic_core.finetune.openmmlab import require_openmmlab
from mimic_core.finetune.openmmlab.pose import OUTPUTS, PoseSettings, build_config, run
from mimic_core.kit.errors import MimicError
from mimic_core.models import build_encoder, save_encoder

require_openmmlab()
from mmengine.config import Config  # noqa: E402
from mmengine.registry import DefaultScope  # noqa: E402
from mmengine.runner import Runner  # noqa: E402

from mimic_core.finetune.openmmlab import running  # noqa: E402
from mimic_core.finetune.openmmlab.pose_parts import CocoMatches, MimicCoco  # noqa: E402

TINY = {"image_size": 32, "patch_size": 16, "width": 24, "depth": 2, "heads": 2}
SIDE = 96


def write_part(root: Path, part: str, count: int) -> None:
    """People whose joints are coloured spots; the first has one without a label, the last image a crowd."""
    rng = np.random.default_rng(count)
    (root / part).mkdir(parents=True)
    (root / "annotations").mkdir(exist_ok=True)
    images, annotations = [], []
    for number in range(count):
        picture = rng.integers(0, 60, (SIDE, SIDE, 3), np.uint8)
        joints = np.concatenate([rng.uniform(20, 76, (17, 2)).round(1), np.full((17, 1), 2.0)], axis=1)
        if number == 0:
            joints[3] = 0
        for joint, (x, y, seen) in enumerate(joints):
            if seen:
                cv2.circle(picture, (round(x), round(y)), 3, (255 - 10 * joint, 50 + 10 * joint, 200), -1)
        cv2.imwrite(str(root / part / f"{number:012d}.jpg"), picture)
        images.append({"id": number, "file_name": f"{number:012d}.jpg", "width": SIDE, "height": SIDE})
        person = {"id": 10 + number, "image_id": number, "category_id": 1, "bbox": [15, 15, 66, 66], "area": 4000.0}
        person |= {"iscrowd": 0, "num_keypoints": int((joints[:, 2] > 0).sum()), "keypoints": joints.ravel().tolist()}
        annotations.append(person)
    annotations.append({**annotations[-1], "id": 99, "iscrowd": 1, "segmentation": {"counts": [], "size": [1, 1]}})
    names = [f"joint{joint}" for joint in range(17)]
    category = {"id": 1, "name": "person", "keypoints": names, "skeleton": []}
    document = {"images": images, "annotations": annotations, "categories": [category]}
    (root / "annotations" / f"person_keypoints_{part}.json").write_text(json.dumps(document))


@pytest.fixture(scope="module")
def coco(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("coco")
    write_part(root, "train2017", 6)
    write_part(root, "val2017", 4)
    return root


@pytest.fixture(scope="module")
def encoder_file(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("encoder") / "encoder.safetensors"
    save_encoder(path, build_encoder(TINY, 7), {})
    return path


def make(**changes) -> PoseSettings:
    block = {"task": "pose", "mode": "whole", "encoder": "random", "image_size": [64, 48], "architecture": TINY}
    block |= {"deconv_channels": 8, "batch_size": 4, "epochs": 2, "warmup_iterations": 1, "milestones": [1]}
    return PoseSettings.from_dict(block | {"precision": "fp32", "drop_path": 0.0} | changes)


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
    summary = run(settings, encoder_file, tmp_path / "one", data=coco, seed=5)
    for name in (*OUTPUTS, "receipt.json"):
        assert (tmp_path / "one" / name).stat().st_size > 0, name
    assert summary == json.loads((tmp_path / "one" / "metrics.json").read_text())
    assert set(summary["mean"]) == {"ap", "ap50", "ap75", "ar"} == set(summary["bootstrap"])
    assert (summary["train_images"], summary["test_images"], summary["data"]) == (6, 4, "COCO")
    assert sum(image.people for image in unpack_matches(summary["runs"][0]["per_image"])) == 4
    assert [epoch for epoch, _ in summary["curve"]] == [1, 2]
    again = run(settings, encoder_file, tmp_path / "two", data=coco, seed=5)
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
    before = build_encoder(TINY, 7).state_dict()
    after = trained.model.get_submodule("backbone.encoder").state_dict()
    same = [torch.equal(before[name], after[name]) for name in before]
    assert all(same) if mode == "frozen" else not all(same)


def test_heatmaps_are_finer_than_patches_and_both_codecs_train(coco):
    config = build_config(make(codec="msra", flip_test=False), "random", coco, 1)
    assert config.model.head.decoder.heatmap_size == (12, 16)
    assert config.model.test_cfg.shift_heatmap and not config.model.test_cfg.flip_test
    curve = running.train(config, 1).curve
    assert len(curve) == 2 and np.isfinite([loss for _, loss in curve]).all()


@pytest.mark.parametrize(("patch", "size"), [(8, 112), (14, 112), (14, 128)])
def test_encoders_of_another_patch_size_work_or_are_refused(coco, tmp_path, patch, size):
    weights = tmp_path / "encoder.safetensors"
    save_encoder(weights, build_encoder({**TINY, "patch_size": patch, "image_size": 2 * patch}, 7), {})
    settings = make(image_size=[size, 84 if size == 112 and patch == 14 else 96], architecture={}, epochs=1)
    if size == 112:
        found = run(settings, weights, tmp_path / "out", data=coco)
        assert all(np.isfinite(value) for value in found["mean"].values()) and np.isfinite(found["curve"][-1][1])
        return
    with pytest.raises(MimicError, match=r"inputs of 128x96 pixels cannot be cut .* patches of 14") as caught:
        run(settings, weights, tmp_path / "out", data=tmp_path / "nowhere")  # before any data is looked for
    assert caught.value.where == f"finetune.image_size, for {weights}"
    assert caught.value.remedy == "choose multiples of 14, such as 126x98"


def test_few_people_are_drawn_anew_for_every_seed(coco, tmp_path):
    summary = run(make(train_images=2, seeds=[0, 1], epochs=1), "random", tmp_path, data=coco)
    assert summary["train_images"] == 2
    with pytest.raises(MimicError, match="7 training images are asked for, and there are 6"):
        run(make(train_images=7), "random", tmp_path, data=coco)


def test_a_detectors_boxes(coco, tmp_path):
    boxes = [
        {"image_id": number, "category_id": 1, "bbox": [15, 15, 66, 66], "score": 0.5 + number / 10}
        for number in range(4)
    ]
    file = tmp_path / "boxes.json"
    file.write_text(json.dumps([*boxes, {**boxes[0], "category_id": 2}]))
    assert len(dataset(make(boxes=str(file)), coco, "test")) == 4
    summary = run(make(boxes=str(file), epochs=1), "random", tmp_path / "out", data=coco)
    assert [len(scores) for scores in summary["runs"][0]["per_image"]["scores"]] == [1, 1, 1, 1]
    for content, message in (("[]", "not a detector's boxes"), ("no", "cannot be read")):
        file.write_text(content)
        with pytest.raises(MimicError, match=message):
            run(make(boxes=str(file)), "random", tmp_path / "out", data=coco)
    file.write_text(json.dumps([{**boxes[0], "image_id": 77}]))
    with pytest.raises(MimicError, match="not in the annotation file, such as 77"):
        run(make(boxes=str(file)), "random", tmp_path / "out", data=coco)


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
    "broken": "2 keypoint numbers, and 51 are needed",
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
    summary = run(make(epochs=1), "random", tmp_path / "out", data=root)
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
        run(make(epochs=1, train_images=3), "random", tmp_path / f"out_{name}", data=tmp_path / name)
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
    summary = run(make(boxes=str(file), epochs=1), "random", tmp_path / "out", data=tmp_path / "data")
    assert summary["test_images"] == 3 and summary["runs"][0]["per_image"]["image"] == [0, 1, 3]
    assert {found["what"] for found in summary["skipped"]["test"]} == {"this image cannot be read"}


def test_an_empty_annotation_file_is_named(coco, tmp_path):
    file, document = copied(coco, tmp_path / "data")
    file.write_text(json.dumps({**document, "annotations": []}))
    with pytest.raises(MimicError, match="nobody here has joints"):
        run(make(), "random", tmp_path / "out", data=tmp_path / "data")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"image_size": [60, 48]}, "cannot be cut into this encoder's patches of 16"),
        ({"codec": "simcc"}, "codec is 'simcc'"),
        ({"image_size": []}, "the size is"),
        ({"milestones": [3, 2]}, "the milestones are"),
        ({"sigma": 0}, "sigma is 0"),
        ({"train_images": 0}, "train_images is 0"),
        ({"task": "depth"}, "the task is 'depth'"),
    ],
)
def test_settings_that_cannot_be(coco, tmp_path, change, message):
    with pytest.raises(MimicError, match=message):
        run(make(**change), "random", tmp_path, data=coco)
