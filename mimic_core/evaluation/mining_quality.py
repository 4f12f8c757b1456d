"""The mining audited against the truth: how right its correspondences and its verdicts are, scene by scene.

The sample world knows depth and cameras, so it knows which pixel of one view is which of the other. Each variant of the
mining measures the same pairs; it sees the two images and nothing else.
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

ALL = "all"  # the row of a variant over all scenes

Points = NDArray[np.float32]
Matcher = Callable[[Any, Any, float], tuple[Points, Points]]  # matched points of both views, (M, 2) each


@dataclass(frozen=True)
class Variant:
    """One way to mine: what finds keypoints, what matches them, what fits the homography, and the thresholds."""

    name: str
    find: Callable[[NDArray[np.uint8]], Any]
    matched: Matcher
    settings: MiningSettings = DEFAULT
    method: int = cv2.RANSAC


def sift_matches(first: Features, second: Features, ratio: float) -> tuple[Points, Points]:
    """Exhaustive matches of SIFT features, as the mining has them."""
    rows1, rows2 = match(first, second, ratio)
    return first.points[rows1], second.points[rows2]


def flann_matches(first: Features, second: Features, ratio: float) -> tuple[Points, Points]:
    """Approximate matches: four k-d trees, 50 checks."""
    cv2.setRNGSeed(0)  # the trees are random
    matcher = cv2.FlannBasedMatcher({"algorithm": 1, "trees": 4}, {"checks": 50})
    return ratio_matches(matcher, (first.points, first.descriptors), (second.points, second.descriptors), ratio)


def binary_matches(first: Any, second: Any, ratio: float) -> tuple[Points, Points]:
    """Exhaustive matches of binary descriptors by Hamming distance."""
    return ratio_matches(cv2.BFMatcher(cv2.NORM_HAMMING), first, second, ratio)


def ratio_matches(matcher: Any, first: Any, second: Any, ratio: float) -> tuple[Points, Points]:
    """The ratio test on what an OpenCV matcher finds; features are (points, descriptors)."""
    none = np.zeros((0, 2), np.float32)
    if len(first[0]) < 2 or len(second[0]) < 2:
        return none, none
    found = [two for two in matcher.knnMatch(first[1], second[1], k=2) if len(two) == 2]
    good = [near for near, far in found if near.distance < ratio * far.distance]
    if not good:
        return none, none
    return first[0][[one.queryIdx for one in good]], second[0][[one.trainIdx for one in good]]


def binary_features(make: Callable[[], Any]) -> Callable[[NDArray[np.uint8]], Any]:
    """A finder of (points, descriptors) from an OpenCV detector."""

    def find(image: NDArray[np.uint8]) -> tuple[Points, Any]:
        keypoints, descriptors = make().detectAndCompute(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), None)
        return np.asarray(cv2.KeyPoint.convert(keypoints), np.float32).reshape(-1, 2), descriptors

    return find


def variants() -> list[Variant]:
    """The default first, then each setting compared with it, one change at a time."""

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
    akaze = getattr(cv2, "AKAZE", None)  # OpenCV 5 has moved it to its contributed modules
    if akaze is not None:
        made.append(Variant("AKAZE", binary_features(akaze.create), binary_matches))
    return made


def measure_with(variant: Variant, first: Any, second: Any, rng: np.random.Generator) -> Measurement:
    """Measure a pair as :func:`mimic_core.pairs.measure` does, with a variant's parts."""
    points1, points2 = variant.matched(first, second, variant.settings.ratio)
    if len(points1) <= variant.settings.min_matches:
        return Measurement(FEW_MATCHES, len(points1))
    matrix, mask = cv2.findHomography(points1, points2, variant.method, variant.settings.reprojection_threshold)
    if matrix is None or not usable(matrix):
        return Measurement(NO_HOMOGRAPHY, len(points1))
    return overlap_of(matrix, len(points1), int(mask.sum()), rng, variant.settings)


def judge(result: Measurement, there: NDArray[np.float64], back: NDArray[np.float64]) -> dict[str, Any]:
    """What a measurement says beside the truth.

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
    """Distance in pixels between where the homography and where the truth puts a patch's pixels: a median a patch."""
    y, x = np.divmod(np.arange(PATCHES * PATCH_SIZE * PATCH_SIZE), GRID * PATCH_SIZE)
    pixels = np.stack([x, y, np.ones_like(x)]).astype(float)
    mapped = matrix @ pixels
    places = (mapped[:2] / mapped[2]).T.reshape(there.shape)
    distance = np.linalg.norm(places - there, axis=-1, keepdims=True).repeat(2, axis=-1)
    each = patches_of(distance)[patches, :, 0]
    seen = np.isfinite(each).any(axis=1)
    return np.array([np.nanmedian(row) for row in each[seen]]) if seen.any() else np.array([np.nan])


def audit(settings: Mapping[str, Any], count: int, scenes: Sequence[str] = tuple(SCENES)) -> pd.DataFrame:
    """Measure ``count`` pairs of every kind of scene with every variant: a row a pair and variant."""
    chosen = variants()
    rows = []
    with Progress(len(scenes) * count, "pairs") as progress:
        for scene in scenes:
            for number, pair in enumerate(SCENES[scene](settings, count)):
                rows += [{"scene": scene, "pair": number, **row} for row in rows_of(chosen, pair, settings, number)]
                progress.step(note=scene)
    return pd.DataFrame(rows)


def rows_of(
    chosen: Iterable[Variant], pair: TruePair, settings: Mapping[str, Any], number: int
) -> Iterable[dict[str, Any]]:
    """One pair measured by every variant; features of the same finder are computed once."""
    there = true_positions(pair.first, pair.second, pair.moved)
    back = true_positions(pair.second, pair.first, {instance: -shift for instance, shift in pair.moved.items()})
    features: dict[Any, tuple[Any, Any]] = {}
    for variant in chosen:
        if variant.find not in features:
            features[variant.find] = variant.find(pair.first.image), variant.find(pair.second.image)
        first, second = features[variant.find]
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
    """The table: a row a variant and scene, and one a variant over all scenes.

    Columns: ``pairs``; ``keypoints`` a view; counts of the verdicts; of the kept pairs' correspondences the share that
    names the true patch (``precision``) or one beside it (``precision_near``) and the error of the homography
    (``error_px``: median over pairs of the median over patches); ``overlap_bias`` and ``overlap_error``: mean and mean
    absolute difference of measured overlap and true covisibility; and the verdict against the true covisibility:
    ``true_kept``, ``false_kept``, ``false_rejected``, ``true_rejected``. ``note`` says why a variant was not run.
    """
    both = pd.concat([rows, rows.assign(scene=ALL)])
    table = [
        {"variant": variant, "scene": scene, **summarise(part)}
        for (variant, scene), part in both.groupby(["variant", "scene"], sort=False)
    ]
    missing = [{"variant": name, "scene": ALL, "pairs": 0, "note": why} for name, why in not_run().items()]
    return pd.DataFrame([*({**row, "note": ""} for row in table), *missing])


def not_run() -> dict[str, str]:
    """Variants that this machine cannot run, and why."""
    return {} if hasattr(cv2, "AKAZE") else {"AKAZE": f"not run: OpenCV {cv2.__version__} has no AKAZE"}


def summarise(rows: pd.DataFrame) -> dict[str, Any]:
    """One row of the table."""
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
    """A number for the table; None where nothing was measured."""
    return None if np.isnan(value) else round(float(value), digits)
