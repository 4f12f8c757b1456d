"""Files of weights as nobody should write them: archives, pickles and headers made by hand."""

import json
import struct
import zipfile

PROTOCOL = b"\x80\x02"


def archive(path, content, members=(), compression=zipfile.ZIP_STORED):
    """A file like torch's of a pickle and of named bytes."""
    with zipfile.ZipFile(path, "w", compression) as file:
        for name, data in (("data.pkl", content), ("version", b"3"), ("byteorder", b"little"), *members):
            file.writestr(f"archive/{name}", data)
    return path


def pickled(*instructions):
    """A pickle of these instructions."""
    return PROTOCOL + b"".join(instructions) + b"."


def integer(value):
    """A number of eight bytes."""
    return b"\x8a\x08" + struct.pack("<q", value)


def text(value):
    """A text."""
    return b"X" + struct.pack("<I", len(value)) + value


def storage(numel=4, key=b"0", kind=b"torch\nFloatStorage"):
    """A reference to a tensor's bytes."""
    return b"(" + text(b"storage") + b"c" + kind + b"\n" + text(key) + text(b"cpu") + integer(numel) + b"tQ"


def tensor(size=(4,), stride=(1,), offset=0, **options):
    """A tensor."""
    shape = b"".join(b"(" + b"".join(map(integer, axes)) + b"t" for axes in (size, stride))
    return b"ctorch._utils\n_rebuild_tensor_v2\n(" + storage(**options) + integer(offset) + shape + b"\x89NtR"


def calling(name, arguments, times):
    """A function that is called over and over with the same arguments."""
    return b"c" + name + b"\nq\0" + arguments + b"q\1" + b"h\0h\1R" * times


def rewritten(path, change):
    """Change the header of a safetensors file."""
    data = path.read_bytes()
    length = struct.unpack("<Q", data[:8])[0]
    header = json.loads(data[8 : 8 + length])
    change(header)
    changed = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(changed)) + changed + data[8 + length :])
