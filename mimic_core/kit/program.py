"""The entry point that all command lines share: logging, settings from JSON, and readable errors."""

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
from mimic_core.kit.files import FULL, as_os_error, cannot_write

log = logging.getLogger("mimic")

INTERRUPTED, BROKEN_PIPE = 130, 141  # exit codes of a shell after SIGINT and SIGPIPE
OUT_OF_MEMORY = ("DefaultCPUAllocator", "OutOfMemoryError", "std::bad_alloc", "failed to map segment")  # in messages
REMEDIES: dict[tuple[int, ...], str] = {  # system errors -> remedy
    (errno.EACCES, errno.EPERM): "check who owns it and its permissions (ls -ld), or name another place",
    (errno.EROFS,): "the disk is read-only: name another place, or mount it for writing",
    (errno.EMFILE, errno.ENFILE): "raise the limit of open files (ulimit -n), or use fewer --jobs",
    (errno.ENOMEM,): "close other programs, or raise the memory limit (ulimit -v)",
    (errno.EAGAIN,): "raise the limit of processes (ulimit -u), or use fewer --jobs",
    (errno.ESTALE, errno.ENOTCONN, errno.ETIMEDOUT, errno.EHOSTDOWN, errno.EREMOTEIO, errno.ESHUTDOWN): "the network "
    "disk was lost: run the same command again once it is back; finished work is kept",
    (errno.EIO,): "the disk may be failing (see dmesg): copy the file elsewhere, or download it again",
    (errno.ENAMETOOLONG,): "use a shorter name: a file name may have 255 bytes",
    (errno.ENOTDIR, errno.EEXIST): "a file is where a folder is needed: move it, or name another place",
    (errno.EISDIR,): "a folder is where a file is needed: move it, or name another place",
    (errno.ENOENT,): "check the path; if it existed a moment ago, find out what removed it, and run again",
    (errno.ELOOP,): "a link points back to itself: remove it",
    (errno.EBUSY, errno.ENOTEMPTY, errno.ETXTBSY): "another program is using it: wait for that, and run again",
}


def settings(text: str) -> dict[str, Any]:
    """Argparse type of ``--settings``: parse a config sub-tree from JSON."""
    value = json.loads(text)
    if not isinstance(value, dict):
        raise ValueError("settings must be a JSON object")
    return value


def exec_command(words: Sequence[str]) -> NoReturn:
    """Replace this process with a command, so that signals sent to the job reach it.

    Raises:
        MimicError: the command cannot be started.
    """
    try:
        os.execvp(words[0], list(words))  # noqa: S606 - the job's own command line
    except OSError as error:
        raise MimicError(f"cannot start {words[0]!r}: {error.strerror}", remedy="check the command") from error


def run(main: Callable[[Sequence[str] | None], None], argv: Sequence[str] | None = None) -> None:
    """Run ``main`` as a program: log to stderr, print errors in readable form, and exit.

    A :class:`MimicError` is printed without its traceback, and so are system errors (:func:`explained`). Any other
    exception is a bug of ours and is printed with its traceback.

    Exit codes: 1 on failure, 130 after Ctrl-C, 141 if the reader of its output is gone (``| head``).
    """
    open_streams()
    logging.basicConfig(format="%(asctime)s %(message)s", datefmt="%H:%M:%S", level=logging.INFO, stream=sys.stderr)
    try:
        try:
            main(argv)
        finally:
            print_all()
    except BaseException as error:
        raise SystemExit(exit_code(error)) from None


def print_all() -> None:
    """Flush stdout, so that a failure is reported like any other error rather than at interpreter shutdown."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        raise cannot_print(error) from error


def cannot_print(error: OSError) -> MimicError:
    """Return the error for a stdout that cannot be written to, and discard further output."""
    discard(1)
    remedy = "redirect the output elsewhere, and run the same command again"
    return MimicError(f"cannot print ({error.strerror})", where="standard output", remedy=remedy)


def open_streams() -> None:
    """Open closed standard streams on the null device, so that no file opened later takes their descriptors.

    Characters that a terminal cannot show are printed as escapes.
    """
    for number, name, flags in ((0, "stdin", os.O_RDONLY), (1, "stdout", os.O_WRONLY), (2, "stderr", os.O_WRONLY)):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, flags)  # gets the lowest free descriptor, which is this one
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(number, "r" if number == 0 else "w", closefd=False, encoding="utf-8"))
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def exit_code(error: BaseException) -> int | str | None:
    """Print the error that ended the program, and return its exit code."""
    if isinstance(error, SystemExit):
        return error.code
    if isinstance(error, BrokenPipeError) and reader_gone():
        return BROKEN_PIPE
    if isinstance(error, KeyboardInterrupt):
        say("interrupted")
        return INTERRUPTED
    readable = error if isinstance(error, MimicError) else explained(error)
    if readable is None:
        print_traceback(error)
        remedy = "this is a bug in MIMIC; please report it with the lines above"
        readable = MimicError(f"{type(error).__name__}: {error}", remedy=remedy)
    say(f"error: {readable}")
    return 1


def say(text: str) -> None:
    """Print a line to stderr, if that can still be written to."""
    with contextlib.suppress(OSError):
        print(text, file=sys.stderr, flush=True)


def print_traceback(error: BaseException) -> None:
    """Print the traceback of an error, if stderr can still be written to."""
    with contextlib.suppress(OSError):
        traceback.print_exception(error)


def reader_gone() -> bool:
    """Return whether the reader of stdout or stderr is gone; further output to that stream is then discarded."""
    poll = select.poll()
    for number in (1, 2):
        poll.register(number, 0)
    broken = [number for number, event in poll.poll(0) if event & (select.POLLERR | select.POLLHUP)]
    for number in broken:
        discard(number)
    return bool(broken)


def discard(number: int) -> None:
    """Redirect a standard stream to the null device, so that flushing it at exit raises no further error."""
    empty = os.open(os.devnull, os.O_WRONLY)
    os.dup2(empty, number)
    os.close(empty)


def explained(error: BaseException) -> MimicError | None:
    """Explain an error of the machine or of a given path, with a remedy; None for any other error, which is a bug."""
    text = str(error)
    if isinstance(error, MemoryError) or any(words in text for words in OUT_OF_MEMORY):
        traceback.clear_frames(error.__traceback__)  # frees memory, which the message needs
        return MimicError(
            "this process ran out of memory",
            where=" ".join(text.split())[:200],
            remedy="close other programs, raise the limit (ulimit -v, mem_mb of the job), or do less at once: fewer "
            "--jobs, a lower batch_size or cache_mib",
        )
    if isinstance(error, BrokenExecutor):
        remedy = "run it again with fewer --jobs or more memory; dmesg says whether the kernel ran out of memory"
        return MimicError("a worker process was killed, perhaps for lack of memory", remedy=remedy)
    if "can't start new thread" in text:
        remedy = "raise the limit of processes (ulimit -u), or use fewer threads and --jobs"
        return MimicError("no more threads or processes can be started", remedy=remedy)
    cause = as_os_error(error)
    if cause is not None and cause is not error:
        cause.filename = " ".join(text.split())[:200]
    return None if cause is None else explained_os_error(cause)


def explained_os_error(error: OSError) -> MimicError | None:
    """Explain a system error, with a remedy; None if there is no known remedy."""
    if error.errno in FULL and error.filename is None:  # the error of a file would have its name, so try stdout
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
        print_traceback(error)  # only this says which code looked for the file
    named = [name for name in (error.filename, error.filename2) if isinstance(name, (str, bytes, os.PathLike))]
    where = " -> ".join(printable(os.fsdecode(name)) for name in named)
    return MimicError(error.strerror or type(error).__name__, where=where, remedy=advice)
