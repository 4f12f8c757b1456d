"""Files of COCO by others through MMPose: it counts whom our reader counts, and reads boxes as JSON alone."""

import json

import numpy as np
import pytest
from unit.finetune.openmmlab.test_pose import copied, dataset, make
from unit.finetune.tiny import write_coco

from mimic_core.finetune.layouts import CocoKeypoints
from mimic_core.finetune.openmmlab.pose import CocoMatches
from mimic_core.finetune.tasks.pose import check_boxes

DOG = {"id": 1, "name": "dog", "keypoints": ["paw"] * 17}


@pytest.fixture
def hostile(tmp_path):
    """People are of category 5; dogs of 17 joints, a nest, an area that lacks and one not finite; one bad image."""
    write_coco(tmp_path / "good", "train2017", 2)
    write_coco(tmp_path / "good", "val2017", 4)
    copied(tmp_path / "good", tmp_path / "data")
    path = tmp_path / "data" / "annotations" / "person_keypoints_val2017.json"
    document = json.loads(path.read_text())
    document["categories"] = [DOG, {**document["categories"][0], "id": 5}, {"name": "car"}, None]
    people = document["annotations"]
    for entry in people:
        entry["category_id"] = 5
    dogs = [{**entry, "id": 500 + entry["id"], "category_id": 1} for entry in people[:3]]
    del people[0]["area"]
    people[1] |= {"area": float("inf"), "attributes": "NEST"}
    people[2] |= {"id": 12.0, "image_id": 2.0}
    document["annotations"] = [*dogs, *people, {**people[1], "id": "text"}, None]
    document["images"] += [{**document["images"][0]}, {"id": 8}, "x"]
    path.write_text(json.dumps(document).replace('"NEST"', "[" * 900 + "]" * 900))
    return tmp_path / "data"


def test_mmpose_counts_whom_the_reader_counts(hostile):
    people = CocoKeypoints(hostile, "test")
    assert [person.number for person in people.annotations] == [10, 11, 12, 13]
    seen = dataset(make(), hostile, "test")
    assert [seen.get_data_info(row)["id"] for row in range(len(seen))] == [10, 11, 12, 13]
    metric = CocoMatches(ann_file=str(people.path))
    metric.dataset_meta = seen.metainfo
    for row in range(len(seen)):
        known = seen.get_data_info(row)
        scores = {"bbox_scores": np.ones(1), "bbox_scales": np.full((1, 2), 66.0), "bboxes": known["bbox"]}
        found = {"keypoints": known["keypoints"], "keypoint_scores": np.ones((1, 17)), "bboxes": known["bbox"]}
        sample = {key: known[key] for key in ("id", "img_id", "raw_ann_info")}
        sample["category_id"] = int(known["category_id"])
        metric.process({}, [{**sample, "pred_instances": found, "gt_instances": scores}])
    assert metric.evaluate(len(seen))["mimic/ap"] == pytest.approx(100)
    assert len(metric.images) == 4


@pytest.mark.parametrize("name", ["boxes.json", "boxes.pkl", "boxes.yaml", "boxes"])
def test_boxes_are_json_whatever_their_name(hostile, tmp_path, name):
    box = {"image_id": 1, "category_id": 5, "bbox": [15, 15, 66, 66], "score": 0.5}
    bad = [{**box, "bbox": [1e308] * 4}, {**box, "image_id": 8}, {**box, "image_id": [1]}, {**box, "score": None}, None]
    (tmp_path / name).write_text(json.dumps([{**box, "category_id": 1}, *bad, box, {**box, "image_id": 3}]))
    split = CocoKeypoints(hostile, "test")
    assert len(check_boxes(str(tmp_path / name), split)) == 5
    seen = dataset(make(boxes=str(tmp_path / name)), hostile, "test")
    assert [seen.get_data_info(row)["img_id"] for row in range(len(seen))] == [1, 3]
