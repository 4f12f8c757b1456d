"""Going on: a run's newest sound checkpoint is found and loaded in all processes, and one is left now and then."""

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

DIVISION = ("effective_batch", "batch_size")  # how a batch is made up; its size is compared by itself


class Restorable(Protocol):
    """What is kept in a checkpoint: the model, the optimizer, the loss scaler."""

    def state_dict(self) -> dict[str, Any]:
        """Its values."""

    def load_state_dict(self, state_dict: Any) -> Any:
        """Take such values."""


def identity(settings: PretrainSettings, seed: int, effective_batch: int, data_hash: str) -> dict[str, Any]:
    """What decides a run's result: a checkpoint is gone on from only where it has the same."""
    return {
        "settings": {key: value for key, value in settings.to_dict().items() if key not in DIVISION},
        "seed": seed,
        "effective_batch": effective_batch,
        "data": data_hash,
    }


class Checkpoints:
    """The checkpoints of one run.

    Args:
        folder: where they lie.
        identity: see :func:`identity`.
        iterations: of the whole run.
        kept: what is restored and saved, by name.
        settings: the run's settings.
        world: this process among the others.

    Attributes:
        saved: when the newest was left, seconds of the monotonic clock.
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
        """Go on from the newest sound checkpoint, in all processes from the same; a new state where there is none.

        Args:
            allow_changed: dotted keys that may differ from an unfinished run's.
            encoders: iteration -> file of the encoder that is saved there. Where one that the checkpoint is past is
                lost, or was not asked for then, a finished run starts anew.

        Raises:
            MimicError: an unfinished run is past an encoder that is not there.
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
            log.warning("the run starts anew: no checkpoint holds these any more: %s", ", ".join(map(str, lost)))
            return State()
        for name, part in self.kept.items():
            part.load_state_dict(content[name])
        log.info("going on from iteration %d of %d in %s", state.iteration, self.iterations, self.folder)
        return state

    def cannot_save(self, lost: Sequence[Path]) -> MimicError:
        """The error of an unfinished run that is past the epoch of an encoder that is not there."""
        names = ", ".join(path.name for path in lost) or "see the first process"
        return MimicError(
            f"the run is past the epoch of encoders that are not there: {names}",
            where=self.folder,
            remedy="take these epochs out of pretrain.save_encoders_at, or delete this folder to start anew",
        )

    def choose(self) -> Path | None:
        """The newest sound checkpoint; damaged ones after it are named and set aside."""
        RunLock(self.folder).refuse_living()
        path, damaged = newest_sound(self.folder)
        set_aside(damaged)
        return path

    def due(self) -> bool:
        """Whether it is time for the next one."""
        return time.monotonic() - self.saved > 60 * self.settings.checkpoint_minutes

    def save(self, state: State, *, needed: bool) -> None:
        """Leave a checkpoint.

        Where it cannot be written, the one before it stays; unless this one is ``needed``, training goes on.
        """
        try:
            if self.world.main:
                self.write(state)
        except OSError as error:
            what = f"the checkpoint of iteration {state.iteration} cannot be written ({error.strerror})"
            if needed:
                remedy = "free some space and run the same command again: it goes on from the checkpoint before"
                raise MimicError(what, where=self.folder, remedy=remedy) from error
            log.warning("%s: %s; the one before it stays, and training goes on", self.folder, what)
        self.world.wait()
        self.saved = time.monotonic()

    def write(self, state: State) -> None:
        """Write where the run stands."""
        weights = {name: part.state_dict() for name, part in self.kept.items()}
        finished, kept = state.iteration >= self.iterations, self.settings.keep_checkpoints
        save_checkpoint(self.folder, state, self.identity, weights, finished=finished, kept=kept)


def lost_files(paths: Sequence[Path], told: Mapping[str, str]) -> list[Path]:
    """Files that are not there, or not as they were written, by the fingerprints ``told`` of them by name."""
    return [path for path in paths if not path.is_file() or told.get(path.name, now := fingerprint(path)) != now]
