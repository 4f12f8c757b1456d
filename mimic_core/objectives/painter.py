"""Interface of objectives whose models reconstruct masked patches."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

from torch import Tensor


class Painter(ABC):
    """Mixin for an objective whose models reconstruct masked patches (:mod:`mimic_core.evaluation.reconstruction`).

    Attributes:
        sees_other: whether the model also sees the other view of the pair.
    """

    sees_other: bool

    @abstractmethod
    def paint(self, model: Any, view: Tensor, other: Tensor, noise: Tensor, mask_ratio: float) -> tuple[Tensor, Tensor]:
        """Mask patches of a view and reconstruct them.

        Args:
            model: a model of the objective, in evaluation mode.
            view, other: (B, 3, S, S), normalised as the model's input, of the model's image size.
            noise: (B, N) uniform draws; the patches with the smallest stay visible.
            mask_ratio: share of the patches to mask.

        Returns:
            The prediction (B, N, P*P*3) of normalised pixels, and the mask (B, N), 1 where masked.
        """
