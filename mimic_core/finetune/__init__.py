"""Fine-tuning: dense tasks on a pretrained encoder, frozen or whole, and the constant that any model must beat."""

from mimic_core.finetune.constant import ConstantSettings, constant_baseline
from mimic_core.finetune.run import finetune
from mimic_core.finetune.settings import FinetuneSettings, HeadSettings
from mimic_core.finetune.tasks import TASKS

__all__ = ["TASKS", "ConstantSettings", "FinetuneSettings", "HeadSettings", "constant_baseline", "finetune"]
