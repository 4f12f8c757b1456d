"""Mine pairs with patch correspondences from views, without poses, depth or annotation.

Names are imported on first use, so that the settings do not load OpenCV. Import :mod:`folder` directly; it loads the
video readers.
"""

from typing import TYPE_CHECKING

from mimic_core.kit.doors import lazy_door

if TYPE_CHECKING:
    from mimic_core.pairs.correspondences import NO_PATCH
    from mimic_core.pairs.features import Features, detect
    from mimic_core.pairs.hashing import perceptual_hash
    from mimic_core.pairs.homography import usable
    from mimic_core.pairs.matching import match
    from mimic_core.pairs.measurement import (
        DEFAULT,
        FEW_MATCHES,
        KEPT,
        NO_HOMOGRAPHY,
        UNREADABLE,
        VERDICTS,
        Measurement,
        measure,
        overlap_of,
    )
    from mimic_core.pairs.settings import GRID, IMAGE_SIZE, PATCH_SIZE, PATCHES, MiningSettings

MODULES = {  # name -> module; all other names are in measurement
    "NO_PATCH": "correspondences",
    "Features": "features",
    "detect": "features",
    "perceptual_hash": "hashing",
    "usable": "homography",
    "match": "matching",
    **dict.fromkeys(("GRID", "IMAGE_SIZE", "PATCH_SIZE", "PATCHES", "MiningSettings"), "settings"),
}

__all__ = [
    "DEFAULT",
    "FEW_MATCHES",
    "GRID",
    "IMAGE_SIZE",
    "KEPT",
    "NO_HOMOGRAPHY",
    "NO_PATCH",
    "PATCHES",
    "PATCH_SIZE",
    "UNREADABLE",
    "VERDICTS",
    "Features",
    "Measurement",
    "MiningSettings",
    "detect",
    "match",
    "measure",
    "overlap_of",
    "perceptual_hash",
    "usable",
]

__getattr__ = lazy_door(__name__, MODULES, __all__, "measurement")
