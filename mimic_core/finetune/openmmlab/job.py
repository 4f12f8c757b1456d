"""A job that OpenMMLab trains: its configs, one a seed, of which the first is left beside the results."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from mimic_core.finetune.openmmlab.installed import require_openmmlab
from mimic_core.finetune.repetitions import Data, Repetitions, Settings
from mimic_core.kit.files import atomic_path

if TYPE_CHECKING:
    from mmengine.config import Config

    from mimic_core.finetune.openmmlab.running import Trained

OUTPUTS = ("metrics.json", "predictions.png", "config.py")


class OpenMMLabJob(Repetitions[Settings, Data]):
    """All seeds of one encoder and mode; see :class:`mimic_core.finetune.repetitions.Repetitions`.

    Attributes:
        config: the first seed's.
    """

    config: Config | None = None

    def indices(self, repetition: int) -> list[int] | None:
        """Training samples of one repetition, as a config has them; None: all."""
        return None if self.settings.train_images is None else self.rows_of(repetition).tolist()

    def run_config(self, config: Config, repetition: int) -> Trained:
        """Train and test by a config; the first seed's is kept."""
        require_openmmlab()
        from mimic_core.finetune.openmmlab import running

        self.config = self.config or config
        return running.train(config, self.seed_of(repetition), test=True)

    def write_config(self, path: Path) -> None:
        """Write the first seed's config, which also runs without us."""
        if self.config is not None:
            with atomic_path(path) as temporary:
                self.config.dump(temporary)
