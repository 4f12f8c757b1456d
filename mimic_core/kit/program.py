"""What every command line of the project shares: logging, settings from JSON, and errors a person can read."""

from __future__ import annotations

import contextlib
import errno
import io
import json
import logging
import os
import select
import sys
import traceback
from collections.abc import Callable, Sequence
from concurrent.futures import BrokenExecutor
from pathlib import Path
from typing import Any, NoReturn

from mimic_core.kit.errors import MimicError, printable
from mimic_core.kit.files import FULL, cannot_write, in_its_words

log = logging.getLogger("mimic")

INTERRUPTED, NOBODY_READS = 130, 141  # exit codes as a shell gives them after SIGINT and SIGPIPE
OUT_OF_MEMORY = ("DefaultCPUAllocator", "OutOfMemoryError", "std::bad_alloc", "failed to map segment")  # in messages
REMEDIES: dict[tuple[int, ...], str] = {  # errors of the system -> what can be done
    (errno.EACCES, errno.EPERM): "check who owns it and its permissions (ls -ld), or name another place",
    (errno.EROFS,): "the disk can only be read from: name another place, or have it mounted for writing",
    (errno.EMFILE, errno.ENFILE): "raise the limit of open files (ulimit -n), or use fewer --jobs",
    (errno.ENOMEM,): "close other programs, or raise the limit of memory (ulimit -v)",
    (errno.EAGAIN,): "raise the limit of processes (ulimit -u), or use fewer --jobs",
    (errno.ESTALE, errno.ENOTCONN, errno.ETIMEDOUT, errno.EHOSTDOWN, errno.EREMOTEIO, errno.ESHUTDOWN): "the network "
    "disk was lost: run the same command again once it is back; what is done stays",
    (errno.EIO,): "the disk may be failing (dmesg says more): copy the file elsewhere, or fetch it again",
    (errno.ENAMETOOLONG,): "use a shorter name: a file's may have 255 bytes",
    (errno.ENOTDIR, errno.EEXIST): "a file stands where a folder is needed: move it, or name another place",
    (errno.EISDIR,): "a folder stands where a file is needed: move it, or name another place",
    (errno.ENOENT,): "check the path; where it was there a moment ago, see what else removes files, and run again",
    (errno.ELOOP,): "a link leads back to itself: remove it",
    (errno.EBUSY, errno.ENOTEMPTY, errno.ETXTBSY): "another program uses it: wait for that, and run again",
}


def settings(text: str) -> dict[str, Any]:
    """Argparse type of ``--settings``: a config sub-tree as JSON."""
    value = json.loads(text)
    if not isinstance(value, dict):
        raise ValueError("settings must be a JSON object")
    return value


def become(words: Sequence[str]) -> NoReturn:
    """Let a command take this process's place: signals meant for a job reach it.

    Raises:
        MimicError: it cannot be started.
    """
    try:
        os.execvp(words[0], list(words))  # noqa: S606 - the job's own command line
    except OSError as error:
        raise MimicError(f"cannot start {words[0]!r}: {error.strerror}", remedy="check the command") from error


def run(main: Callable[[Sequence[str] | None], None], argv: Sequence[str] | None = None) -> None:
    """Run ``main`` as a program: log to stderr, and print what ended it in words.

    A :class:`MimicError` is printed without its traceback, and so are faults of the machine and of the streams that it
    was given (:func:`in_words`). Any other exception is a fault of ours: its traceback goes to the log as well.

    Exit codes: 1 on failure, 130 after Ctrl-C, 141 where nobody reads what it prints (``| head``).
    """
    open_streams()
    logging.basicConfig(format="%(asctime)s %(message)s", datefmt="%H:%M:%S", level=logging.INFO, stream=sys.stderr)
    try:
        try:
            main(argv)
        finally:
            print_all()
    except BaseException as error:
        raise SystemExit(ended_by(error)) from None


def print_all() -> None:
    """Print what stdout still holds; its failure is told here, rather than by the end of the program."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        raise cannot_print(error) from error


def cannot_print(error: OSError) -> MimicError:
    """The error of a stdout that takes nothing more."""
    discard(1)
    remedy = "print to another place, and run the same command again"
    return MimicError(f"cannot print ({error.strerror})", where="standard output", remedy=remedy)


def open_streams() -> None:
    """Give a program whose standard streams are closed empty ones: the next file it opens must not take their place.

    Names that no terminal can show are printed as escapes.
    """
    for number, name, flags in ((0, "stdin", os.O_RDONLY), (1, "stdout", os.O_WRONLY), (2, "stderr", os.O_WRONLY)):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, flags)  # takes the lowest free number, which is this one
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(number, "r" if number == 0 else "w", closefd=False, encoding="utf-8"))
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def ended_by(error: BaseException) -> int | str | None:
    """Say what has ended the program; its exit code."""
    if isinstance(error, SystemExit):
        return error.code
    if isinstance(error, BrokenPipeError) and unread():
        return NOBODY_READS
    if isinstance(error, KeyboardInterrupt):
        say("interrupted")
        return INTERRUPTED
    told = error if isinstance(error, MimicError) else in_words(error)
    if told is None:
        show(error)
        remedy = "this is a fault in MIMIC; please report it with the lines above"
        told = MimicError(f"{type(error).__name__}: {error}", remedy=remedy)
    say(f"error: {told}")
    return 1


def say(text: str) -> None:
    """Print a line to stderr, where that can still be written to."""
    with contextlib.suppress(OSError):
        print(text, file=sys.stderr, flush=True)


def show(error: BaseException) -> None:
    """Print the traceback of an error."""
    with contextlib.suppress(OSError):
        traceback.print_exception(error)


def unread() -> bool:
    """Whether nobody reads stdout or stderr any more; what is left to be printed is then thrown away."""
    poll = select.poll()
    for number in (1, 2):
        poll.register(number, 0)
    broken = [number for number, event in poll.poll(0) if event & (select.POLLERR | select.POLLHUP)]
    for number in broken:
        discard(number)
    return bool(broken)


def discard(number: int) -> None:
    """Let what goes to a standard stream from here on go nowhere, so that the end of the program says nothing more."""
    empty = os.open(os.devnull, os.O_WRONLY)
    os.dup2(empty, number)
    os.close(empty)


def in_words(error: BaseException) -> MimicError | None:
    """What is wrong with the machine, or with a path that was given; None of faults of ours."""
    text = str(error)
    if isinstance(error, MemoryError) or any(words in text for words in OUT_OF_MEMORY):
        traceback.clear_frames(error.__traceback__)  # gives back what it held, to have room for the words
        return MimicError(
            "the memory that this process may use is not enough",
            where=" ".join(text.split())[:200],
            remedy="close other programs, raise the limit (ulimit -v, mem_mb of the job), or do less at once: fewer "
            "--jobs, a lower batch_size or cache_mib",
        )
    if isinstance(error, BrokenExecutor):
        remedy = "run it again with fewer --jobs or more memory; dmesg says whether the kernel ran out of it"
        return MimicError("a worker process was ended from outside, perhaps for lack of memory", remedy=remedy)
    if "can't start new thread" in text:
        remedy = "raise the limit of processes (ulimit -u), or use fewer threads and --jobs"
        return MimicError("no more threads or processes may be started here", remedy=remedy)
    told = in_its_words(error)
    if told is not None and told is not error:
        told.filename = " ".join(text.split())[:200]
    return None if told is None else of_the_system(told)


def of_the_system(error: OSError) -> MimicError | None:
    """What the system's error says, with what can be done about it; None where that is not known."""
    if error.errno in FULL and error.filename is None:  # of a file it would be named
        try:
            os.write(1, b"\n")
        except OSError:
            return cannot_print(error)
    if error.errno in FULL:
        return cannot_write(error.filename or Path(), error)
    advice = next((words for numbers, words in REMEDIES.items() if error.errno in numbers), None)
    if advice is None:
        return None
    if error.errno == errno.ENOENT:
        show(error)  # who looked for the file is in no other word
    named = [name for name in (error.filename, error.filename2) if isinstance(name, (str, bytes, os.PathLike))]
    where = " -> ".join(printable(os.fsdecode(name)) for name in named)
    return MimicError(error.strerror or type(error).__name__, where=where, remedy=advice)
