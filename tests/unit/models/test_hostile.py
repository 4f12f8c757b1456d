"""Weights that ask for more than they have: refused in bounded time and memory, by one kind of error."""

import json
import os
import random
import resource
import struct
import time
import warnings
import zipfile

import pytest
import torch
from unit.models import hostile

from mimic_core.kit.errors import MimicError, UnreadableError
from mimic_core.models import build_encoder, load_pretrained, save_encoder
from mimic_core.models.weights import read_header
from mimic_core.models.weights.machine import INSTRUCTIONS
from mimic_core.models.weights.pickles import read_pickle
from mimic_core.objectives import load_model

SIZES = {"image_size": 32, "width": 16, "depth": 2, "heads": 2, "mlp_ratio": 3}
MANY = INSTRUCTIONS // 2 + 1000
LONG = 1 << 22


@pytest.fixture(autouse=True)
def bounded():
    """Every file here takes less than 700 MB beside what is there already, and ten seconds of a busy machine's."""
    with open("/proc/self/statm") as file:
        there = int(file.read().split()[0]) * resource.getpagesize()
    before = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (there + (700 << 20), before[1]))
    start = time.process_time()
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)
    assert time.process_time() - start < 10


BOMB = b"\x85" + b"".join(b"q%bh%b\x86" % (bytes([i]), bytes([i])) for i in range(40))
PICKLES = {
    "a tuple of tuples as a key": b"}" + hostile.text(b"a") + BOMB + b"K\1s",
    "a set of tuples of tuples": b"c__builtin__\nset\n]" + hostile.text(b"a") + BOMB + b"a\x85R",
    "lists": b"]" * MANY * 2,
    "lists in lists": b"]" * MANY + b"a" * MANY,
    "tuples in tuples": b")" + b"\x85" * MANY * 2,
    "marks": b"(" * MANY + b"t" * MANY,
    "remembered values": b"]" + b"".join(b"r" + struct.pack("<I", i) for i in range(MANY * 2)),
    "a number of megabytes": b"\x8b" + struct.pack("<i", LONG) + b"\1" * LONG,
    "a number of no length": b"\x8b" + struct.pack("<i", -5),
    "text beyond the end": b"X\xff\xff\xff\xffa",
    "bytes beyond the end": b"\x8e" + struct.pack("<Q", 1 << 63),
    "bytes of nothing": b"c__builtin__\nbytearray\n" + hostile.integer(10**11) + b"\x85R",
    "bytes over and over": hostile.calling(
        b"_codecs\nencode", hostile.text(b"a" * LONG) + hostile.text(b"latin1") + b"\x86", 1000
    ),
    "paths over and over": hostile.calling(b"pathlib\nPosixPath", hostile.text(b"a/" * LONG) + b"\x85", 1000),
    "dicts over and over": hostile.calling(
        b"collections\nOrderedDict",
        b"](" + b"".join(hostile.text(b"%d" % i) + b"K\1\x86" for i in range(9999)) + b"e\x85",
        9999,
    ),
    "tensors over and over": hostile.calling(
        b"torch._utils\n_rebuild_tensor_v2", b"(" + hostile.storage() + b"K\0K\4\x85K\1\x85\x89Nt", MANY // 2
    ),
    "a namespace as a key": b"}cargparse\nNamespace\n)\x81K\1s",
    "a list within itself": b"]q\0h\0a",
    "settings within themselves": b"}" + hostile.text(b"croco_kwargs") + b"}q\0" + hostile.text(b"img_size") + b"h\0ss",
    "a key without a value": b"}(K\1u",
    "a value that was not kept": b"h\7",
    "a name without an end": b"c" + b"a" * 10**6,
    "text that is no UTF-8": b"}X\2\0\0\0\xff\xfeK\1s",
    "a storage that is called": b"ctorch\nFloatStorage\n" + hostile.integer(10**11) + b"\x85R",
    "a tensor that is called": b"ctorch\nTensor\n" + hostile.integer(10**11) + b"\x85R",
    "a reference that is a number": b"K\1Q",
    "nothing": b"",
}
TENSORS = {
    "more numbers than the file": {"numel": 1 << 40},
    "fewer than none": {"numel": -4},
    "beyond its data": {"offset": 1},
    "before its data": {"offset": -1},
    "steps beyond its data": {"stride": (1 << 61,)},
    "values that are not stored": {"size": (1 << 30, 1 << 30), "stride": (0, 0)},
    "more axes than there are": {"size": (1,) * 999, "stride": (1,) * 999},
    "another member as its data": {"key": b"../data.pkl"},
    "another type": {"kind": b"torch\nDoubleStorage"},
}


@pytest.mark.parametrize("name", PICKLES)
def test_pickles_that_ask_for_too_much(path, name):
    hostile.archive(path, hostile.pickled(PICKLES[name]), [("data/0", bytes(16))])
    with pytest.raises(MimicError) as caught:
        load_pretrained(path)
    assert caught.value.where == str(path) and len(str(caught.value)) < 2000


@pytest.mark.parametrize("name", TENSORS)
def test_tensors_that_are_not_there(path, name):
    content = hostile.pickled(b"}", hostile.text(b"blocks.0.norm1.weight"), hostile.tensor(**TENSORS[name]), b"s")
    hostile.archive(path, content, [("data/0", bytes(16))])
    with pytest.raises(MimicError, match=r"expected|beyond|invalid shape|expanded|other than|missing"):
        load_pretrained(path)
    hostile.archive(
        path, hostile.pickled(b"}", hostile.text(b"blocks.0"), hostile.tensor(), b"s"), [("data/0", bytes(16))]
    )
    assert read_pickle(path)["blocks.0"].tolist() == [0] * 4


def test_legacy_files_that_ask_for_too_much(path):
    start = b"".join(
        hostile.pickled(part)
        for part in (b"\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19", b"M\xe9\3", b"}" + hostile.text(b"little_endian") + b"\x88s")
    )
    many = b"".join(hostile.storage(10**9, b"%d" % i).replace(b"tQ", b"NtQ") for i in range(999))
    for content in (many, PICKLES["lists"], hostile.storage(2).replace(b"tQ", b"NtQ")):
        path.write_bytes(start + hostile.pickled(content))
        with pytest.raises(UnreadableError):
            load_pretrained(path)


@pytest.mark.parametrize(
    "what", ["compressed", "twice", "two checkpoints", "none", "TorchScript", "larger than the file"]
)
def test_archives_that_torch_did_not_write(path, what):
    content, members, compression = hostile.pickled(b"}"), [], zipfile.ZIP_STORED
    if what == "compressed":
        content = hostile.pickled(b"}", hostile.text(b"a" * (1 << 25)), b"K\1s")
        compression = zipfile.ZIP_DEFLATED
    elif what == "twice":
        members = [("data.pkl", content)]
    elif what == "two checkpoints":
        members = [("../other/data.pkl", content)]
    elif what == "TorchScript":
        members = [("code/__torch__.py", b"import os")]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        hostile.archive(path, content, members, compression)
    if what == "none":
        with zipfile.ZipFile(path, "w") as file:
            file.writestr("weights.npy", b"")
    if what == "larger than the file":  # many entries of the central directory name the same bytes
        data = path.read_bytes()
        path.write_bytes(data.replace(struct.pack("<II", len(content), len(content)), struct.pack("<II", LONG, LONG)))
    with pytest.raises(MimicError, match=r"compressed|twice|data\.pkl|TorchScript|larger"):
        load_pretrained(path)


def test_parameters_that_share_their_bytes_are_refused(encoder, path):
    weights, same = dict(encoder.state_dict()), torch.zeros(1 << 18)
    weights |= {f"blocks.{i}.mlp.fc1.weight": same.view(512, 512) for i in range(99)}
    torch.save(weights, path)
    with pytest.raises(MimicError, match="more bytes than the file"):
        load_pretrained(path, heads=2)


HEADERS = [
    *({"depth": value} for value in (10**6, 10**9, 0, -1, True, 2.0, "2", None)),
    *({"width": value} for value in (65536, 10**30, "64", None, [64], float("inf"))),
    *({"heads": value} for value in (float("inf"), float("nan"), 0, True, "2")),
    *({"mlp_ratio": value} for value in (float("nan"), float("inf"), 1e300, 1e-9, -1, True, "4")),
    *({"image_size": value} for value in (320000, 10**18 * 16, 33, 32.0, None)),
    *({"patch_size": value} for value in (0, -16, True, None)),
    {"image_size": 10**9, "patch_size": 10**9},
    {"class_token": 1},
    {"positions": ["sincos"]},
    {"positions": "x" * 10**6},
    {"x" * 10**6: 1},
]


@pytest.mark.parametrize("change", HEADERS, ids=lambda change: str(change)[:40])
def test_sizes_in_headers_are_compared_with_the_parameters(encoder, tmp_path, change):
    path = tmp_path / "encoder.safetensors"
    save_encoder(path, encoder, {})

    def write(header):
        entry = json.loads(header["__metadata__"]["mimic_encoder"])
        entry["architecture"].update(change)
        header["__metadata__"]["mimic_encoder"] = json.dumps(entry)

    hostile.rewritten(path, write)
    with pytest.raises(MimicError) as caught:
        load_pretrained(path)
    assert len(str(caught.value)) < 5000


@pytest.mark.parametrize(
    "entry",
    ["[" * 200_000, "{", "null", "3", '{"format": 1e999}', '{"format": 1, "architecture": [1]}', '{"format": []}'],
)
def test_headers_that_are_none(encoder, tmp_path, entry):
    path = tmp_path / "encoder.safetensors"
    save_encoder(path, encoder, {})
    hostile.rewritten(path, lambda header: header["__metadata__"].update(mimic_encoder=entry))
    with pytest.raises(MimicError):
        load_pretrained(path)
    with pytest.raises(MimicError):
        load_model(path)


def entry_of(**changes):
    return {"blocks.0.norm1.weight": {"dtype": "F32", "shape": [4], "data_offsets": [0, 16]} | changes}


@pytest.mark.parametrize(
    ("header", "data"),
    [
        (b"{" + b" " * (120 << 20), b""),
        (b'{"a":' + b"[" * 100_000, b""),
        (json.dumps(entry_of() | {"b": entry_of()["blocks.0.norm1.weight"]}).encode(), bytes(16)),  # overlapping
        (json.dumps(entry_of(data_offsets=[0, 10**9])).encode(), bytes(16)),
        (json.dumps(entry_of(shape=[2**62, 2**62])).encode(), bytes(16)),
        (json.dumps(entry_of(shape=[-1])).encode(), bytes(16)),
        (json.dumps(entry_of(shape=[0, 2**62], data_offsets=[0, 0])).encode(), b""),
        (json.dumps(entry_of(dtype="F99")).encode(), bytes(16)),
        (json.dumps(entry_of(dtype="I32")).encode(), bytes(16)),
        (b'{"__metadata__":{"mimic_encoder":3}}', b""),
        (b"{}", b""),
    ],
    ids=lambda value: str(value[:30]),
)
def test_safetensors_that_are_damaged(tmp_path, header, data):
    path = tmp_path / "encoder.safetensors"
    path.write_bytes(struct.pack("<Q", len(header)) + header + data)
    for read in (load_pretrained, load_model, read_header):
        with pytest.raises(MimicError) as caught:
            read(path)
        assert len(str(caught.value)) < 2000
    path.write_bytes(struct.pack("<Q", 1 << 63) + b"{")
    with pytest.raises(MimicError, match="cut off"):
        load_pretrained(path)


@pytest.mark.parametrize("name", ["x.pth", "x.safetensors"])
@pytest.mark.parametrize("kind", ["pipe", "folder", "device", "a link to itself"])
def test_only_regular_files_are_opened(tmp_path, name, kind):
    path = tmp_path / name
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    else:
        path.symlink_to("/dev/zero" if kind == "device" else path)
    for read in (load_pretrained, load_model):
        with pytest.raises(UnreadableError, match="a weights file"):
            read(path)


@pytest.mark.parametrize(
    ("start", "word"),
    [
        (b"\x1f\x8b\x08", "gzip"),
        (b"<!DOCTYPE html>", "web"),
        (b"version https://git-lfs", "LFS"),
        (b"\x89HDF\r\n", "HDF5"),
    ],
)
def test_files_that_are_something_else_are_called_so(path, start, word):
    path.write_bytes(start + bytes(100))
    with pytest.raises(MimicError, match=word):
        load_pretrained(path)


def test_a_flipped_bit_in_an_archive_is_noticed(encoder, path):
    torch.save({"model": encoder.state_dict(), "optimizer": torch.zeros(5)}, path)
    content, draws = path.read_bytes(), random.Random(0)
    expected = load_pretrained(path, heads=2).state_dict()
    noticed = 0
    for _ in range(40):
        flipped = bytearray(content)
        flipped[draws.randrange(len(content))] ^= 1 << draws.randrange(8)
        path.write_bytes(flipped)
        try:
            found = load_pretrained(path, heads=2).state_dict()
        except MimicError:
            noticed += 1
        else:  # between the members, or in what nobody takes
            assert all(torch.equal(found[name], value) for name, value in expected.items())
    assert noticed > 15


def test_the_damaged_member_is_named(encoder, path):
    torch.save({"model": encoder.state_dict()}, path)
    content = bytearray(path.read_bytes())
    place = bytes(content).index(encoder.blocks[0].mlp.fc1.weight.detach().numpy().tobytes())
    content[place + 7] ^= 64
    path.write_bytes(content)
    for read in (load_pretrained, load_model):
        with pytest.raises(UnreadableError, match=r"checksum of data/\d+"):
            read(path, heads=2) if read is load_pretrained else read_pickle(path)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
@pytest.mark.parametrize("kind", [torch.float32, torch.float16, torch.bfloat16])
def test_values_that_are_not_finite_are_refused_by_name(encoder, path, value, kind):
    weights = {name: parameter.to(kind) for name, parameter in encoder.state_dict().items()}
    weights["blocks.1.norm1.bias"][3] = value
    torch.save(weights, path)
    with pytest.raises(MimicError, match=r"parameter blocks\.1\.norm1\.bias holds values that are not finite"):
        load_pretrained(path, heads=2)
    weights["blocks.1.norm1.bias"][3] = torch.finfo(kind).max
    torch.save(weights, path)
    load_pretrained(path, heads=2)


def test_values_of_ours_that_are_not_finite_are_refused(tmp_path):
    encoder = build_encoder(SIZES, seed=0)
    with torch.no_grad():
        encoder.norm.weight[0] = float("nan")
    save_encoder(tmp_path / "encoder.safetensors", encoder, {})
    with pytest.raises(MimicError, match=r"parameter norm\.weight holds"):
        load_pretrained(tmp_path / "encoder.safetensors")


def test_whole_numbers_are_no_parameters(encoder, path):
    torch.save(encoder.state_dict() | {"norm.bias": torch.zeros(16, dtype=torch.int8)}, path)
    with pytest.raises(MimicError, match=r"norm\.bias is of the type torch\.int8"):
        load_pretrained(path, heads=2)
