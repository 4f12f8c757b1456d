"""Faces as textures of a head's ellipsoid: the middle column is the front and the top row the crown."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from mimic_core.sampledata.build.artwork import canvas, speckle
from mimic_core.sampledata.build.materials import Colour, Paint, shade

HAIRS = ((42, 32, 28), (88, 60, 40), (150, 110, 66), (190, 160, 110), (70, 66, 66), (150, 146, 142), (120, 62, 40))
IRISES = ((70, 48, 34), (70, 100, 130), (80, 104, 72))
EYE = (0.066, 0.452)  # offset from the middle column and from the top, shares of the texture
MOUTH = 0.635  # offset from the top, share of the texture


def face(rng: np.random.Generator, skin: Colour) -> Paint:
    """Return a painter of one face: eyes, brows, mouth, cheeks, perhaps a beard or glasses, and hair."""
    hair = shade(HAIRS[int(rng.integers(len(HAIRS)))], 1, rng, 6)
    iris = shade(IRISES[int(rng.integers(len(IRISES)))], 1, rng, 8)
    lips = np.asarray(skin) * rng.uniform(0.55, 0.75, 3) * np.array([1.15, 0.85, 0.85])
    bearded, glasses, long_hair = rng.random(3) < (0.25, 0.25, 0.5)
    fringe = rng.uniform(0.26, 0.33)

    def paint(rng: np.random.Generator, height: int, width: int) -> np.ndarray:
        def spot(aside: float, down: float) -> tuple[int, int]:
            return int(width * (0.5 + aside)), int(height * down)

        image = canvas(height, width, skin).copy()
        for sign in (-1, 1):
            cheek = (np.asarray(skin) * (1.0, 0.86, 0.84)).tolist()
            cv2.ellipse(image, spot(sign * 0.075, 0.56), (width // 28, height // 16), 0, 0, 360, cheek, -1)
        if bearded:
            cv2.ellipse(image, spot(0, 0.68), (int(width * 0.13), int(height * 0.13)), 0, 0, 360, hair.tolist(), -1)
        image = cv2.GaussianBlur(image, (0, 0), max(1.0, width / 90))
        eyes(image, spot, iris.tolist(), (hair * 0.8).tolist())
        cv2.ellipse(image, spot(0, MOUTH), (int(width * 0.045), max(1, height // 45)), 0, 0, 360, lips.tolist(), -1)
        cv2.line(image, spot(-0.045, MOUTH), spot(0.045, MOUTH), (lips * 0.5).tolist(), 1)
        if glasses:
            for sign in (-1, 1):
                cv2.ellipse(image, spot(sign * EYE[0], EYE[1]), (width // 22, height // 15), 0, 0, 360, (25, 25, 30), 2)
            cv2.line(image, spot(-0.025, EYE[1]), spot(0.025, EYE[1]), (25, 25, 30), 2)
        return with_hair(rng, speckle(rng, image, 3), hair, fringe, long_hair)

    return paint


def eyes(
    image: np.ndarray, spot: Callable[[float, float], tuple[int, int]], iris: list[float], brow: list[float]
) -> None:
    """Draw both eyes and brows into an image."""
    height, width = image.shape[:2]
    for sign in (-1, 1):
        middle = spot(sign * EYE[0], EYE[1])
        cv2.ellipse(image, middle, (max(2, width // 36), max(1, height // 38)), 0, 0, 360, (238, 236, 230), -1)
        cv2.circle(image, middle, max(1, height // 42), iris, -1)
        cv2.circle(image, middle, max(1, height // 90), (12, 12, 12), -1)
        start, end = spot(sign * (EYE[0] - 0.032), EYE[1] - 0.06), spot(sign * (EYE[0] + 0.034), EYE[1] - 0.052)
        cv2.line(image, start, end, brow, max(1, height // 50))


def with_hair(
    rng: np.random.Generator, image: np.ndarray, hair: np.ndarray, fringe: float, long_hair: bool
) -> np.ndarray:
    """Add streaky hair to a face: to the fringe in front, and to the nape, or lower if long, behind."""
    height, width = image.shape[:2]
    aside = np.abs((np.arange(width) + 0.5) / width - 0.5)
    share = np.clip((aside - 0.15) / 0.1, 0, 1)
    border = fringe + share * ((0.8 if long_hair else 0.62) - fringe)
    border = border + rng.normal(0, 0.012, width)
    covered = ((np.arange(height) + 0.5) / height)[:, None] < border[None]
    strands = cv2.GaussianBlur(rng.standard_normal((height, width), dtype=np.float32), (0, 0), 0.7, sigmaY=6)
    strands = hair * (1 + 0.35 * strands / strands.std())[..., None]
    return np.where(covered[..., None], np.clip(strands, 0, 255), image).astype(np.float32)
