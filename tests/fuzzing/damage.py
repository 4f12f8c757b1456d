"""What happens to good files: bits flipped, ends lost, parts moved, numbers and JSON values made hostile."""

import json
import random
import struct

HOSTILE_NUMBERS = [0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 2**63 - 1, 2**64 - 1]
HOSTILE_VALUES = [
    *(None, True, False, 0, -1, 1, 2**31, 2**63, 10**400, 1e308, -1e308, float("nan"), float("inf")),
    *("", "x" * 5000, "../../etc/passwd", "\0", "\ud800", "=1+1", "$(touch pwned)", [], {}, [[]], {"": {}}),
]


def damaged(data: bytes, rng: random.Random) -> bytes:
    """The bytes after one to four accidents."""
    for _ in range(rng.choice([1, 1, 2, 4])):
        data = rng.choice(ACCIDENTS)(data, rng)
    return data


def flip(data: bytes, rng: random.Random) -> bytes:
    changed = bytearray(data)
    for _ in range(min(len(data), rng.choice([1, 1, 3, 20]))):
        changed[place(data, rng)] ^= 1 << rng.randrange(8)
    return bytes(changed)


def cut(data: bytes, rng: random.Random) -> bytes:
    return data[: rng.randrange(len(data) + 1)]


def remove(data: bytes, rng: random.Random) -> bytes:
    start = rng.randrange(len(data) + 1)
    return data[:start] + data[start + rng.randrange(1, 200) :]


def repeat(data: bytes, rng: random.Random) -> bytes:
    start = rng.randrange(len(data) + 1)
    return data[:start] + data[start : start + rng.randrange(1, 2000)] * 2 + data[start:]


def noise(data: bytes, rng: random.Random) -> bytes:
    start = place(data, rng)
    return data[:start] + rng.randbytes(rng.choice([1, 4, 64, 500])) + data[start + 4 :]


def number(data: bytes, rng: random.Random) -> bytes:
    """A number, of any width and order of bytes, that is as large or small as it can be."""
    start, width = place(data, rng), rng.choice([1, 2, 4, 8])
    value = rng.choice(HOSTILE_NUMBERS) & (1 << 8 * width) - 1
    return data[:start] + value.to_bytes(width, rng.choice(["little", "big"])) + data[start + width :]


def text(data: bytes, rng: random.Random) -> bytes:
    """A word that stands for something else in text formats."""
    words = [b"[" * 3000, b"{", b"]", b'"', b"\0", b"&a [*a]", b"1e999", b"\xff\xfe", b"=", b",,,", b"\r", b"-1"]
    start = place(data, rng)
    return data[:start] + rng.choice(words) + data[start:]


def place(data: bytes, rng: random.Random) -> int:
    """Anywhere, but more often near the beginning, where headers stand."""
    return rng.randrange(max(1, min(len(data), rng.choice([64, 512, len(data), len(data)]))))


ACCIDENTS = [flip, flip, cut, remove, repeat, noise, number, number, text]


def hostile_json(value: object, rng: random.Random) -> object:
    """A JSON value with one place in it replaced, removed or doubled."""
    places: list[tuple[list | dict, object]] = []
    stack = [value]
    while stack:
        one = stack.pop()
        if isinstance(one, dict | list):
            keys = list(one) if isinstance(one, dict) else list(range(len(one)))
            places += [(one, key) for key in keys]
            stack += [one[key] for key in keys]
    if not places:
        return rng.choice(HOSTILE_VALUES)
    for _ in range(rng.choice([1, 1, 2])):
        inside, key = rng.choice(places)
        try:
            if rng.random() < 0.2:
                del inside[key]
            else:
                other = rng.choice(places)
                inside[key] = rng.choice([*HOSTILE_VALUES, other[0], other[0][other[1]]])
        except (KeyError, IndexError):
            continue
    return value


def damaged_json(data: bytes, rng: random.Random) -> bytes:
    """A JSON document after an accident that leaves it JSON, where that can be written down."""
    try:
        return json.dumps(hostile_json(json.loads(data), rng)).encode(errors="replace")
    except (ValueError, RecursionError, OverflowError):
        return damaged(data, rng)


def damaged_glb(data: bytes, rng: random.Random) -> bytes:
    """A GLB whose document had an accident; its lengths fit again."""
    size = struct.unpack_from("<I", data, 12)[0]
    document = damaged_json(data[20 : 20 + size], rng)
    document += b" " * (-len(document) % 4)
    rest = data[20 + size :]
    head = struct.pack("<4sIIII", b"glTF", 2, 20 + len(document) + len(rest), len(document), 0x4E4F534A)
    return head + document + rest


def damaged_safetensors(data: bytes, rng: random.Random) -> bytes:
    """A safetensors file whose header had an accident; its length fits again."""
    size = struct.unpack_from("<Q", data, 0)[0]
    header = json.loads(data[8 : 8 + size])
    inner = next(iter(header["__metadata__"]))
    if rng.random() < 0.5:
        header["__metadata__"][inner] = damaged_json(header["__metadata__"][inner].encode(), rng).decode(
            errors="replace"
        )
        written = json.dumps(header).encode()
    else:
        written = damaged_json(data[8 : 8 + size], rng)
    return struct.pack("<Q", len(written)) + written + data[8 + size :]
