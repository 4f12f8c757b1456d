"""Tasks that MMSegmentation and MMPose train. Importing this package imports neither.

:func:`require_openmmlab` is called before any module that does is imported.
"""

from mimic_core.finetune.openmmlab.installed import require_openmmlab

__all__ = ["require_openmmlab"]
