"""From views to retained pairs with patch correspondences: no poses, no depth, no annotation."""

from mimic_core.pairs.features import Features, detect
from mimic_core.pairs.measurement import Measurement, measure
from mimic_core.pairs.settings import MiningSettings

__all__ = ["Features", "Measurement", "MiningSettings", "detect", "measure"]
