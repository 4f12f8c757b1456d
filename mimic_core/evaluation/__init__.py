"""Evaluation: metrics of the downstream tasks and the error estimate of a test figure."""

from mimic_core.evaluation.bootstrap import bootstrap
from mimic_core.evaluation.metrics import depth_metrics, normal_metrics

__all__ = ["bootstrap", "depth_metrics", "normal_metrics"]
