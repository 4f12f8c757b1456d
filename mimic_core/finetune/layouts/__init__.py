"""Readers of downstream datasets, one file per layout; each implements :class:`mimic_core.finetune.data.Split`.

They read JSON, CSV, MATLAB, HDF5 and image files, and never execute content.
"""

from mimic_core.finetune.layouts.ade20k import ADE20K
from mimic_core.finetune.layouts.coco import CocoKeypoints
from mimic_core.finetune.layouts.imagenet import ImageNet
from mimic_core.finetune.layouts.nyuv2 import NYUv2
from mimic_core.finetune.layouts.taskonomy import Taskonomy

__all__ = ["ADE20K", "CocoKeypoints", "ImageNet", "NYUv2", "Taskonomy"]
