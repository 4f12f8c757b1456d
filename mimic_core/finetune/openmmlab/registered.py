"""What the configs of every OpenMMLab task name. Importing this module registers it (``custom_imports``)."""

from importlib import import_module

from mimic_core.finetune.openmmlab.installed import require_openmmlab

require_openmmlab()
for part in ("backbone", "optimizer"):
    import_module(f"mimic_core.finetune.openmmlab.{part}")
