"""What a case is, and the list of all of them."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

Write = Callable[[Path], object]


@dataclass(frozen=True)
class Seen:
    """What the product did with a case.

    Attributes:
        text: in a few words.
        wrong: what is not as it should be; empty where all is right.
    """

    text: str
    wrong: tuple[str, ...] = ()

    @property
    def right(self) -> bool:
        return not self.wrong


def seen(text: str, **right: object) -> Seen:
    """What was seen, and by name each thing that has to be true of it."""
    return Seen(" ".join(text.split()), tuple(name.replace("_", " ") for name, holds in right.items() if not holds))


@dataclass(frozen=True)
class Case:
    """An input and what is right.

    Attributes:
        id: ``F01`` to ``Y2``; a letter behind it marks a neighbour.
        title: what is given, in one line.
        right: the right value, in words.
        write: writes the input into an empty folder.
        run: gives it to the product.
    """

    id: str
    title: str
    right: str
    write: Write
    run: Callable[[Path], Seen]


CASES: dict[str, Case] = {}


def case(id: str, title: str, *, right: str, write: Write) -> Callable[[Callable[[Path], Seen]], None]:
    """Register the function below as what runs a case on the folder that ``write`` has filled."""

    def register(run: Callable[[Path], Seen]) -> None:
        assert id not in CASES, f"two cases of one name: {id}"
        CASES[id] = Case(id, title, right, write, run)

    return register


def run_case(one: Case, folder: Path) -> tuple[Seen, float]:
    """Write a case's input into a folder, and give it to the product: what was seen, and seconds.

    A fault of the judge is a wrong answer, too.
    """
    started = time.monotonic()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        one.write(folder)
        found = one.run(folder)
    except Exception as error:
        found = Seen(f"{type(error).__name__}: {error}", ("could not be judged",))
    return found, time.monotonic() - started


class Running:
    """Cases that run side by side, in threads; most of their time they wait for a command.

    Args:
        cases: which.
        folder: each gets a folder of its own in it.
        jobs: how many at once.
        keep: whether the folders stay.
    """

    def __init__(self, cases: Iterable[Case], folder: Path, jobs: int = 2, *, keep: bool = False) -> None:
        self.folder, self.keep = folder, keep
        self.pool = ThreadPoolExecutor(jobs)
        self.answers = {one.id: self.pool.submit(self.run, one) for one in cases}

    def run(self, one: Case) -> tuple[Seen, float]:
        """Run one, and remove its folder."""
        found = run_case(one, self.folder / one.id)
        if not self.keep:
            shutil.rmtree(self.folder / one.id, ignore_errors=True)
        return found

    def end(self) -> None:
        """Begin no other."""
        self.pool.shutdown(cancel_futures=True)
