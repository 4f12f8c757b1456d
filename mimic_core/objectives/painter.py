"""What an objective is, too, whose models paint hidden patches: the reconstruction of held-out pairs asks for it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

from torch import Tensor


class Painter(ABC):
    """What an objective is, too, whose models paint hidden patches (:mod:`mimic_core.evaluation.reconstruction`).

    Attributes:
        sees_other: whether the other view of the pair helps.
    """

    sees_other: bool

    @abstractmethod
    def paint(self, model: Any, view: Tensor, other: Tensor, noise: Tensor, mask_ratio: float) -> tuple[Tensor, Tensor]:
        """Hide patches of a view and paint them.

        Args:
            model: one of the objective's, in evaluation mode.
            view, other: (B, 3, S, S), normalised as the model's input, of its own size.
            noise: (B, N) uniform draws; the patches of the smallest are seen.
            mask_ratio: share that is hidden.

        Returns:
            (B, N, P*P*3) on normalised pixels, and (B, N) with 1 where hidden.
        """
