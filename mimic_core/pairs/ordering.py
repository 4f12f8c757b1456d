"""Mine units in parallel and write them in order."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from functools import partial

from mimic_core.frames.reading import MEDIA
from mimic_core.kit.errors import printable
from mimic_core.kit.in_worker import ITEM, Handler, tell
from mimic_core.kit.pool import LOST, Pool
from mimic_core.kit.progress import Progress
from mimic_core.pairs.archives import Archives
from mimic_core.pairs.tasks import UnitTask
from mimic_core.pairs.unit_mining import Message, Started, StoredRow, given_up, mine_unit

log = logging.getLogger("mimic")

HELD = 256 << 20  # bytes of results held in memory until the units before them are written
ROW = 4096  # maximum bytes of a message without its image

COUNT, MINE = "count", "mine"  # requests to a worker: count the views of a unit, or mine it
Question = tuple[str, int, UnitTask]  # request, unit number, unit


def mine_tasks(archives: Archives, jobs: int, confined: bool) -> None:
    """Mine the remaining units, in parallel in workers or one by one in this process."""
    tasks = archives.remaining
    if tasks and (confined or (jobs > 1 and len(tasks) > 1)):
        try:
            pool = Pool(min(jobs, len(tasks)), make_handler, (), MEDIA)
        except OSError as error:
            log.warning("cannot start a process (%s): reading files without memory and time limits", error)
        else:
            with pool:
                mine_in_pool(archives, pool)
            return
    with Progress(sum(task.views() for task in tasks), "views") as progress:
        for task in tasks:
            unit = archives.next_unit()
            for message in mine_unit(task, step=partial(progress.step, note=printable(task.unit.name))):
                unit.take(message)
            archives.add(unit)


def make_handler() -> Handler:
    """Return a worker's handler, which estimates a unit's number of views or mines the unit.

    It answers a ``COUNT`` with a number of views, and a ``MINE`` with messages.
    """

    def answer(question: Question) -> Iterator[int | Message]:
        what, _, task = question
        if what == COUNT:
            yield task.views()
        else:
            yield from mine_unit(task, step=partial(tell, 1))

    return answer


def mine_in_pool(archives: Archives, pool: Pool) -> None:
    """Mine units in parallel; a unit whose worker is lost at every attempt is recorded as unreadable."""
    units = list(enumerate(archives.remaining))
    views = sum(value for _, kind, value in pool.answers([(COUNT, *unit) for unit in units]) if kind == ITEM)
    writer = OrderedWriter(archives)
    with Progress(views, "views") as progress:
        for (_, number, task), kind, value in pool.answers([(MINE, *unit) for unit in units], writer.waits):
            if isinstance(value, int):
                progress.step(value, note=f"{len(archives.remaining)} units left")
            elif kind == ITEM:
                writer.take(number, value)
            elif kind == LOST:
                for message in mine_unit(task, given_up(value)):
                    writer.take(number, message)


class OrderedWriter:
    """Write the messages of several workers in unit order.

    Messages of later units are held in memory, up to a bound.
    """

    def __init__(self, archives: Archives) -> None:
        self.archives, self.turn = archives, 0
        self.unit = archives.next_unit()
        self.held: dict[int, list[Message]] = {}
        self.size = 0  # bytes held

    def waits(self, question: Question) -> bool:
        """Return whether a worker must wait with its answers until earlier units are written."""
        return self.size > HELD and question[1] != self.turn

    def take(self, number: int, message: Message) -> None:
        """Write a message of a unit, or hold it until the unit's turn."""
        if number != self.turn:
            if isinstance(message, Started):
                self.drop(number)
            self.held.setdefault(number, []).append(message)
            self.size += size_of(message)
        elif self.unit.take(message):
            self.next()

    def drop(self, number: int) -> list[Message]:
        """Remove and return the held messages of a unit."""
        messages = self.held.pop(number, [])
        self.size -= sum(map(size_of, messages))
        return messages

    def next(self) -> None:
        """Move on to the next unit and write its held messages."""
        self.archives.add(self.unit)
        self.turn += 1
        if self.archives.remaining:
            self.unit = self.archives.next_unit()
            for message in self.drop(self.turn):
                self.take(self.turn, message)


def size_of(message: Message) -> int:
    """Estimate the memory of a message in bytes."""
    return ROW + (len(message.jpeg) if isinstance(message, StoredRow) else 0)
