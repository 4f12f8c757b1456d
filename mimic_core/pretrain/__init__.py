"""Pretraining: pairs in, an encoder out."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mimic_core.pretrain.run import pretrain
    from mimic_core.pretrain.settings import PretrainSettings

__all__ = ["PretrainSettings", "pretrain"]


def __getattr__(name: str) -> Any:
    # Whoever asks for a run's lock alone needs no torch
    if name == "PretrainSettings":
        from mimic_core.pretrain.settings import PretrainSettings

        return PretrainSettings
    if name == "pretrain":
        from mimic_core.pretrain.run import pretrain

        return pretrain
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
