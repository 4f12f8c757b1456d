"""Units mined side by side and written in their order."""

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

HELD = 256 << 20  # bytes of units held in memory until those before them are written
ROW = 4096  # bytes that a message takes at most without its image

LOOK, MINE = "look", "mine"  # questions to a worker
Question = tuple[str, int, UnitTask]  # what is asked, and of which unit


def mine_tasks(archives: Archives, jobs: int, confined: bool) -> None:
    """Mine the units that are left, side by side in workers or one after the other in this process."""
    tasks = archives.left
    if tasks and (confined or (jobs > 1 and len(tasks) > 1)):
        try:
            pool = Pool(min(jobs, len(tasks)), mining, (), MEDIA)
        except OSError as error:
            log.warning("no process can be started (%s): files are read without limits of memory and time", error)
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


def mining() -> Handler:
    """In a worker: looks how many views a task has, or mines it; answers with numbers of views, and with messages."""

    def answer(question: Question) -> Iterator[int | Message]:
        what, _, task = question
        if what == LOOK:
            yield task.views()
        else:
            yield from mine_unit(task, step=partial(tell, 1))

    return answer


def mine_in_pool(archives: Archives, pool: Pool) -> None:
    """Mine units side by side; one whose worker is lost each time is counted as unreadable, with the reason."""
    units = list(enumerate(archives.left))
    views = sum(value for _, kind, value in pool.answers([(LOOK, *unit) for unit in units]) if kind == ITEM)
    order = InOrder(archives)
    with Progress(views, "views") as progress:
        for (_, number, task), kind, value in pool.answers([(MINE, *unit) for unit in units], order.waits):
            if isinstance(value, int):
                progress.step(value, note=f"{len(archives.left)} units left")
            elif kind == ITEM:
                order.take(number, value)
            elif kind == LOST:
                for message in mine_unit(task, given_up(value)):
                    order.take(number, message)


class InOrder:
    """Brings what several workers tell of their units into the order of the units, and writes it.

    What is told of a unit before its turn is held in memory, up to a bound.
    """

    def __init__(self, archives: Archives) -> None:
        self.archives, self.turn = archives, 0
        self.unit = archives.next_unit()
        self.held: dict[int, list[Message]] = {}
        self.size = 0  # bytes held

    def waits(self, question: Question) -> bool:
        """Whether the answers to a question must be left with its worker until those before it are written."""
        return self.size > HELD and question[1] != self.turn

    def take(self, number: int, message: Message) -> None:
        """Write a message of a unit, or hold it until it is the unit's turn."""
        if number != self.turn:
            if isinstance(message, Started):
                self.drop(number)
            self.held.setdefault(number, []).append(message)
            self.size += size_of(message)
        elif self.unit.take(message):
            self.next()

    def drop(self, number: int) -> list[Message]:
        """Hold nothing of a unit any more; returns what was held."""
        messages = self.held.pop(number, [])
        self.size -= sum(map(size_of, messages))
        return messages

    def next(self) -> None:
        """Go on to the next unit, and write what is held of it."""
        self.archives.add(self.unit)
        self.turn += 1
        if self.archives.left:
            self.unit = self.archives.next_unit()
            for message in self.drop(self.turn):
                self.take(self.turn, message)


def size_of(message: Message) -> int:
    """About how many bytes of memory a message takes."""
    return ROW + (len(message.jpeg) if isinstance(message, StoredRow) else 0)
