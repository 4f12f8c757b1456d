"""Pretraining: pairs in, an encoder out."""

from mimic_core.pretrain.settings import PretrainSettings
from mimic_core.pretrain.stage import pretrain

__all__ = ["PretrainSettings", "pretrain"]
