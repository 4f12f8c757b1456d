"""Settings of the reconstruction of held-out pairs: the config block ``reconstruction``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mimic_core.kit.settings import key, read_settings, settings
from mimic_core.kit.values import FullText, InnerShare, Positive, Text


@settings("reconstruction")
class ReconstructionSettings:
    """How full models reconstruct held-out pairs; the defaults are the paper's (table 4)."""

    encoder: FullText = key("name of the pretraining run or baseline, as shown in the results", job=True)
    dataset: FullText = key("name of the dataset of held-out pairs")
    mask_ratio: InnerShare = key("share of the first view's patches to hide", default=0.9)
    inception: Text = key("file of the Inception weights for the FID; empty: no FID", default="")
    frechet_encoder: Text = key("run whose encoder's features give a second Frechet distance; empty: none", default="")
    batch_size: Positive = key("pairs per batch", default=32, job=True)
    threads: Positive = key("CPU threads", default=1, job=True)

    @classmethod
    def from_dict(cls, block: Mapping[str, Any]) -> ReconstructionSettings:
        """Read the settings from a block of the config.

        Raises:
            MimicError: a key is unknown or missing, or a value out of range; the message names the key.
        """
        return read_settings(cls, block, "reconstruction")
