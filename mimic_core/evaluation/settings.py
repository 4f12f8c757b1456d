"""Settings of the reconstruction of held-out pairs: the config block ``reconstruction``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mimic_core.kit.settings import key, read_settings, settings
from mimic_core.kit.values import FullText, InnerShare, Positive, Text


@settings("reconstruction")
class ReconstructionSettings:
    """What whole models paint of held-out pairs; the defaults are the paper's (table 4)."""

    encoder: FullText = key("name of the model's run or baseline, for the results", job=True)
    dataset: FullText = key("dataset of held-out pairs")
    mask_ratio: InnerShare = key("share of the first view's patches that is hidden", default=0.9)
    inception: Text = key("file of Inception's weights, for the FID; empty: no FID", default="")
    frechet_encoder: Text = key("run whose features give a Frechet distance of their own; empty: none", default="")
    batch_size: Positive = key("pairs at once", default=32, job=True)
    threads: Positive = key("CPU threads", default=1, job=True)

    @classmethod
    def from_dict(cls, block: Mapping[str, Any]) -> ReconstructionSettings:
        """Settings from a block of the config.

        Raises:
            MimicError: a key that is unknown or missing, or a value out of range, named.
        """
        return read_settings(cls, block, "reconstruction")
