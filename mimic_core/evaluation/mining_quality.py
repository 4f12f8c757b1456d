"""Audit of the mining: how accurate its correspondences and verdicts are, for each kind of scene.

Depth and cameras of the sample world are known, so the true position of every pixel in the other view is too. Each
variant of the mining measures the same pairs and sees only the two images.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mimic_core.evaluation.mining_scenes import SCENES, TruePair
from mimic_core.evaluation.truth import covisibility, patches_of, true_patches, true_positions
from mimic_core.kit.progress import Progress
from mimic_core.kit.seeding import generator
from mimic_core.pairs import (
    DEFAULT,
    FEW_MATCHES,
    GRID,
    KEPT,
    NO_HOMOGRAPHY,
    NO_PATCH,
    PATCH_SIZE,
    PATCHES,
    Features,
    Measurement,
    MiningSettings,
    detect,
    match,
    overlap_of,
    usable,
)

ALL = "all"  # scene of a row over all scenes

Points = NDArray[np.float32]
Matcher = Callable[[Any, Any, float], tuple[Points, Points]]  # matched points of both views, (M, 2) each


@dataclass(frozen=True)
class Variant:
    """A variant of the mining: its feature detector, matcher, thresholds and estimator of the homography."""

    name: str
    detect: Callable[[NDArray[np.uint8]], Any]
    match: Matcher
    settings: MiningSettings = DEFAULT
    method: int = cv2.RANSAC


def sift_matches(first: Features, second: Features, ratio: float) -> tuple[Points, Points]:
    """Match SIFT features exhaustively, as the mining does."""
    rows1, rows2 = match(first, second, ratio)
    return first.points[rows1], second.points[rows2]


def flann_matches(first: Features, second: Features, ratio: float) -> tuple[Points, Points]:
    """Match approximately, with four k-d trees and 50 checks."""
    cv2.setRNGSeed(0)  # the trees are random
    matcher = cv2.FlannBasedMatcher({"algorithm": 1, "trees": 4}, {"checks": 50})
    return ratio_matches(matcher, (first.points, first.descriptors), (second.points, second.descriptors), ratio)


def binary_matches(first: Any, second: Any, ratio: float) -> tuple[Points, Points]:
    """Match binary descriptors exhaustively, by Hamming distance."""
    return ratio_matches(cv2.BFMatcher(cv2.NORM_HAMMING), first, second, ratio)


def ratio_matches(matcher: Any, first: Any, second: Any, ratio: float) -> tuple[Points, Points]:
    """Apply the ratio test to the results of an OpenCV matcher; features are (points, descriptors)."""
    none = np.zeros((0, 2), np.float32)
    if len(first[0]) < 2 or len(second[0]) < 2:
        return none, none
    found = [two for two in matcher.knnMatch(first[1], second[1], k=2) if len(two) == 2]
    good = [near for near, far in found if near.distance < ratio * far.distance]
    if not good:
        return none, none
    return first[0][[one.queryIdx for one in good]], second[0][[one.trainIdx for one in good]]


def binary_features(make: Callable[[], Any]) -> Callable[[NDArray[np.uint8]], Any]:
    """Wrap an OpenCV detector as a function from an image to (points, descriptors)."""

    def find(image: NDArray[np.uint8]) -> tuple[Points, Any]:
        keypoints, descriptors = make().detectAndCompute(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), None)
        return np.asarray(cv2.KeyPoint.convert(keypoints), np.float32).reshape(-1, 2), descriptors

    return find


def variants() -> list[Variant]:
    """Return the default and then the variants, each with one change."""

    def sift(name: str, **changes: Any) -> Variant:
        return Variant(name, detect, sift_matches, MiningSettings(**changes))

    made = [
        sift("default"),
        sift("ratio 0.6", ratio=0.6),
        sift("ratio 0.8", ratio=0.8),
        sift("RANSAC 3 px", reprojection_threshold=3.0),
        sift("RANSAC 8 px", reprojection_threshold=8.0),
        Variant("MAGSAC", detect, sift_matches, method=cv2.USAC_MAGSAC),
        Variant("FLANN", detect, flann_matches),
        Variant("ORB", binary_features(lambda: cv2.ORB.create(1000)), binary_matches),
        sift("overlap to 0.70", max_overlap=0.70),
    ]
    akaze = getattr(cv2, "AKAZE", None)  # in OpenCV 5 it is a contrib module
    if akaze is not None:
        made.append(Variant("AKAZE", binary_features(akaze.create), binary_matches))
    return made


def measure_with(variant: Variant, first: Any, second: Any, rng: np.random.Generator) -> Measurement:
    """Measure a pair as :func:`mimic_core.pairs.measure` does, with the parts of a variant."""
    points1, points2 = variant.match(first, second, variant.settings.ratio)
    if len(points1) <= variant.settings.min_matches:
        return Measurement(FEW_MATCHES, len(points1))
    matrix, mask = cv2.findHomography(points1, points2, variant.method, variant.settings.reprojection_threshold)
    if matrix is None or not usable(matrix):
        return Measurement(NO_HOMOGRAPHY, len(points1))
    return overlap_of(matrix, len(points1), int(mask.sum()), rng, variant.settings)


def judge(result: Measurement, there: NDArray[np.float64], back: NDArray[np.float64]) -> dict[str, Any]:
    """Compare a measurement with the truth.

    Args:
        there, back: true positions of view 1's pixels in view 2 and of view 2's in view 1.
    """
    truth = min(covisibility(there), covisibility(back))
    row: dict[str, Any] = {"verdict": result.verdict, "overlap": result.overlap, "covisibility": truth}
    if result.homography is None or result.correspondences is None:
        return row
    row["difference"] = result.overlap - truth
    if result.verdict != KEPT:
        return row
    target = true_patches(there)
    said = np.flatnonzero(result.correspondences != NO_PATCH)
    found, right = result.correspondences[said].astype(int), target[said]
    apart = np.abs(np.stack(np.divmod(found, GRID)) - np.stack(np.divmod(right, GRID))).max(axis=0)
    row["exact"] = float(((right >= 0) & (found == right)).mean())
    row["near"] = float(((right >= 0) & (apart <= 1)).mean())
    row["error"] = float(np.nanmedian(patch_errors(result.homography, there, said)))
    return row


def patch_errors(matrix: NDArray[np.floating], there: NDArray[np.float64], patches: NDArray[np.intp]) -> Any:
    """Return each visible patch's median distance in pixels between the homography and the truth."""
    y, x = np.divmod(np.arange(PATCHES * PATCH_SIZE * PATCH_SIZE), GRID * PATCH_SIZE)
    pixels = np.stack([x, y, np.ones_like(x)]).astype(float)
    mapped = matrix @ pixels
    places = (mapped[:2] / mapped[2]).T.reshape(there.shape)
    distance = np.linalg.norm(places - there, axis=-1, keepdims=True).repeat(2, axis=-1)
    each = patches_of(distance)[patches, :, 0]
    seen = np.isfinite(each).any(axis=1)
    return np.array([np.nanmedian(row) for row in each[seen]]) if seen.any() else np.array([np.nan])


def audit(settings: Mapping[str, Any], count: int, scenes: Sequence[str] = tuple(SCENES)) -> pd.DataFrame:
    """Measure ``count`` pairs of every kind of scene with every variant: one row per pair and variant."""
    chosen = variants()
    rows = []
    with Progress(len(scenes) * count, "pairs") as progress:
        for scene in scenes:
            for number, pair in enumerate(SCENES[scene](settings, count)):
                rows += [
                    {"scene": scene, "pair": number, **row} for row in measure_pair(chosen, pair, settings, number)
                ]
                progress.step(note=scene)
    return pd.DataFrame(rows)


def measure_pair(
    chosen: Iterable[Variant], pair: TruePair, settings: Mapping[str, Any], number: int
) -> Iterable[dict[str, Any]]:
    """Measure one pair with every variant; those of the same detector share features."""
    there = true_positions(pair.first, pair.second, pair.moved)
    back = true_positions(pair.second, pair.first, {instance: -shift for instance, shift in pair.moved.items()})
    features: dict[Any, tuple[Any, Any]] = {}
    for variant in chosen:
        if variant.detect not in features:
            features[variant.detect] = variant.detect(pair.first.image), variant.detect(pair.second.image)
        first, second = features[variant.detect]
        rng = generator(int(settings["seed"]), "audit", "vote", number)
        result = measure_with(variant, first, second, rng)
        points = [one.points if isinstance(one, Features) else one[0] for one in (first, second)]
        yield {
            "variant": variant.name,
            "keypoints": sum(map(len, points)) / 2,
            "lower": variant.settings.min_overlap,
            "upper": variant.settings.max_overlap,
            **judge(result, there, back),
        }


def summary(rows: pd.DataFrame) -> pd.DataFrame:
    """Aggregate the rows: one row per variant and scene, and one per variant over all scenes.

    Columns: ``pairs``; ``keypoints`` per view; counts of the verdicts; ``precision`` and ``precision_near``: share of
    the kept pairs' correspondences that name the true patch, or it or a neighbour; ``error_px``: error of their
    homographies, median over pairs of the median over patches; ``overlap_bias`` and ``overlap_error``: mean and mean
    absolute difference of measured overlap and true covisibility; ``true_kept``, ``false_kept``, ``false_rejected``,
    ``true_rejected``: verdicts against the true covisibility; ``note``: why a variant was not run.
    """
    both = pd.concat([rows, rows.assign(scene=ALL)])
    table = [
        {"variant": variant, "scene": scene, **summarise(part)}
        for (variant, scene), part in both.groupby(["variant", "scene"], sort=False)
    ]
    missing = [{"variant": name, "scene": ALL, "pairs": 0, "note": why} for name, why in not_run().items()]
    return pd.DataFrame([*({**row, "note": ""} for row in table), *missing])


def not_run() -> dict[str, str]:
    """Return the variants that this machine cannot run, and why."""
    return {} if hasattr(cv2, "AKAZE") else {"AKAZE": f"not run: OpenCV {cv2.__version__} has no AKAZE"}


def summarise(rows: pd.DataFrame) -> dict[str, Any]:
    """Aggregate the rows of one variant and scene."""
    kept = rows["verdict"] == KEPT
    in_range = (rows["covisibility"] > rows["lower"]) & (rows["covisibility"] < rows["upper"])
    verdicts = rows["verdict"].value_counts()
    return {
        "pairs": len(rows),
        "keypoints": round(rows["keypoints"].mean(), 1),
        **{
            name: int(verdicts.get(name, 0))
            for name in (KEPT, FEW_MATCHES, NO_HOMOGRAPHY, "low_overlap", "high_overlap")
        },
        "precision": rounded(rows["exact"].mean()),
        "precision_near": rounded(rows["near"].mean()),
        "error_px": rounded(rows["error"].median(), 2),
        "overlap_bias": rounded(rows["difference"].mean()),
        "overlap_error": rounded(rows["difference"].abs().mean()),
        "true_kept": int((kept & in_range).sum()),
        "false_kept": int((kept & ~in_range).sum()),
        "false_rejected": int((~kept & in_range).sum()),
        "true_rejected": int((~kept & ~in_range).sum()),
    }


def rounded(value: float, digits: int = 3) -> float | None:
    """Round a number for the table; None if nothing was measured."""
    return None if np.isnan(value) else round(float(value), digits)
