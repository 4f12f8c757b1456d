"""Encoders in and out of files.

Our own files are safetensors with the architecture as JSON in their header. Released files of other layouts are read
too (:func:`load_pretrained`), and two are written (:func:`export_timm`, :func:`export_multimae`). Reading a file never
runs code that is in it.
"""

from mimic_core.models.weights.exports import export_multimae, export_timm
from mimic_core.models.weights.load import build_encoder, load_pretrained
from mimic_core.models.weights.ours import HEADER, read_header, save_encoder
from mimic_core.models.weights.parameters import check_parameters

__all__ = [
    "HEADER",
    "build_encoder",
    "check_parameters",
    "export_multimae",
    "export_timm",
    "load_pretrained",
    "read_header",
    "save_encoder",
]
