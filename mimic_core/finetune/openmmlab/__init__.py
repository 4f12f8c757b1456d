"""Training with MMSegmentation and MMPose. Importing this package imports neither.

Call :func:`require_openmmlab` before importing any module here that does.
"""

from mimic_core.finetune.openmmlab.installed import require_openmmlab

__all__ = ["require_openmmlab"]
