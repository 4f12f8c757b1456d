"""Importing this module registers the classes that all OpenMMLab configs name (``custom_imports``)."""

from importlib import import_module

from mimic_core.finetune.openmmlab.installed import require_openmmlab

require_openmmlab()
for part in ("backbone", "optimizer"):
    import_module(f"mimic_core.finetune.openmmlab.{part}")
