"""Keypoint figures from kept matches: COCO's own, for whole test sets and for drawn ones."""

import contextlib
import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from xtcocotools.coco import COCO
from xtcocotools.cocoeval import COCOeval

from mimic_core.evaluation.pose import Matches, pack_matches, pose_metrics, unpack_matches

SIGMAS = np.full(17, 0.05)


def person(number: int, image: int, joints: np.ndarray) -> dict:
    low, high = joints.min(0), joints.max(0)
    box = [*low.tolist(), *(high - low).tolist()]
    values = np.concatenate([joints, np.full((17, 1), 2)], axis=1).ravel().tolist()
    area = float(np.prod(high - low))
    return {
        "id": number,
        "image_id": image,
        "category_id": 1,
        "keypoints": values,
        "num_keypoints": 17,
        "bbox": box,
    } | {
        "area": area,
        "iscrowd": 0,
    }


def evaluated(seed: int, images: list[int]) -> COCOeval:
    """COCO's evaluation of random people and predictions; an image that is named again is a copy of the first."""
    truths, found = [], []
    for place, source in enumerate(images):
        rng = np.random.default_rng((seed, source))
        for _ in range(rng.integers(0, 4)):
            joints = rng.uniform(0, 200, (17, 2))
            truths.append(person(len(truths) + 1, place, joints))
            for _ in range(rng.integers(0, 3)):
                off = rng.normal(0, rng.choice([1.0, 8.0, 20.0]), (17, 2))
                entry = person(len(found) + 1, place, joints + off)
                found.append({**entry, "score": float(np.round(rng.random(), 2))})
    data = {"images": [{"id": place} for place in range(len(images))], "categories": [{"id": 1, "name": "person"}]}
    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO()
        truth.dataset = {**data, "annotations": truths}
        truth.createIndex()
        predicted = COCO()
        predicted.dataset = {**data, "annotations": found}
        predicted.createIndex()
        evaluation = COCOeval(truth, predicted, "keypoints", SIGMAS, use_area=True)
        evaluation.params.imgIds = list(range(len(images)))
        evaluation.evaluate()
        evaluation.accumulate()
    return evaluation


def figures(evaluation: COCOeval) -> list[float]:
    """AP, AP50, AP75 and AR in percent, from COCO's accumulated numbers."""
    precision, recall = evaluation.eval["precision"][:, :, 0, 0, 0], evaluation.eval["recall"][:, 0, 0, 0]
    return [100 * value for value in (precision.mean(), precision[0].mean(), precision[5].mean(), recall.mean())]


def kept(evaluation: COCOeval) -> list[Matches]:
    return [Matches.of(entry) for entry in evaluation.evalImgs[: len(evaluation.params.imgIds)]]


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.data())
def test_figures_are_cocos_for_all_images_and_for_drawn_ones(seed: int, data: st.DataObject) -> None:
    images = kept(evaluated(seed, list(range(6))))
    if not any(image.people for image in images):
        return
    assert list(pose_metrics(images).values()) == pytest.approx(figures(evaluated(seed, list(range(6)))), abs=1e-9)
    drawn = data.draw(st.lists(st.integers(0, 5), min_size=6, max_size=6))
    if any(images[row].people for row in drawn):
        ours = pose_metrics(images, np.array(drawn))
        assert list(ours.values()) == pytest.approx(figures(evaluated(seed, drawn)), abs=1e-9)


def test_nothing_is_lost_in_metrics_json() -> None:
    images = kept(evaluated(3, list(range(8))))
    again = unpack_matches(pack_matches(images))
    for before, after in zip(images, again, strict=True):
        assert before.people == after.people
        for name in ("scores", "matched", "ignored"):
            np.testing.assert_array_equal(getattr(before, name), getattr(after, name))


def test_nobody_and_no_prediction() -> None:
    empty = Matches.of(None)
    assert np.isnan(list(pose_metrics([empty]).values())).all()
    missed = Matches(np.zeros(0), np.zeros((10, 0), bool), np.zeros((10, 0), bool), 2)
    assert pose_metrics([empty, missed]) == {"ap": 0.0, "ap50": 0.0, "ap75": 0.0, "ar": 0.0}
