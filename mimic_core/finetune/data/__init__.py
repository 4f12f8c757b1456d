"""Labelled images: what readers give, how files are read and resized, and which samples can be used.

The images of dense tasks are in :mod:`mimic_core.finetune.data.dense`.
"""

from mimic_core.finetune.data.files import (
    SAMPLE_MARK,
    data_label,
    decode,
    listed,
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
    stacked,
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
from mimic_core.finetune.data.usable import open_usable, problem, require_label

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
    "listed",
    "load_all",
    "marked_files",
    "open_usable",
    "problem",
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
    "stacked",
    "whole_size",
    "without",
]
