"""Work in processes of its own: none takes more memory than it may, hangs for ever, or outlives its parent.

A :class:`Worker` is such a process. It is made once and asked again and again; its answers come one after the other
while it works on them. What is lost with a process that a file brings down is the question at hand, never the job.
"""

from __future__ import annotations

import bisect
import contextlib
import ctypes
import logging
import os
import pickle
import resource
import signal
import socket
import subprocess
import sys
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from multiprocessing.connection import Connection, wait
from operator import itemgetter
from typing import Any

log = logging.getLogger("mimic")

Handler = Callable[[Any], Iterator[Any]]  # a question -> its answers

ITEM, DONE, FAILED, ALIVE, LOST = range(5)  # kinds of messages; the last is a pool's own
ATTEMPTS = 2  # at a question whose worker is lost
LOOK_EVERY = 1.0  # seconds between two looks of a pool for workers that have fallen silent
TELL_EVERY = 1.0  # seconds between two signs of life
PARENT_ENDED = 1  # number of prctl's PR_SET_PDEATHSIG
BOOT = (
    "import sys; from multiprocessing.connection import Connection; c = Connection(int(sys.argv[1])); "
    "sys.path[:] = c.recv(); from mimic_core.kit.confined import serve; serve(c)"
)


@dataclass(frozen=True)
class Limits:
    """What a worker may take.

    Attributes:
        memory: bytes of data it may hold; more is a ``MemoryError`` in it. 0: no limit.
        silence: seconds without an answer or a sign of life after which it is ended. 0: no limit.
    """

    memory: int = 0
    silence: float = 0.0


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

    def __init__(self, maker: Callable[..., Handler], arguments: Sequence[Any] = (), limits: Limits = Limits()) -> None:
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


class Pool:
    """Several workers of one kind that share questions; one that is lost is made anew, and its question asked again.

    Args:
        count: how many workers; the others are those of :class:`Worker`.

    Raises:
        OSError: no process can be started.
    """

    def __init__(
        self, count: int, maker: Callable[..., Handler], arguments: Sequence[Any] = (), limits: Limits = Limits()
    ) -> None:
        self.make = partial(Worker, maker, arguments, limits)
        self.workers = [self.make()]  # where the first cannot be started, none is left behind
        self.workers += [self.make() for _ in range(count - 1)]

    def answers(
        self, questions: Sequence[Any], waits: Callable[[Any], bool] = lambda question: False
    ) -> Iterator[tuple[Any, int, Any]]:
        """Yield each question with ``ITEM`` and an answer, or ``DONE``, or ``LOST`` and how its workers were lost.

        A free worker is given the first question that is left. One that has no memory left counts as lost.

        Args:
            waits: whether the answers to a question are left with its worker for now, which then waits; not so of the
                first question that is not done.

        Raises:
            Exception: what else a handler raised; the other questions are given up.
        """
        waiting, busy = list(enumerate(questions)), dict[Worker, tuple[int, Any]]()
        lost: Counter[int] = Counter()
        while waiting or busy:
            for place, worker in enumerate(self.workers):
                if waiting and worker not in busy:
                    worker = self.workers[place] = self.make() if worker.ended else worker
                    busy[worker] = waiting.pop(0)
                    with contextlib.suppress(LostError):  # found by the look below
                        worker.ask(busy[worker][1])
            heard = [worker for worker, (_, question) in busy.items() if not waits(question)]
            ready = wait([worker.connection for worker in heard if not worker.ended], LOOK_EVERY)
            for worker, (number, question) in [(worker, busy[worker]) for worker in heard]:
                try:
                    if worker.ended or worker.connection in ready:
                        kind, value = worker.take()
                        if kind == DONE:
                            del busy[worker]
                        if kind != ALIVE:
                            yield question, kind, value
                    else:
                        worker.check_silence()
                except (LostError, MemoryError) as error:
                    worker.end()
                    del busy[worker]
                    lost[number] += 1
                    if lost[number] < ATTEMPTS:
                        log.warning("%s; trying again", told(error))
                        bisect.insort(waiting, (number, question), key=itemgetter(0))
                    else:
                        yield question, LOST, told(error)

    def __enter__(self) -> Pool:
        return self

    def __exit__(self, *_: object) -> None:
        for worker in self.workers:
            if not worker.ended:
                worker.end()


def told(error: Exception) -> str:
    """How a worker was lost."""
    return str(error) if isinstance(error, LostError) else "its process had no memory left"


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
