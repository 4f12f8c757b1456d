"""Sources by the name of their adapter. Adding one is a file here and a row in ``ADAPTERS``."""

from mimic_core.errors import MimicError
from mimic_core.sources.base import Source, Unit, in_shard
from mimic_core.sources.hm3d import HM3D
from mimic_core.sources.images import Images
from mimic_core.sources.videos import Videos

ADAPTERS: dict[str, type[Source]] = {"hm3d": HM3D, "images": Images, "videos": Videos}


def open_source(adapter: str) -> Source:
    """The adapter of that name.

    Raises:
        MimicError: there is none.
    """
    if adapter not in ADAPTERS:
        raise MimicError(
            f"there is no adapter {adapter!r} yet",
            where="config key sources.<name>.adapter",
            remedy=f"use one of: {', '.join(sorted(ADAPTERS))}; or add mimic_core/sources/{adapter}.py",
        )
    return ADAPTERS[adapter]()


__all__ = ["ADAPTERS", "Source", "Unit", "in_shard", "open_source"]
