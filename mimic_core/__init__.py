"""MIMIC: mine multi-view image pairs, pretrain on them, and measure what they are worth."""

import os

__version__ = "0.1.0"

os.environ.setdefault("OPENCV_LOG_LEVEL", "SILENT")  # we report undecodable files ourselves, once and by name
# OpenCV's own limit on image size (``foreign.PIXELS``), for headers that do not give the size; read on importing cv2
os.environ.setdefault("OPENCV_IO_MAX_IMAGE_PIXELS", "210000000")
