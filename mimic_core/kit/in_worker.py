"""What happens inside a worker process: it answers questions, within its limits, for as long as its parent lives."""

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
TELL_EVERY = 1.0  # seconds between two signs of life
PARENT_ENDED = 1  # number of prctl's PR_SET_PDEATHSIG


@dataclass(frozen=True)
class Limits:
    """What a worker may take.

    Attributes:
        memory: bytes of data it may hold; more is a ``MemoryError`` in it. 0: no limit.
        silence: seconds without an answer or a sign of life after which it is ended. 0: no limit.
    """

    memory: int = 0
    silence: float = 0.0


UNLIMITED = Limits()


_connection: Connection | None = None  # in a worker: to its parent
_told = 0.0  # when it last gave a sign of life


def tell(answer: Any) -> None:
    """In a worker, give its parent an answer from deep within the work; elsewhere it does nothing."""
    if _connection is not None:
        _connection.send((ITEM, answer))


def sign_of_life() -> None:
    """Tell the parent of a worker, once a second at most, that work goes on; elsewhere it does nothing.

    Whatever may work for minutes without an answer calls it: between frames, parts of a scene, candidates.
    """
    global _told
    if _connection is not None and time.monotonic() - _told >= TELL_EVERY:
        _told = time.monotonic()
        _connection.send((ALIVE, None))


def serve(connection: Connection) -> None:
    """What a worker does: answer until its parent has no more questions, or is gone."""
    global _connection
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to answer
    os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")  # its own sets a GiB aside, which would count
    with contextlib.suppress(EOFError, OSError):  # the parent is gone
        parent, setup = connection.recv()
        end_with(parent)
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
                connection.send((FAILED, (portable(error), traceback.format_exc())))
            else:
                connection.send((DONE, None))


def portable(error: Exception) -> Exception:
    """An error that the parent can unpickle: itself where that works, else one with its words."""
    try:
        pickle.loads(pickle.dumps(error))  # noqa: S301 - made here
        return error
    except Exception:
        return RuntimeError(f"{type(error).__name__}: {error}")


def end_with(parent: int) -> None:
    """Let the system (Linux) end this process with its parent, whatever ends that; elsewhere the closed pipe does."""
    prctl = getattr(ctypes.CDLL(None), "prctl", None)
    if prctl is not None:
        prctl(PARENT_ENDED, signal.SIGKILL)
    if os.getppid() != parent:  # it had ended before
        os._exit(1)


def limit_memory(most: int) -> None:
    """Let memory for data beyond ``most`` bytes be refused to this process; 0 sets no limit."""
    if most:
        _, hard = resource.getrlimit(resource.RLIMIT_DATA)
        resource.setrlimit(resource.RLIMIT_DATA, (most if hard == resource.RLIM_INFINITY else min(most, hard), hard))
