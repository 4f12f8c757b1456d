"""Worker processes with limits: none exceeds its memory, hangs forever, or outlives its parent.

A :class:`Worker` is started once and asked many questions; its answers arrive one by one as it computes them. If a
file crashes the worker, only the current question is lost, not the job.
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

ATTEMPTS = 2  # at a question whose worker was lost
BOOT = (
    "import sys; from multiprocessing.connection import Connection; c = Connection(int(sys.argv[1])); "
    "sys.path[:] = c.recv(); from mimic_core.kit.in_worker import serve; serve(c)"
)


class LostError(Exception):
    """A worker ended or was killed before it had answered; the message says how."""


class RemoteError(Exception):
    """The traceback of an error in a worker, set as the cause of the error raised here."""

    def __str__(self) -> str:
        return "\n" + str(self.args[0])


class Worker:
    """A process that answers one question at a time.

    Args:
        maker: a module-level function; the worker calls it once with ``arguments`` to make the handler.
        arguments: of the maker; pickled, like questions and answers.
        limits: of memory and silence.

    Raises:
        OSError: the process could not be started.
    """

    def __init__(
        self, maker: Callable[..., Handler], arguments: Sequence[Any] = (), limits: Limits = UNLIMITED
    ) -> None:
        self.limits = limits
        ours, theirs = socket.socketpair()
        with ours, theirs:
            command = [sys.executable, "-c", BOOT, str(theirs.fileno())]
            # no stdin, so that a worker on a terminal does not read what the user types
            self.process = subprocess.Popen(command, pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL)
            self.connection = Connection(ours.detach())
        self.heard = time.monotonic()
        with contextlib.suppress(OSError):  # if it has ended already, reading the first answer fails
            self.connection.send(sys.path)
            setup = (maker, tuple(arguments), limits, log.getEffectiveLevel() if logging.root.handlers else None)
            self.connection.send((os.getpid(), pickle.dumps(setup)))

    def ask(self, question: Any) -> None:
        """Send a question; :meth:`take` returns its answers."""
        self.heard = time.monotonic()
        try:
            self.connection.send(question)
        except OSError:
            raise self.lost() from None

    def take(self) -> tuple[int, Any]:
        """Return the next message: ``ITEM`` with an answer, ``DONE``, or ``ALIVE``.

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
            error, stack = value
            raise error from RemoteError(stack)
        return kind, value

    def time_left(self) -> float | None:
        """Return the seconds for which it may stay silent; None without a limit."""
        return None if not self.limits.silence else self.heard + self.limits.silence - time.monotonic()

    def check_silence(self) -> None:
        """End the worker if it has been silent for too long.

        Raises:
            LostError: it was ended.
        """
        left = self.time_left()
        if left is not None and left <= 0 and not self.connection.poll():
            self.end()
            raise LostError(f"it gave no sign of life for {self.limits.silence:g} s and was ended")

    def answers(self, question: Any) -> Iterator[Any]:
        """Ask a question and yield the answers as they arrive.

        Raises:
            LostError: the worker has ended, or was silent for too long and was ended.
            Exception: what the handler raised.
        """
        finished = False
        try:
            self.ask(question)
            while True:
                left = self.time_left()
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
            finished = isinstance(error.__cause__, RemoteError)  # the handler raised; the worker itself is fine
            raise
        finally:
            if not finished:
                self.end()

    def lost(self) -> LostError:
        """Return the error for a worker that ended unexpectedly."""
        code = self.end()
        if code == -signal.SIGKILL:
            return LostError("its process was killed (SIGKILL), most likely for lack of memory")
        if code < 0:
            with contextlib.suppress(ValueError):
                return LostError(f"its process crashed ({signal.Signals(-code).name})")
        return LostError(f"its process ended with code {code}")

    @property
    def ended(self) -> bool:
        """Whether its end has been requested or noticed."""
        return self.connection.closed

    def end(self) -> int:
        """End the worker at once and return its exit code."""
        self.connection.close()  # an idle worker then exits by itself
        with contextlib.suppress(subprocess.TimeoutExpired):
            return self.process.wait(0.2)
        self.process.kill()
        return self.process.wait()

    def __enter__(self) -> Worker:
        return self

    def __exit__(self, *_: object) -> None:
        if not self.ended:
            self.end()
