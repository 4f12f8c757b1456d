"""What a pickle is read with: it runs nothing, and its time and memory are bounded by the bytes it reads.

Pickles are small programs. This machine builds plain containers and leaves every class and function to a table of
stand-ins. What is not in the table is refused before anything is made of it. Each instruction costs a fixed amount,
plus what it is charged for calls and for the lengths of what it copies.
"""

from __future__ import annotations

from _compat_pickle import IMPORT_MAPPING, NAME_MAPPING
from collections.abc import Callable, Mapping
from typing import Any

INSTRUCTIONS = 1 << 18  # of one file; a ViT-L with its optimizer takes 40,000
CHARGES = 1 << 20  # of one file: for every element that is copied, for every few letters, and for every call
LETTERS, CALL = 16, 32  # letters for one charge; charges for one call, such as that which makes a tensor
LONGEST_NAME = 512  # bytes of a class's or function's


class CodeError(Exception):
    """A pickle names a class or function that is not admitted.

    Attributes:
        name: its full name.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(f"it holds {name}")


class DamagedError(ValueError):
    """A pickle that is no pickle, is cut off, or asks for more than its share."""


class Name:
    """A class or function that a pickle names.

    Attributes:
        full: its full name.
    """

    def __init__(self, full: str) -> None:
        self.full = full


class Machine:
    """The state in which the pickles of one file are read, one after the other.

    Args:
        data: bytes of the file.
        admitted: what takes the place of classes and functions, by their full names: a callable is called with the
            pickle's arguments where the pickle calls or builds, anything else is the value itself.
        persistent: what a persistent id (torch's storages) stands for.
    """

    def __init__(
        self, data: bytes | memoryview, admitted: Mapping[str, Any], persistent: Callable[[Any], Any] | None = None
    ) -> None:
        self.data, self.admitted, self.persistent = data, admitted, persistent
        self.at, self.left, self.charges = 0, INSTRUCTIONS, CHARGES
        self.stack: list[Any] = []
        self.marks: list[list[Any]] = []
        self.memo: dict[int, Any] = {}

    def take(self, count: int) -> bytes:
        """The next ``count`` bytes."""
        start, self.at = self.at, self.at + count
        if count < 0 or self.at > len(self.data):
            raise DamagedError("it ends too early")
        return bytes(self.data[start : self.at])

    def line(self) -> str:
        """The text up to the next line break."""
        found = bytes(self.data[self.at : self.at + LONGEST_NAME]).find(b"\n")
        if found < 0:
            raise DamagedError("a name in it does not end")
        return str(self.take(found + 1)[:-1], "utf-8")

    def pop(self) -> Any:
        """The last value of the stack."""
        if not self.stack:
            raise DamagedError("an instruction lacks its values")
        return self.stack.pop()

    def top(self, kinds: type | tuple[type, ...] = object) -> Any:
        """The last value of the stack, which stays there."""
        if not self.stack or not isinstance(self.stack[-1], kinds):
            raise DamagedError("an instruction lacks its values")
        return self.stack[-1]

    def since_mark(self) -> list[Any]:
        """All values since the last mark."""
        if not self.marks:
            raise DamagedError("an instruction lacks its values")
        values, self.stack = self.stack, self.marks.pop()
        return values

    def charge(self, *values: Any) -> None:
        """Count the lengths of what is copied."""
        for value in values:
            if isinstance(value, str | bytes):
                self.charges -= len(value) // LETTERS
            elif isinstance(value, list | tuple | dict):
                self.charges -= len(value)
        if self.charges < 0:
            raise DamagedError("it asks for more tensors, or longer lists, than a checkpoint has")

    def named(self, module: object, name: object) -> None:
        """Push what stands for a class or function."""
        if not isinstance(module, str) or not isinstance(name, str):
            raise DamagedError("a name in it is no text")
        module, name = NAME_MAPPING.get((module, name), (IMPORT_MAPPING.get(module, module), name))
        full = f"{module}.{name}"
        if full not in self.admitted:
            raise CodeError(full.removeprefix("builtins."))
        found = self.admitted[full]
        self.stack.append(Name(full) if callable(found) else found)

    def call(self, function: Any, arguments: Any) -> Any:
        """What the stand-in of a class or function gives."""
        if not isinstance(function, Name) or not isinstance(arguments, tuple):
            raise DamagedError("it calls what is no function")
        self.charges -= CALL
        self.charge(*arguments)
        return self.admitted[function.full](*arguments)
