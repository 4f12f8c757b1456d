"""Several workers that share questions."""

from __future__ import annotations

import bisect
import contextlib
import logging
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from multiprocessing.connection import wait
from operator import itemgetter
from typing import Any

from mimic_core.kit.confined import ATTEMPTS, LostError, Worker
from mimic_core.kit.in_worker import ALIVE, DONE, UNLIMITED, Handler, Limits

log = logging.getLogger("mimic")

LOST = -1  # the kind of a message of the pool's own, beside those of its workers
LOOK_EVERY = 1.0  # seconds between two looks for workers that have fallen silent


class Pool:
    """Several workers of one kind that share questions; one that is lost is made anew, and its question asked again.

    Args:
        count: how many workers; the others are those of :class:`Worker`.

    Raises:
        OSError: no process can be started.
    """

    def __init__(
        self, count: int, maker: Callable[..., Handler], arguments: Sequence[Any] = (), limits: Limits = UNLIMITED
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
