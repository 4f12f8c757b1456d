"""MIMIC: mine multi-view image pairs, pretrain on them, and measure what they are worth."""

import os

__version__ = "0.1.0"

os.environ.setdefault("OPENCV_LOG_LEVEL", "SILENT")  # what cannot be decoded is said once, by us, with the file's name
# OpenCV's own bound on a picture (``foreign.PIXELS``), for what no header says; it is read once, when cv2 is first
# imported
os.environ.setdefault("OPENCV_IO_MAX_IMAGE_PIXELS", "210000000")
