"""Work in processes of its own: none takes more memory than it may, hangs for ever, or outlives its parent.

A :class:`Worker` is such a process. It is made once and asked again and again; its answers come one after the other
while it works on them. What is lost with a process that a file brings down is the question at hand, never the job.
"""

from __future__ import annotations

import contextlib
import logging
import os
import pickle
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from multiprocessing.connection import Connection
from typing import Any

from mimic_core.kit.in_worker import DONE, FAILED, ITEM, UNLIMITED, Handler, Limits

log = logging.getLogger("mimic")

ATTEMPTS = 2  # at a question whose worker is lost
BOOT = (
    "import sys; from multiprocessing.connection import Connection; c = Connection(int(sys.argv[1])); "
    "sys.path[:] = c.recv(); from mimic_core.kit.in_worker import serve; serve(c)"
)


class LostError(Exception):
    """A worker ended, or was ended, before it had answered; the message says how."""


class RemoteError(Exception):
    """The traceback of an error in a worker, as its cause here."""

    def __str__(self) -> str:
        return "\n" + str(self.args[0])


class Worker:
    """A process that answers one question after the other.

    Args:
        maker: a function at the top of a module; in the worker it makes the handler, once, of ``arguments``.
        arguments: what it is given; like questions and answers they are pickled.
        limits: of memory and silence.

    Raises:
        OSError: no process can be started.
    """

    def __init__(
        self, maker: Callable[..., Handler], arguments: Sequence[Any] = (), limits: Limits = UNLIMITED
    ) -> None:
        self.limits = limits
        ours, theirs = socket.socketpair()
        with ours, theirs:
            command = [sys.executable, "-c", BOOT, str(theirs.fileno())]
            # input is nobody's: a worker on a terminal must not read what is typed
            self.process = subprocess.Popen(command, pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL)
            self.connection = Connection(ours.detach())
        self.heard = time.monotonic()
        with contextlib.suppress(OSError):  # it has ended already, which the first answer will tell
            self.connection.send(sys.path)
            setup = (maker, tuple(arguments), limits, log.getEffectiveLevel() if logging.root.handlers else None)
            self.connection.send((os.getpid(), pickle.dumps(setup)))

    def ask(self, question: Any) -> None:
        """Ask; :meth:`take` gives the answers."""
        self.heard = time.monotonic()
        try:
            self.connection.send(question)
        except OSError:
            raise self.lost() from None

    def take(self) -> tuple[int, Any]:
        """The next message: ``ITEM`` and an answer, ``DONE``, or ``ALIVE``.

        Raises:
            LostError: the worker has ended.
            Exception: what the handler raised.
        """
        try:
            kind, value = self.connection.recv()
        except (EOFError, OSError, pickle.UnpicklingError):
            raise self.lost() from None
        self.heard = time.monotonic()
        if kind == FAILED:
            error, told = value
            raise error from RemoteError(told)
        return kind, value

    def left(self) -> float | None:
        """Seconds for which it may still be silent; None where it may for ever."""
        return None if not self.limits.silence else self.heard + self.limits.silence - time.monotonic()

    def check_silence(self) -> None:
        """End it where it has been silent for too long.

        Raises:
            LostError: it has.
        """
        left = self.left()
        if left is not None and left <= 0 and not self.connection.poll():
            self.end()
            raise LostError(f"it gave no sign of life for {self.limits.silence:g} s, and was ended")

    def answers(self, question: Any) -> Iterator[Any]:
        """Ask, and yield the answers as they come.

        Raises:
            LostError: the worker has ended, or was silent for too long and was ended.
            Exception: what the handler raised.
        """
        finished = False
        try:
            self.ask(question)
            while True:
                left = self.left()
                if not self.connection.poll(None if left is None else max(left, 0)):
                    self.check_silence()
                    continue
                kind, value = self.take()
                if kind == DONE:
                    finished = True
                    return
                if kind == ITEM:
                    yield value
        except Exception as error:
            finished = isinstance(error.__cause__, RemoteError)  # it has answered, and may be asked again
            raise
        finally:
            if not finished:
                self.end()

    def lost(self) -> LostError:
        """The error of a worker that has ended by itself."""
        code = self.end()
        if code == -signal.SIGKILL:
            return LostError("its process was killed (SIGKILL): most likely memory ran out")
        if code < 0:
            with contextlib.suppress(ValueError):
                return LostError(f"its process crashed ({signal.Signals(-code).name})")
        return LostError(f"its process ended with code {code}")

    @property
    def ended(self) -> bool:
        """Whether it was ended, or has been found to be."""
        return self.connection.closed

    def end(self) -> int:
        """End it, at once; returns its exit code."""
        self.connection.close()  # a worker at rest ends by itself then
        with contextlib.suppress(subprocess.TimeoutExpired):
            return self.process.wait(0.2)
        self.process.kill()
        return self.process.wait()

    def __enter__(self) -> Worker:
        return self

    def __exit__(self, *_: object) -> None:
        if not self.ended:
            self.end()
