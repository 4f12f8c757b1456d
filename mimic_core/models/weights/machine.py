"""A safe pickle machine: it runs no code, and its time and memory are bounded.

Pickles are small programs. This machine builds plain containers and looks up every class and function in a table of
stand-ins; it refuses any name that is not in the table. The number of instructions is limited, and so are the charges
for calls and for the lengths of copied values.
"""

from __future__ import annotations

from _compat_pickle import IMPORT_MAPPING, NAME_MAPPING
from collections.abc import Callable, Mapping
from typing import Any

INSTRUCTIONS = 1 << 18  # limit per file; a ViT-L with its optimizer takes 40,000
CHARGES = 1 << 20  # limit per file: for every copied element, every LETTERS characters, and every call
LETTERS, CALL = 16, 32  # characters per charge; charges per call, such as one that makes a tensor
LONGEST_NAME = 512  # bytes, of a class or function


class CodeError(Exception):
    """A pickle names a class or function that is not admitted.

    Attributes:
        name: its full name.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(f"it holds {name}")


class DamagedError(ValueError):
    """A pickle is invalid, cut off, or exceeds a limit."""


class Name:
    """A class or function that a pickle names.

    Attributes:
        full: its full name.
    """

    def __init__(self, full: str) -> None:
        self.full = full


class Machine:
    """The state while the pickles of one file are read, one after the other.

    Args:
        data: bytes of the file.
        admitted: stand-ins of classes and functions, by full name: a callable is called with the pickle's arguments
            in place of the original, anything else is the value itself.
        persistent: resolves a persistent id (torch's storages).
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
        """Read the next ``count`` bytes."""
        start, self.at = self.at, self.at + count
        if count < 0 or self.at > len(self.data):
            raise DamagedError("it ends too early")
        return bytes(self.data[start : self.at])

    def line(self) -> str:
        """Read the text up to the next line break."""
        found = bytes(self.data[self.at : self.at + LONGEST_NAME]).find(b"\n")
        if found < 0:
            raise DamagedError("a name in it does not end")
        return str(self.take(found + 1)[:-1], "utf-8")

    def pop(self) -> Any:
        """Remove and return the last value of the stack."""
        if not self.stack:
            raise DamagedError("an opcode lacks its operands")
        return self.stack.pop()

    def top(self, kinds: type | tuple[type, ...] = object) -> Any:
        """Return the last value of the stack without removing it."""
        if not self.stack or not isinstance(self.stack[-1], kinds):
            raise DamagedError("an opcode lacks its operands")
        return self.stack[-1]

    def since_mark(self) -> list[Any]:
        """Remove and return all values since the last mark."""
        if not self.marks:
            raise DamagedError("an opcode lacks its operands")
        values, self.stack = self.stack, self.marks.pop()
        return values

    def charge(self, *values: Any) -> None:
        """Charge for the lengths of copied values."""
        for value in values:
            if isinstance(value, str | bytes):
                self.charges -= len(value) // LETTERS
            elif isinstance(value, list | tuple | dict):
                self.charges -= len(value)
        if self.charges < 0:
            raise DamagedError("it holds more tensors, or longer lists, than a checkpoint does")

    def push_global(self, module: object, name: object) -> None:
        """Push the stand-in of a class or function."""
        if not isinstance(module, str) or not isinstance(name, str):
            raise DamagedError("a name in it is not text")
        module, name = NAME_MAPPING.get((module, name), (IMPORT_MAPPING.get(module, module), name))
        full = f"{module}.{name}"
        if full not in self.admitted:
            raise CodeError(full.removeprefix("builtins."))
        found = self.admitted[full]
        self.stack.append(Name(full) if callable(found) else found)

    def call(self, function: Any, arguments: Any) -> Any:
        """Call the stand-in of a class or function."""
        if not isinstance(function, Name) or not isinstance(arguments, tuple):
            raise DamagedError("it calls something that is not a function")
        self.charges -= CALL
        self.charge(*arguments)
        return self.admitted[function.full](*arguments)
