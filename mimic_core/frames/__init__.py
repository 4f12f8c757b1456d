"""Views of a source's units: decoded or rendered, upright, 224x224, stored in shards.

Names are imported on first use, so that reading a shard's tables does not load the video readers.
"""

from typing import TYPE_CHECKING

from mimic_core.kit.doors import lazy_door

if TYPE_CHECKING:
    from mimic_core.frames.faces import face_blur
    from mimic_core.frames.readers import reader
    from mimic_core.frames.settings import VideoSettings
    from mimic_core.frames.shard import OK, REMARK, VIEWS, log_row, none_readable, rows_or_fault, view_name
    from mimic_core.frames.video import expected_views, video_seconds
    from mimic_core.frames.views import Reader, Reading, Remark, View, decode_image

MODULES = {  # name -> module; all other names are in shard
    "VideoSettings": "settings",
    "expected_views": "video",
    "face_blur": "faces",
    "reader": "readers",
    "video_seconds": "video",
    **dict.fromkeys(("Reader", "Reading", "Remark", "View", "decode_image"), "views"),
}

__all__ = [
    "OK",
    "REMARK",
    "VIEWS",
    "Reader",
    "Reading",
    "Remark",
    "VideoSettings",
    "View",
    "decode_image",
    "expected_views",
    "face_blur",
    "log_row",
    "none_readable",
    "reader",
    "rows_or_fault",
    "video_seconds",
    "view_name",
]

__getattr__ = lazy_door(__name__, MODULES, __all__, "shard")
