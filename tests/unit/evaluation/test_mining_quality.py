import cv2
import numpy as np
import pandas as pd
import pytest

from mimic_core.evaluation.mining_quality import ALL, audit, judge, measure_with, not_run, summary, variants
from mimic_core.evaluation.mining_scenes import SCENES
from mimic_core.pairs import MiningSettings, detect, measure
from mimic_core.pairs.measurement import overlap_of


def rng():
    return np.random.default_rng(0)


def shifted(columns: float) -> np.ndarray:
    """True positions after a shift to the left by so many pixels."""
    y, x = np.mgrid[:224, :224].astype(float)
    return np.where((x >= columns)[..., None], np.stack([x - columns, y], -1), np.nan)


def back(columns: float) -> np.ndarray:
    y, x = np.mgrid[:224, :224].astype(float)
    return np.where((x < 224 - columns)[..., None], np.stack([x + columns, y], -1), np.nan)


def test_a_right_homography_is_found_right():
    matrix = np.array([[1, 0, -80], [0, 1, 0], [0, 0, 1]], float)
    row = judge(overlap_of(matrix, 50, 50, rng(), MiningSettings()), shifted(80), back(80))
    assert row["verdict"] == "kept"
    assert row["exact"] == row["near"] == 1
    assert row["error"] == pytest.approx(0, abs=1e-9)
    assert row["difference"] == pytest.approx(0, abs=1e-9)


def test_a_wrong_homography_is_found_wrong():
    matrix = np.array([[1, 0, -80], [0, 1, 0], [0, 0, 1]], float)
    row = judge(overlap_of(matrix, 50, 50, rng(), MiningSettings()), shifted(32), back(32))
    assert row["exact"] == row["near"] == 0, "three columns of patches off"
    assert row["error"] == pytest.approx(48)
    assert row["difference"] == pytest.approx(9 / 14 - 12 / 14, abs=1e-6)
    beside = judge(overlap_of(matrix, 50, 50, rng(), MiningSettings()), shifted(64), back(64))
    assert (beside["exact"], beside["near"]) == (0, 1)


def test_the_default_variant_is_the_mining_itself(textured):
    first, second = (detect(np.ascontiguousarray(textured[100:324, left : left + 224])) for left in (200, 280))
    ours = measure(first, second, rng=rng())
    variant = measure_with(variants()[0], first, second, rng())
    assert (variant.verdict, variant.matches, variant.inliers) == (ours.verdict, ours.matches, ours.inliers)
    np.testing.assert_array_equal(variant.correspondences, ours.correspondences)


def test_every_variant_measures_and_copes_with_nothing(textured):
    view = np.ascontiguousarray(textured[100:324, 200:424])
    moved = np.ascontiguousarray(textured[100:324, 270:494])
    bare = np.full((224, 224, 3), 128, np.uint8)
    for variant in variants():
        assert measure_with(variant, variant.detect(view), variant.detect(moved), rng()).overlap > 0.5, variant.name
        assert measure_with(variant, variant.detect(bare), variant.detect(view), rng()).verdict == "few_matches"


@pytest.mark.integration
def test_every_kind_of_scene_is_audited():
    cv2.setNumThreads(1)
    rows = audit({"seed": 0}, 1)
    table = summary(rows)
    assert set(rows["scene"]) == set(SCENES)
    assert (rows.groupby(["scene", "variant"]).size() == 1).all()
    for name, why in not_run().items():
        (row,) = table[table["variant"] == name].to_dict("records")
        assert (row["pairs"], row["note"]) == (0, why)
    table = table[table["pairs"] > 0]
    assert len(table) == (len(SCENES) + 1) * len(variants())
    pooled = table[table["scene"] == ALL]
    assert (pooled["pairs"] == len(SCENES)).all()
    verdicts = ["kept", "few_matches", "no_homography", "low_overlap", "high_overlap"]
    assert (table[verdicts].sum(axis=1) == table["pairs"]).all()
    confusion = ["true_kept", "false_kept", "false_rejected", "true_rejected"]
    assert (table[confusion].sum(axis=1) == table["pairs"]).all()
    assert rows["covisibility"].between(0, 1).all()
    planar = rows[(rows["scene"] == "planar") & (rows["variant"] == "default")].dropna(subset="difference")
    assert planar["difference"].abs().max() < 0.15, "a homography is the truth of a plane"


def test_the_same_seed_gives_the_same_rows():
    one, two = (audit({"seed": 0}, 2, ["planar"]) for _ in range(2))
    pd.testing.assert_frame_equal(one, two)
