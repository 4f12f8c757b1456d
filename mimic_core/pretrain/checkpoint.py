"""Save and load checkpoints: written atomically, checked for damage, loaded without running pickled code.

Resuming an unfinished run under another config is an error, so that its progress is neither lost nor mixed. A finished
run has written its encoder, so a run under another config replaces its checkpoints.
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
# Errors that do not mean that the file is damaged
ACCESS_ERRORS = MACHINE | {errno.EACCES, errno.EPERM, errno.ENOENT}
# Keys that may differ on resuming; Checkpoints.restore checks save_encoders_at
MAY_DIFFER = frozenset({*keys_of(PretrainSettings, reruns=NOTHING), "save_encoders_at"})


@dataclasses.dataclass
class State:
    """Progress of a run, as plain values.

    Attributes:
        iteration: iterations done.
        seconds: seconds of training so far, without validation and checkpoints.
        first_loss: loss of the first iteration.
        losses, norms: losses and gradient norms of the current epoch.
        named: components of these losses, by name; empty if there is only one.
        epoch_seconds: seconds of training in the current epoch.
        epoch_waited: seconds of the current epoch spent waiting for images.
        rows: the finished rows of ``metrics.csv``.
        encoders: fingerprints of the encoders saved at certain epochs, by file name.
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
    """Write ``iteration-<n>.pt`` to the folder atomically, and delete all but the newest checkpoints of this run.

    Args:
        folder: the run's checkpoint folder; created if missing.
        state: progress of the run.
        identity: what determines the result (settings, seed, data); a resumed run must have the same.
        weights: the ``state_dict`` of ``model``, ``optimizer`` and ``scaler``.
        finished: whether the run is complete.
        kept: number of newest checkpoints to keep; the older ones are backups.
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
    own = found[: found.index(path) + 1]  # later iterations belong to a finished run that this one replaces
    for old in {*found} - {*own[-kept:]}:
        old.unlink(missing_ok=True)
    return path


def newest_sound(folder: Path) -> tuple[Path | None, list[Path]]:
    """Return the newest intact checkpoint of the folder, or None, and the damaged ones after it.

    Damage is found by the CRC-32 of each part, which ``torch.save`` writes and ``torch.load`` ignores. This needs no
    separate checksum file, which a kill could leave out of step.

    Raises:
        MimicError: there are checkpoints, and all are damaged.
        OSError: a checkpoint cannot be read because of the disk or its permissions, so damage cannot be ruled out.
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
            f"{which} of this run cannot be read: changed or truncated after writing",
            where=", ".join(map(str, damaged)),
            remedy="restore one from a backup; or delete them and run the same command again to start from scratch: "
            f"rm {shlex.join(map(str, damaged))}",
        )
    return None, []


def damage(path: Path) -> str | None:
    """Return what is wrong with a checkpoint file, or None if all its parts match their checksums."""
    if not path.exists():
        raise vanished(path)
    check_regular(path, "a checkpoint")
    try:
        with zipfile.ZipFile(path) as archive:
            part = archive.testzip()
        if part is not None:
            return f"{part} does not match its checksum"
        torch.load(path, map_location="cpu", weights_only=True, mmap=True)  # checks that all parts exist
    except FileNotFoundError as error:
        raise vanished(path) from error
    except UnpicklingError:
        return None  # intact, but written by another version
    except Exception as error:  # zipfile raises many types for bytes that are not an archive
        if isinstance(error, MemoryError) or (isinstance(error, OSError) and error.errno in ACCESS_ERRORS):
            raise
        return reason(error)
    return None


def vanished(path: Path) -> MimicError:
    """Return the error for a checkpoint that disappeared while it was read."""
    remedy = "another process may be working on this run: wait for it or stop it, then run the same command again"
    return MimicError("the checkpoint was removed while it was read", where=path, remedy=remedy)


def set_aside(paths: Iterable[Path]) -> None:
    """Rename damaged checkpoints to ``.damaged``, so that they are ignored but can be inspected."""
    for path in paths:
        aside = path.with_name(path.name + ".damaged")
        path.replace(aside)
        log.warning("set it aside as %s, which may be deleted; resuming from the previous checkpoint", aside)


def load_checkpoint(
    folder: Path, identity: Mapping[str, Any], allow_changed: Collection[str] = (), path: Path | None = None
) -> dict[str, Any] | None:
    """Load the newest checkpoint of the folder to the CPU: ``state``, ``model``, ``optimizer``, ``scaler``.

    Return None if there is none, or if it belongs to a finished run with another ``identity``.

    Args:
        allow_changed: dotted keys, as named in the error, that may differ.
        path: the checkpoint to load, from :func:`newest_sound`; None: find it.

    Raises:
        MimicError: it cannot be read, or belongs to an unfinished run with another ``identity`` (the differing keys
            are named).
    """
    path = path or newest_sound(folder)[0]
    if path is None:
        return None
    try:
        content: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
        assert content["format"] == FORMAT  # noqa: S101 (handled below, like every other error)
        content["state"] = State(**content["state"])
    except FileNotFoundError as error:
        raise vanished(path) from error
    except (OSError, MemoryError):
        raise
    except Exception as error:
        remedy = "delete this file: the run then resumes from the previous checkpoint, or starts from scratch"
        raise MimicError(
            f"the checkpoint cannot be read ({type(error).__name__})", where=path, remedy=remedy
        ) from error
    changed = dict(differences(content["identity"], identity))
    for key in set(changed) & set(allow_changed):
        log.warning("resuming although %s, as allowed", changed.pop(key))
    differing = list(changed.values())
    if differing and content["finished"]:
        log.info("starting from scratch: the finished run in %s is a different one (%s)", folder, "; ".join(differing))
        return None
    if differing:
        raise MimicError(
            f"the checkpoint belongs to a different, unfinished run: {'; '.join(differing)}",
            where=folder,
            remedy="delete this folder to start from scratch, restore the keys to resume, or list those that may "
            "differ in pretrain.allow_changed",
        )
    return content


def checkpoints(folder: Path) -> list[Path]:
    """Return the checkpoint files of a folder, oldest first; raise ``OSError`` if the folder cannot be listed."""
    entries = folder.iterdir() if folder.is_dir() else iter(())
    return sorted(path for path in entries if path.match("iteration-*.pt"))


def differences(before: Mapping[str, Any], now: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Yield each dotted key whose value differs and a description of the change; skip :data:`MAY_DIFFER`."""
    absent = "absent"
    for key in sorted({*before, *now} - MAY_DIFFER):
        old, new = before.get(key, absent), now.get(key, absent)
        if isinstance(old, Mapping) and isinstance(new, Mapping):
            yield from differences(old, new, f"{prefix}{key}.")
        elif old != new:
            yield f"{prefix}{key}", f"{prefix}{key} was {old!r} and is {new!r}"
