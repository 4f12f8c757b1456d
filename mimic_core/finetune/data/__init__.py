"""Labelled images: types of samples, reading and resizing files, and skipping unusable samples.

The images of dense tasks are in :mod:`mimic_core.finetune.data.dense`.
"""

from mimic_core.finetune.data.files import (
    SAMPLE_MARK,
    data_label,
    decode,
    list_folder,
    marked_files,
    read_bytes,
    read_rgb,
    require,
    require_folder,
)
from mimic_core.finetune.data.resizing import (
    resize_bicubic,
    resize_image,
    resize_label,
    resize_whole,
    resize_whole_label,
    stack,
    whole_size,
)
from mimic_core.finetune.data.samples import (
    CHUNK,
    IGNORED,
    ClassImages,
    ClassMaps,
    DenseSplit,
    Poses,
    Samples,
    Skipped,
    Split,
    few_shot_rows,
    load_all,
    without,
)
from mimic_core.finetune.data.usable import open_usable, require_label, run_check

__all__ = [
    "CHUNK",
    "IGNORED",
    "SAMPLE_MARK",
    "ClassImages",
    "ClassMaps",
    "DenseSplit",
    "Poses",
    "Samples",
    "Skipped",
    "Split",
    "data_label",
    "decode",
    "few_shot_rows",
    "list_folder",
    "load_all",
    "marked_files",
    "open_usable",
    "read_bytes",
    "read_rgb",
    "require",
    "require_folder",
    "require_label",
    "resize_bicubic",
    "resize_image",
    "resize_label",
    "resize_whole",
    "resize_whole_label",
    "run_check",
    "stack",
    "whole_size",
    "without",
]
