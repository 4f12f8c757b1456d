"""Resume a run from its newest intact checkpoint in all processes, and save new checkpoints periodically."""

from __future__ import annotations

import logging
import time
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from mimic_core.kit.errors import MimicError
from mimic_core.kit.verify import fingerprint
from mimic_core.machine import RunLock
from mimic_core.pretrain.checkpoint import State, load_checkpoint, newest_sound, save_checkpoint, set_aside
from mimic_core.pretrain.distributed import Processes
from mimic_core.pretrain.settings import PretrainSettings

log = logging.getLogger("mimic")

DIVISION = ("effective_batch", "batch_size")  # identity() compares the resulting effective batch instead


class Restorable(Protocol):
    """Interface of what a checkpoint stores: the model, the optimizer, the loss scaler."""

    def state_dict(self) -> dict[str, Any]:
        """Return the state."""

    def load_state_dict(self, state_dict: Any) -> Any:
        """Restore the state."""


def identity(settings: PretrainSettings, seed: int, effective_batch: int, data_hash: str) -> dict[str, Any]:
    """Return what determines a run's result; a checkpoint is resumed only if this is the same."""
    return {
        "settings": {key: value for key, value in settings.to_dict().items() if key not in DIVISION},
        "seed": seed,
        "effective_batch": effective_batch,
        "data": data_hash,
    }


class Checkpoints:
    """The checkpoints of one run.

    Args:
        folder: the checkpoint folder.
        identity: see :func:`identity`.
        iterations: number of iterations of the run.
        kept: objects to save and restore, by name.
        settings: the run's settings.
        world: this process and the others of the run.

    Attributes:
        saved: time of the last save, in seconds of the monotonic clock.
    """

    def __init__(
        self,
        folder: Path,
        identity: Mapping[str, Any],
        iterations: int,
        kept: Mapping[str, Restorable],
        settings: PretrainSettings,
        world: Processes,
    ) -> None:
        self.folder, self.identity, self.iterations, self.kept = folder, identity, iterations, kept
        self.settings, self.world = settings, world
        self.saved = time.monotonic()

    def restore(self, allow_changed: Collection[str], encoders: Mapping[int, Path]) -> State:
        """Restore the newest intact checkpoint, the same in all processes; return a new state if there is none.

        Args:
            allow_changed: dotted keys that may differ from an unfinished run's checkpoint.
            encoders: iteration -> file of the encoder saved there. If a file that should exist by the checkpoint's
                iteration is missing or changed, a finished run starts from scratch.

        Raises:
            MimicError: such an encoder is missing and the run is unfinished.
        """
        path = self.world.agree(self.choose)
        content = load_checkpoint(self.folder, self.identity, allow_changed, path) if path else None
        if content is None:
            return State()
        state: State = content["state"]
        past = [file for iteration, file in encoders.items() if iteration <= state.iteration]
        lost = lost_files(past, state.encoders) if self.world.main else []
        if self.world.any([bool(lost)])[0]:
            if not content["finished"]:
                raise self.cannot_save(lost)
            names = ", ".join(map(str, lost))
            log.warning("starting from scratch: these encoders are missing and no checkpoint has them: %s", names)
            return State()
        for name, part in self.kept.items():
            part.load_state_dict(content[name])
        log.info("resuming from iteration %d of %d in %s", state.iteration, self.iterations, self.folder)
        return state

    def cannot_save(self, lost: Sequence[Path]) -> MimicError:
        """Return the error for an unfinished run that is past the epoch of a missing encoder."""
        names = ", ".join(path.name for path in lost) or "see the first process"
        return MimicError(
            f"the run is past the epochs of these missing encoders: {names}",
            where=self.folder,
            remedy="remove these epochs from pretrain.save_encoders_at, or delete this folder to start from scratch",
        )

    def choose(self) -> Path | None:
        """Return the newest intact checkpoint; set damaged ones after it aside."""
        RunLock(self.folder).refuse_living()
        path, damaged = newest_sound(self.folder)
        set_aside(damaged)
        return path

    def due(self) -> bool:
        """Return whether the next checkpoint is due."""
        return time.monotonic() - self.saved > 60 * self.settings.checkpoint_minutes

    def save(self, state: State, *, needed: bool) -> None:
        """Save a checkpoint.

        If it cannot be written, the previous one stays, and training continues unless this one is ``needed``.
        """
        try:
            if self.world.main:
                self.write(state)
        except OSError as error:
            what = f"the checkpoint of iteration {state.iteration} cannot be written ({error.strerror})"
            if needed:
                remedy = "free some space and run the same command again to resume from the previous checkpoint"
                raise MimicError(what, where=self.folder, remedy=remedy) from error
            log.warning("%s: %s; keeping the previous one and continuing to train", self.folder, what)
        self.world.wait()
        self.saved = time.monotonic()

    def write(self, state: State) -> None:
        """Write the checkpoint file."""
        weights = {name: part.state_dict() for name, part in self.kept.items()}
        finished, kept = state.iteration >= self.iterations, self.settings.keep_checkpoints
        save_checkpoint(self.folder, state, self.identity, weights, finished=finished, kept=kept)


def lost_files(paths: Sequence[Path], fingerprints: Mapping[str, str]) -> list[Path]:
    """Return the files that are missing or differ from their fingerprint, given by file name."""
    return [
        path for path in paths if not path.is_file() or fingerprints.get(path.name, now := fingerprint(path)) != now
    ]
