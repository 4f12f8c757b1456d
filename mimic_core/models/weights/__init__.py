"""Reading and writing of encoder weights.

Our own files are safetensors with the architecture as JSON in their header. :func:`load_pretrained` also reads released
files in other layouts; :func:`export_timm` and :func:`export_multimae` write two of these. Reading a file never runs
code from it.
"""

from mimic_core.models.weights.checkpoint import Checkpoint, open_checkpoint
from mimic_core.models.weights.exports import export_multimae, export_timm
from mimic_core.models.weights.facts import naver_options, timm_facts
from mimic_core.models.weights.layouts import read_layout
from mimic_core.models.weights.load import UNREADABLE, build_encoder, check_file, is_torch, load_pretrained
from mimic_core.models.weights.naver import encoder_name
from mimic_core.models.weights.ours import (
    FORMAT,
    HEADER,
    MODEL_HEADER,
    cpu_weights,
    parse_header,
    read_architecture,
    read_header,
    read_safetensors,
    save_encoder,
)
from mimic_core.models.weights.parameters import check_parameters, check_values, fitting
from mimic_core.models.weights.pickles import COPY_AGAIN, open_torch, read_pickle

__all__ = [
    "COPY_AGAIN",
    "FORMAT",
    "HEADER",
    "MODEL_HEADER",
    "UNREADABLE",
    "Checkpoint",
    "build_encoder",
    "check_file",
    "check_parameters",
    "check_values",
    "cpu_weights",
    "encoder_name",
    "export_multimae",
    "export_timm",
    "fitting",
    "is_torch",
    "load_pretrained",
    "naver_options",
    "open_checkpoint",
    "open_torch",
    "parse_header",
    "read_architecture",
    "read_header",
    "read_layout",
    "read_pickle",
    "read_safetensors",
    "save_encoder",
    "timm_facts",
]
