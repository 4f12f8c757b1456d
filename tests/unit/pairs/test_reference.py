"""The mining against the released implementation on three real videos."""

import csv

import av
import cv2
import numpy as np
import pytest
from support import GOLDEN

from mimic_core.frames.views import to_view_size
from mimic_core.pairs import Features, detect, measure
from mimic_core.pairs.measurement import KEPT
from mimic_core.seeding import generator

CORNERS = np.array([[0, 0, 1], [223, 0, 1], [0, 223, 1], [223, 223, 1], [112, 112, 1]], float).T


@pytest.fixture(scope="module")
def measured(real_videos):
    """Each row of the reference with our measurement of the same frames."""
    cv2.setNumThreads(1)
    with (GOLDEN / "mining_reference.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    features: dict[tuple[str, int], Features] = {}
    for clip in {row["clip"] for row in rows}:
        wanted = {int(row[name]) for row in rows if row["clip"] == clip for name in ("frame_a", "frame_b")}
        with av.open(str(real_videos / clip)) as container:
            for number, frame in enumerate(container.decode(video=0)):
                if number in wanted:
                    features[clip, number] = detect(to_view_size(frame.to_ndarray(format="rgb24")))
    return [
        (
            row,
            measure(
                features[row["clip"], int(row["frame_a"])],
                features[row["clip"], int(row["frame_b"])],
                rng=generator(0, row["clip"], row["frame_a"], row["frame_b"]),
            ),
        )
        for row in rows
    ]


def test_verdicts_agree(measured):
    decided = [(row["kept"] == "1", ours.verdict == KEPT) for row, ours in measured if row["kept"] in ("0", "1")]
    assert len(decided) > 40
    agreement = np.mean([reference == ours for reference, ours in decided])
    assert agreement >= 0.98, f"{agreement:.1%} of {len(decided)} verdicts agree"


def test_overlaps_lie_in_the_reference_range(measured):
    inside = [
        float(row["overlap_min"]) - 0.02 <= ours.overlap <= float(row["overlap_max"]) + 0.02
        for row, ours in measured
        if row["H"]
    ]
    assert np.mean(inside) >= 0.95


def test_homographies_agree(measured):
    compared = 0
    for row, ours in measured:
        if row["H"] and int(row["inliers"]) > 30:
            reference = np.array(row["H"].split(), float).reshape(3, 3) @ CORNERS
            mine = ours.homography @ CORNERS
            np.testing.assert_allclose(mine[:2] / mine[2], reference[:2] / reference[2], atol=2.0)
            compared += 1
    assert compared > 20
