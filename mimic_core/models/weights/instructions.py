"""The pickle opcodes that torch and Python's protocols 2 to 5 use for data, one function each.

Keys of dicts must be plain values, since hashing nested tuples can take forever; sets become lists for the same reason.
"""

from __future__ import annotations

import pickle
from argparse import Namespace
from collections.abc import Callable
from functools import partial
from struct import Struct
from typing import Any

from mimic_core.models.weights.machine import INSTRUCTIONS, DamagedError, Machine

ATOMS = (str, int, float, bool, bytes, type(None))
LONGEST_KEY = 16  # elements of a tuple used as a key
LONGEST_INTEGER = 64  # bytes


def next_value(machine: Machine) -> Any:
    """Read the value of the next pickle.

    Raises:
        CodeError: it names a class or function that is not admitted.
        DamagedError: it is not a pickle, is cut off, or is too long.
    """
    machine.stack, machine.marks, machine.memo = [], [], {}
    data, end = machine.data, len(machine.data)
    while machine.at < end and machine.left > 0:
        code = data[machine.at]
        machine.at, machine.left = machine.at + 1, machine.left - 1
        if code == STOP:
            return machine.pop()
        instruction = TABLE.get(code)
        if instruction is None:
            raise DamagedError(f"its byte {machine.at - 1:,} is not an opcode that a checkpoint's pickle may use")
        instruction(machine)
    raise DamagedError("it ends too early" if machine.left else f"it has more than {INSTRUCTIONS:,} instructions")


def key_of(value: Any) -> Any:
    """Check and return a key of a dict: a plain value, or a short tuple of plain values."""
    if isinstance(value, ATOMS):
        return value
    if isinstance(value, tuple) and len(value) <= LONGEST_KEY and all(isinstance(part, ATOMS) for part in value):
        return value
    raise DamagedError(f"it uses a {type(value).__name__} as a key")


def push(value: Callable[[], Any], machine: Machine) -> None:
    """Push an empty container or a constant."""
    machine.stack.append(value())


def push_number(layout: Struct, machine: Machine) -> None:
    """Push a number of a fixed size."""
    machine.stack.append(layout.unpack(machine.take(layout.size))[0])


def push_text(layout: Struct, machine: Machine) -> None:
    """Push length-prefixed text."""
    data = machine.take(layout.unpack(machine.take(layout.size))[0])
    machine.stack.append(str(data, "utf-8", "surrogatepass"))


def push_old_text(layout: Struct, machine: Machine) -> None:
    """Push length-prefixed text of Python 2."""
    machine.stack.append(str(machine.take(layout.unpack(machine.take(layout.size))[0]), "utf-8", "replace"))


def push_bytes(layout: Struct, machine: Machine) -> None:
    """Push length-prefixed bytes."""
    machine.stack.append(machine.take(layout.unpack(machine.take(layout.size))[0]))


def push_integer(layout: Struct, machine: Machine) -> None:
    """Push an integer of up to :data:`LONGEST_INTEGER` bytes."""
    count = layout.unpack(machine.take(layout.size))[0]
    if not 0 <= count <= LONGEST_INTEGER:
        raise DamagedError(f"an integer in it has {count:,} bytes")
    machine.stack.append(int.from_bytes(machine.take(count), "little", signed=True))


def push_tuple(count: int | None, machine: Machine) -> None:
    """Push a tuple of the last ``count`` values; None: of those since the mark."""
    if count is None:
        values = machine.since_mark()
    else:
        if len(machine.stack) < count:
            raise DamagedError("an opcode lacks its operands")
        values = machine.stack[-count:]
        del machine.stack[-count:]
    machine.stack.append(tuple(values))


def put(layout: Struct | None, machine: Machine) -> None:
    """Memoise the last value, under the number that follows; None: under the next free number."""
    number = len(machine.memo) if layout is None else layout.unpack(machine.take(layout.size))[0]
    machine.memo[number] = machine.top()


def get(layout: Struct, machine: Machine) -> None:
    """Push a memoised value."""
    number = layout.unpack(machine.take(layout.size))[0]
    if number not in machine.memo:
        raise DamagedError("it refers to a value that was not memoised")
    machine.stack.append(machine.memo[number])


def mark(machine: Machine) -> None:
    """Start a new group of values."""
    machine.marks.append(machine.stack)
    machine.stack = []


def append(machine: Machine) -> None:
    """Add a value to a list."""
    value = machine.pop()
    machine.top(list).append(value)


def extend(machine: Machine) -> None:
    """Add the values since the mark to a list."""
    values = machine.since_mark()
    machine.top(list).extend(values)


def set_items(machine: Machine) -> None:
    """Add the keys and values since the mark to a dict."""
    values = machine.since_mark()
    target = machine.top(dict)
    for key, value in zip(values[::2], values[1::2], strict=True):
        target[key_of(key)] = value


def set_item(machine: Machine) -> None:
    """Add a key and its value to a dict."""
    value, key = machine.pop(), machine.pop()
    machine.top(dict)[key_of(key)] = value


def global_from_lines(machine: Machine) -> None:
    """Push a class or function named by the next two lines."""
    machine.push_global(machine.line(), machine.line())


def global_from_stack(machine: Machine) -> None:
    """Push a class or function named by the last two values."""
    name, module = machine.pop(), machine.pop()
    machine.push_global(module, name)


def reduce(machine: Machine) -> None:
    """Call a function or a class."""
    arguments, function = machine.pop(), machine.pop()
    machine.stack.append(machine.call(function, arguments))


def build(machine: Machine) -> None:
    """Set the state of a namespace or a number type; drop that of any other object, since it is not needed."""
    state, target = machine.pop(), machine.top()
    machine.charge(state)
    if isinstance(target, Namespace):
        if not isinstance(state, dict) or not all(isinstance(name, str) for name in state):
            raise DamagedError("a namespace in it has invalid names")
        vars(target).update(state)
    elif getattr(type(target), "takes_state", False):
        target.__setstate__(state)


def persistent(machine: Machine) -> None:
    """Replace a persistent id by the object that it refers to."""
    if machine.persistent is None:
        raise DamagedError("it refers to external data")
    machine.stack.append(machine.persistent(machine.pop()))


def frame(machine: Machine) -> None:
    """Skip the length of a frame."""
    machine.take(8)


def protocol(machine: Machine) -> None:
    """Skip the protocol number."""
    machine.take(1)


STOP = pickle.STOP[0]
BYTE, TWO, FOUR, EIGHT = Struct("<B"), Struct("<H"), Struct("<I"), Struct("<Q")
BY_CODE: dict[bytes, Callable[[Machine], None]] = {
    pickle.PROTO: protocol,
    pickle.FRAME: frame,
    pickle.NONE: partial(push, lambda: None),
    pickle.NEWTRUE: partial(push, lambda: True),
    pickle.NEWFALSE: partial(push, lambda: False),
    pickle.EMPTY_TUPLE: partial(push, tuple),
    pickle.EMPTY_LIST: partial(push, list),
    pickle.EMPTY_DICT: partial(push, dict),
    pickle.EMPTY_SET: partial(push, list),  # a set's members as a list, so that nothing has to be hashed
    pickle.BININT: partial(push_number, Struct("<i")),
    pickle.BININT1: partial(push_number, BYTE),
    pickle.BININT2: partial(push_number, TWO),
    pickle.BINFLOAT: partial(push_number, Struct(">d")),
    pickle.LONG1: partial(push_integer, BYTE),
    pickle.LONG4: partial(push_integer, Struct("<i")),
    pickle.SHORT_BINUNICODE: partial(push_text, BYTE),
    pickle.BINUNICODE: partial(push_text, FOUR),
    pickle.BINUNICODE8: partial(push_text, EIGHT),
    pickle.SHORT_BINSTRING: partial(push_old_text, BYTE),
    pickle.BINSTRING: partial(push_old_text, Struct("<i")),
    pickle.SHORT_BINBYTES: partial(push_bytes, BYTE),
    pickle.BINBYTES: partial(push_bytes, FOUR),
    pickle.BINBYTES8: partial(push_bytes, EIGHT),
    pickle.BYTEARRAY8: partial(push_bytes, EIGHT),
    pickle.TUPLE: partial(push_tuple, None),
    pickle.TUPLE1: partial(push_tuple, 1),
    pickle.TUPLE2: partial(push_tuple, 2),
    pickle.TUPLE3: partial(push_tuple, 3),
    pickle.FROZENSET: partial(push_tuple, None),
    pickle.MEMOIZE: partial(put, None),
    pickle.BINPUT: partial(put, BYTE),
    pickle.LONG_BINPUT: partial(put, FOUR),
    pickle.BINGET: partial(get, BYTE),
    pickle.LONG_BINGET: partial(get, FOUR),
    pickle.MARK: mark,
    pickle.APPEND: append,
    pickle.APPENDS: extend,
    pickle.ADDITEMS: extend,
    pickle.SETITEM: set_item,
    pickle.SETITEMS: set_items,
    pickle.GLOBAL: global_from_lines,
    pickle.STACK_GLOBAL: global_from_stack,
    pickle.REDUCE: reduce,
    pickle.NEWOBJ: reduce,
    pickle.BUILD: build,
    pickle.BINPERSID: persistent,
}
TABLE = {code[0]: instruction for code, instruction in BY_CODE.items()}
