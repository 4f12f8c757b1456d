"""What a case is, and the list of all of them."""

from __future__ import annotations

from collections.abc import Callable
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


def run_case(one: Case, folder: Path) -> Seen:
    """Write a case's input into a folder, and give it to the product; a fault of the judge is a wrong answer too."""
    folder.mkdir(parents=True, exist_ok=True)
    one.write(folder)
    try:
        return one.run(folder)
    except Exception as error:
        return Seen(f"{type(error).__name__}: {error}", ("could not be judged",))
