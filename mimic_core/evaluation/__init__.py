"""Evaluation: downstream metrics, bootstrap errors, reconstruction of held-out pairs, the audit of the mining."""

from typing import TYPE_CHECKING

from mimic_core.kit.doors import lazy_door

if TYPE_CHECKING:
    from mimic_core.evaluation.metrics import (
        DELTA,
        NEAREST,
        PerImage,
        depth_metrics,
        masked_mean,
        normal_metrics,
        pixel_weights,
    )
    from mimic_core.evaluation.pose import Matches, pack_matches, pose_metrics
    from mimic_core.evaluation.reconstruction import reconstruct
    from mimic_core.evaluation.resampling import DRAWS, bootstrap, bootstrap_statistic
    from mimic_core.evaluation.segmentation import (
        IGNORED,
        Counts,
        confusion_counts,
        drawn_counts,
        pack_counts,
        segmentation_metrics,
    )
    from mimic_core.evaluation.settings import ReconstructionSettings

__all__ = [
    "DELTA",
    "DRAWS",
    "IGNORED",
    "NEAREST",
    "Counts",
    "Matches",
    "PerImage",
    "ReconstructionSettings",
    "bootstrap",
    "bootstrap_statistic",
    "confusion_counts",
    "depth_metrics",
    "drawn_counts",
    "masked_mean",
    "normal_metrics",
    "pack_counts",
    "pack_matches",
    "pixel_weights",
    "pose_metrics",
    "reconstruct",
    "segmentation_metrics",
]

MODULES = {  # imported on first use, so that settings can be read without torch and numpy
    **dict.fromkeys(
        ("DELTA", "NEAREST", "PerImage", "depth_metrics", "masked_mean", "normal_metrics", "pixel_weights"), "metrics"
    ),
    **dict.fromkeys(("Matches", "pack_matches", "pose_metrics"), "pose"),
    "reconstruct": "reconstruction",
    **dict.fromkeys(("DRAWS", "bootstrap", "bootstrap_statistic"), "resampling"),
    **dict.fromkeys(
        ("IGNORED", "Counts", "confusion_counts", "drawn_counts", "pack_counts", "segmentation_metrics"), "segmentation"
    ),
    "ReconstructionSettings": "settings",
}

__getattr__ = lazy_door(__name__, MODULES)
