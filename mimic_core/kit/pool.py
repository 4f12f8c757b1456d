"""A pool of worker processes that share a list of questions."""

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

LOST = -1  # message kind that the pool adds to those of its workers
POLL_INTERVAL = 1.0  # seconds between checks for silent workers


class Pool:
    """A pool of identical workers. A worker that is lost is replaced, and its question is asked again.

    Args:
        count: number of workers; the other arguments are those of :class:`Worker`.

    Raises:
        OSError: a process could not be started.
    """

    def __init__(
        self, count: int, maker: Callable[..., Handler], arguments: Sequence[Any] = (), limits: Limits = UNLIMITED
    ) -> None:
        self.make = partial(Worker, maker, arguments, limits)
        self.workers = [self.make()]  # first one alone: if it cannot start, no other is left running
        self.workers += [self.make() for _ in range(count - 1)]

    def answers(
        self, questions: Sequence[Any], waits: Callable[[Any], bool] = lambda question: False
    ) -> Iterator[tuple[Any, int, Any]]:
        """Yield (question, kind, value): ``ITEM`` with an answer, ``DONE``, or ``LOST`` with the reason.

        A free worker gets the first remaining question. A worker that runs out of memory counts as lost.

        Args:
            waits: returns True for a question whose answers should not be read yet; its worker then blocks. It must
                return False for the first unfinished question.

        Raises:
            Exception: any other error of a handler; the remaining questions are abandoned.
        """
        waiting, busy = list(enumerate(questions)), dict[Worker, tuple[int, Any]]()
        lost: Counter[int] = Counter()
        while waiting or busy:
            for place, worker in enumerate(self.workers):
                if waiting and worker not in busy:
                    worker = self.workers[place] = self.make() if worker.ended else worker
                    busy[worker] = waiting.pop(0)
                    with contextlib.suppress(LostError):  # noticed below, when its answer is read
                        worker.ask(busy[worker][1])
            heard = [worker for worker, (_, question) in busy.items() if not waits(question)]
            ready = wait([worker.connection for worker in heard if not worker.ended], POLL_INTERVAL)
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
                        log.warning("%s; trying again", loss_reason(error))
                        bisect.insort(waiting, (number, question), key=itemgetter(0))
                    else:
                        yield question, LOST, loss_reason(error)

    def __enter__(self) -> Pool:
        return self

    def __exit__(self, *_: object) -> None:
        for worker in self.workers:
            if not worker.ended:
                worker.end()


def loss_reason(error: Exception) -> str:
    """Say how a worker was lost."""
    return str(error) if isinstance(error, LostError) else "its process had no memory left"
