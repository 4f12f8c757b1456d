"""Checkpoints: whole files or none, never a pickle, never a damaged one, and never those of another run.

An unfinished run is protected: under another config it is refused, not silently continued or thrown away. A finished
run has left its encoder; under another config its checkpoints give way to those of the new run.
"""

from __future__ import annotations

import dataclasses
import errno
import logging
import shlex
import zipfile
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch

from mimic_core.foreign import MACHINE, check_regular, reason
from mimic_core.kit.errors import MimicError
from mimic_core.kit.files import atomic_path
from mimic_core.kit.schemas import NOTHING
from mimic_core.kit.settings import keys_of
from mimic_core.pretrain.settings import PretrainSettings

log = logging.getLogger("mimic")

FORMAT = 3
# errors that say nothing about a file's content
NOT_ITS_FAULT = MACHINE | {errno.EACCES, errno.EPERM, errno.ENOENT}
# save_encoders_at leaves files beside the result; whether a checkpoint can still give them is asked of each
HARMLESS = frozenset({*keys_of(PretrainSettings, reruns=NOTHING), "save_encoders_at"})


@dataclasses.dataclass
class State:
    """Where a run stands, as plain values.

    Attributes:
        iteration: iterations done.
        seconds: seconds of training so far, validation and checkpoints excluded.
        first_loss: the loss of the first iteration.
        losses, norms: the losses and the norms of the gradient of the epoch that is under way.
        named: of these losses, what they are the sum of, by name; empty where there is only one.
        epoch_seconds: of ``seconds``, those of the epoch that is under way.
        epoch_waited: of these, the seconds that were spent waiting for images.
        rows: the finished rows of ``metrics.csv``.
        encoders: fingerprints of the encoders of single epochs as they were written, by the files' names.
    """

    iteration: int = 0
    seconds: float = 0.0
    first_loss: float | None = None
    losses: list[float] = dataclasses.field(default_factory=list)
    norms: list[float] = dataclasses.field(default_factory=list)
    named: dict[str, list[float]] = dataclasses.field(default_factory=dict)
    epoch_seconds: float = 0.0
    epoch_waited: float = 0.0
    rows: list[dict[str, Any]] = dataclasses.field(default_factory=list)
    encoders: dict[str, str] = dataclasses.field(default_factory=dict)


def save_checkpoint(
    folder: Path,
    state: State,
    identity: Mapping[str, Any],
    weights: Mapping[str, Mapping[str, Any]],
    *,
    finished: bool,
    kept: int = 2,
) -> Path:
    """Write ``iteration-<n>.pt`` into the folder, atomically, and drop all but the newest ones of this run.

    Args:
        folder: the run's checkpoint folder; made where it is missing.
        state: where the run stands.
        identity: what decides the result (settings, seed, data): a resumed run must have the same.
        weights: the ``state_dict`` of ``model``, ``optimizer`` and ``scaler``.
        finished: whether the run has nothing left to do.
        kept: how many stay: the newest, and those before it should that be lost.
    """
    path = folder / f"iteration-{state.iteration:08d}.pt"
    content = {
        "format": FORMAT,
        "identity": dict(identity),
        "finished": finished,
        "state": dataclasses.asdict(state),
        **{name: dict(values) for name, values in weights.items()},
    }
    with atomic_path(path) as temporary:
        torch.save(content, temporary)
    found = checkpoints(folder)
    own = found[: found.index(path) + 1]  # what is named later was left by the finished run that this one replaces
    for old in {*found} - {*own[-kept:]}:
        old.unlink(missing_ok=True)
    return path


def newest_sound(folder: Path) -> tuple[Path | None, list[Path]]:
    """The newest checkpoint of the folder that is as it was written, and the damaged ones after it.

    A checkpoint carries a CRC-32 of each of its parts (``torch.save`` writes them, ``torch.load`` does not look), so
    that nothing is written beside it that a kill could leave behind or out.

    Raises:
        MimicError: there are checkpoints, and all of them are damaged.
        OSError: the disk or the permissions do not let one be read: whether it is damaged is not known.
    """
    paths = checkpoints(folder)
    damaged: list[Path] = []
    for path in reversed(paths):
        why = damage(path)
        if why is None:
            return path, damaged
        log.warning("the checkpoint %s is damaged (%s)", path, why)
        damaged.append(path)
    if damaged:
        which = "the only checkpoint" if len(damaged) == 1 else f"all {len(damaged)} checkpoints"
        raise MimicError(
            f"{which} of this run cannot be read: changed or cut off after being written",
            where=", ".join(map(str, damaged)),
            remedy="restore one from a backup, or delete them and run the same command again, which starts the run "
            f"anew: rm {shlex.join(map(str, damaged))}",
        )
    return None, []


def damage(path: Path) -> str | None:
    """What is wrong with a checkpoint's file; None where all its parts are as they were written."""
    if not path.exists():
        raise vanished(path)
    check_regular(path, "a checkpoint")
    try:
        with zipfile.ZipFile(path) as archive:
            part = archive.testzip()
        if part is not None:
            return f"{part} is not what its checksum says"
        torch.load(path, map_location="cpu", weights_only=True, mmap=True)  # whether it finds all parts
    except FileNotFoundError as error:
        raise vanished(path) from error
    except UnpicklingError:
        return None  # another version's: its checksums are right
    except Exception as error:  # whatever zipfile makes of bytes that are no archive
        if isinstance(error, MemoryError) or (isinstance(error, OSError) and error.errno in NOT_ITS_FAULT):
            raise
        return reason(error)
    return None


def vanished(path: Path) -> MimicError:
    """The error of a checkpoint that was there a moment ago."""
    remedy = "another process may be at this run: wait for it or end it, and run the same command again"
    return MimicError("the checkpoint was removed while it was read", where=path, remedy=remedy)


def set_aside(paths: Iterable[Path]) -> None:
    """Rename damaged checkpoints to ``.damaged``: they no longer count, and who wants to can look at them."""
    for path in paths:
        aside = path.with_name(path.name + ".damaged")
        path.replace(aside)
        log.warning("it is set aside as %s, which may be deleted; the run goes on from the one before it", aside)


def load_checkpoint(
    folder: Path, identity: Mapping[str, Any], allow_changed: Collection[str] = (), path: Path | None = None
) -> dict[str, Any] | None:
    """The newest checkpoint of the folder, on the CPU: ``state``, ``model``, ``optimizer``, ``scaler``.

    None where there is none, and where it is that of a finished run of another ``identity``.

    Args:
        allow_changed: keys, dotted as the error names them, that may differ.
        path: the one to load, found by :func:`newest_sound`; None: it is looked for.

    Raises:
        MimicError: none can be read, or it belongs to an unfinished run of another ``identity`` (the differing keys
            are named).
    """
    path = path or newest_sound(folder)[0]
    if path is None:
        return None
    try:
        content: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
        assert content["format"] == FORMAT  # noqa: S101 (answered below, with every other fault of the file)
        content["state"] = State(**content["state"])
    except FileNotFoundError as error:
        raise vanished(path) from error
    except (OSError, MemoryError):
        raise
    except Exception as error:
        remedy = "delete this file: the run goes on from the one before it, or from the start"
        raise MimicError(
            f"the checkpoint cannot be read ({type(error).__name__})", where=path, remedy=remedy
        ) from error
    changed = dict(differences(content["identity"], identity))
    for key in set(changed) & set(allow_changed):
        log.warning("going on although %s, as allowed", changed.pop(key))
    differing = list(changed.values())
    if differing and content["finished"]:
        log.info("starting anew: the finished run in %s is another (%s)", folder, "; ".join(differing))
        return None
    if differing:
        raise MimicError(
            f"the checkpoint belongs to another run, which is not finished: {'; '.join(differing)}",
            where=folder,
            remedy="delete this folder to start anew, restore the keys to go on, or list those that may differ in "
            "pretrain.allow_changed",
        )
    return content


def checkpoints(folder: Path) -> list[Path]:
    """The checkpoint files of a folder, oldest first; a folder that may not be looked into is an error, not empty."""
    entries = folder.iterdir() if folder.is_dir() else iter(())
    return sorted(path for path in entries if path.match("iteration-*.pt"))


def differences(before: Mapping[str, Any], now: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Every key whose value differs, nested keys with dots, and how; those in :data:`HARMLESS` may differ."""
    absent = "absent"
    for key in sorted({*before, *now} - HARMLESS):
        old, new = before.get(key, absent), now.get(key, absent)
        if isinstance(old, Mapping) and isinstance(new, Mapping):
            yield from differences(old, new, f"{prefix}{key}.")
        elif old != new:
            yield f"{prefix}{key}", f"{prefix}{key} was {old!r} and is {new!r}"
