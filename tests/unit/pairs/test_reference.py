"""The mining against the released implementation: on 89 views of the sample world, and on three real videos.

The pictures of the sample world are the project's own, so that this runs everywhere. ``reference.csv`` has what the
released functions say of 322 pairs of these very JPEGs (OpenCV 5.0.0): matches and inliers (-1: too few), the smallest
and the largest overlap over three random draws, the verdict (-1: the draws disagree) and the homography.
"""

import csv
from collections.abc import Iterable, Mapping
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from support import GOLDEN

from mimic_core.frames.views import to_view_size
from mimic_core.kit.seeding import generator
from mimic_core.pairs import Features, detect, measure
from mimic_core.pairs.measurement import KEPT, Measurement

CORNERS = np.array([[0, 0, 1], [223, 0, 1], [0, 223, 1], [223, 223, 1], [112, 112, 1]], float).T
SAMPLE = GOLDEN / "sample_reference"

Row = dict[str, str]
Measured = list[tuple[Row, Measurement]]


def read(path: Path) -> list[Row]:
    with path.open() as stream:
        return list(csv.DictReader(stream))


def of_pairs(rows: Iterable[Row], names: tuple[str, str], features: Mapping[tuple[str, ...], Features]) -> Measured:
    """Each row of a reference with our measurement of the same views."""
    found = []
    for row in rows:
        first, second = ((row.get("clip", ""), row[name]) for name in names)
        found.append((row, measure(features[first], features[second], rng=generator(0, *first, second[1]))))
    return found


@pytest.fixture(scope="module")
def of_the_sample_world() -> Measured:
    cv2.setNumThreads(1)
    rows = read(SAMPLE / "reference.csv")
    images = {row[name] for row in rows for name in ("image1", "image2")}
    features = {("", name): detect(cv2.imread(str(SAMPLE / name), cv2.IMREAD_COLOR_RGB)) for name in images}
    return of_pairs(rows, ("image1", "image2"), features)


@pytest.fixture(scope="module")
def of_real_videos(real_videos: Path) -> Measured:
    cv2.setNumThreads(1)
    rows = read(GOLDEN / "mining_reference.csv")
    features: dict[tuple[str, ...], Features] = {}
    for clip in {row["clip"] for row in rows}:
        wanted = {int(row[name]) for row in rows if row["clip"] == clip for name in ("frame_a", "frame_b")}
        with av.open(str(real_videos / clip)) as container:
            for number, frame in enumerate(container.decode(video=0)):
                if number in wanted:
                    features[clip, str(number)] = detect(to_view_size(frame.to_ndarray(format="rgb24")))
    return of_pairs(rows, ("frame_a", "frame_b"), features)


@pytest.fixture(params=["of_the_sample_world", "of_real_videos"])
def measured(request: pytest.FixtureRequest) -> Measured:
    return request.getfixturevalue(request.param)


def test_verdicts_agree(measured):
    decided = [(row["kept"] == "1", ours.verdict == KEPT) for row, ours in measured if row["kept"] in ("0", "1")]
    assert len(decided) > 40
    agreement = np.mean([reference == ours for reference, ours in decided])
    assert agreement >= 0.98, f"{agreement:.1%} of {len(decided)} verdicts agree"


def test_overlaps_lie_in_the_reference_range(measured):
    inside = []
    for row, ours in measured:
        least, most = (float(row[name] or "nan") for name in ("overlap_min", "overlap_max"))
        if row["H"] and least < most:  # one draw was taken far below the bounds, where nothing depends on it
            inside.append(least - 0.02 <= ours.overlap <= most + 0.02)
    assert len(inside) > 20
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
