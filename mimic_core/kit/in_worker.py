"""The code that runs inside a worker process: it answers questions, within its limits, until its parent ends."""

from __future__ import annotations

import contextlib
import ctypes
import logging
import os
import pickle
import resource
import signal
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

Handler = Callable[[Any], Iterator[Any]]  # a question -> its answers

ITEM, DONE, FAILED, ALIVE = range(4)  # kinds of messages
SIGN_INTERVAL = 1.0  # least seconds between signs of life
PR_SET_PDEATHSIG = 1  # from <sys/prctl.h>


@dataclass(frozen=True)
class Limits:
    """Limits of a worker.

    Attributes:
        memory: bytes of data it may hold; beyond that, it gets a ``MemoryError``. 0: no limit.
        silence: seconds without an answer or a sign of life after which it is killed. 0: no limit.
    """

    memory: int = 0
    silence: float = 0.0


UNLIMITED = Limits()


_connection: Connection | None = None  # to the parent; None outside a worker
_last_sign = 0.0  # time of the last sign of life


def tell(answer: Any) -> None:
    """Send the parent an answer from anywhere in a worker's code; do nothing outside a worker."""
    if _connection is not None:
        _connection.send((ITEM, answer))


def sign_of_life() -> None:
    """Tell the parent, at most once a second, that this worker is busy; do nothing outside a worker.

    Call it in any work that may take minutes without an answer: between frames, parts of a scene, candidates.
    """
    global _last_sign
    if _connection is not None and time.monotonic() - _last_sign >= SIGN_INTERVAL:
        _last_sign = time.monotonic()
        _connection.send((ALIVE, None))


def serve(connection: Connection) -> None:
    """Answer questions until the parent closes the connection or ends; the main loop of a worker."""
    global _connection
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent handles Ctrl-C
    # Arrow's default pool reserves a GiB, which would count towards the memory limit
    os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")
    with contextlib.suppress(EOFError, OSError):  # the parent is gone
        parent, setup = connection.recv()
        die_with_parent(parent)
        maker, arguments, limits, level = pickle.loads(setup)  # noqa: S301 - from our own parent
        if level is not None:
            logging.basicConfig(format="%(asctime)s %(message)s", datefmt="%H:%M:%S", level=level, stream=sys.stderr)
        limit_memory(limits.memory)
        _connection = connection
        handler: Handler | None = None
        while True:
            question = connection.recv()
            try:
                handler = handler or maker(*arguments)
                for answer in handler(question):
                    connection.send((ITEM, answer))
            except (BrokenPipeError, ConnectionResetError):
                raise
            except Exception as error:
                connection.send((FAILED, (picklable(error), traceback.format_exc())))
            else:
                connection.send((DONE, None))


def picklable(error: Exception) -> Exception:
    """Return the error itself if it survives pickling, else a ``RuntimeError`` with its message."""
    try:
        pickle.loads(pickle.dumps(error))  # noqa: S301 - our own bytes
        return error
    except Exception:
        return RuntimeError(f"{type(error).__name__}: {error}")


def die_with_parent(parent: int) -> None:
    """Have Linux kill this process when its parent ends for any reason; elsewhere the closed connection ends it."""
    prctl = getattr(ctypes.CDLL(None), "prctl", None)
    if prctl is not None:
        prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # the parent ended before the call
        os._exit(1)


def limit_memory(most: int) -> None:
    """Limit the data memory of this process to ``most`` bytes; 0 sets no limit."""
    if most:
        _, hard = resource.getrlimit(resource.RLIMIT_DATA)
        resource.setrlimit(resource.RLIMIT_DATA, (most if hard == resource.RLIM_INFINITY else min(most, hard), hard))
