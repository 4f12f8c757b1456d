"""Labelled pictures by others: what is no regular file, bombs, labels stored in other ways, lists of rubbish."""

import os
import struct
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from mimic_core.finetune.data import IGNORED, load_all, open_usable
from mimic_core.finetune.layouts import ADE20K, ImageNet, Taskonomy
from mimic_core.kit.errors import MimicError

HEIGHT, WIDTH = 24, 32
LABELS = np.random.default_rng(0).integers(0, 151, (HEIGHT, WIDTH)).astype(np.uint8)


def png(pixels, bits, colour, palette=None, rows=None) -> bytes:
    """A PNG of samples (H, W) or (H, W, C) of ``bits`` bits each, whatever they are; ``rows``: the stated height."""
    height, width = pixels.shape[:2]
    samples = pixels.reshape(height, -1).astype(">u2" if bits == 16 else np.uint8)
    if bits < 8:
        packed = np.unpackbits(samples[..., None], axis=2)[..., 8 - bits :].reshape(height, -1)
        lines = [np.packbits(line).tobytes() for line in packed]
    else:
        lines = [line.tobytes() for line in samples]
    parts = [b"IHDR" + struct.pack(">IIBBBBB", width, rows or height, bits, colour, 0, 0, 0)]
    if palette is not None:
        parts.append(b"PLTE" + bytes(palette))
    parts += [b"IDAT" + zlib.compress(b"".join(b"\0" + line for line in lines)), b"IEND"]
    chunks = [struct.pack(">I", len(part) - 4) + part + struct.pack(">I", zlib.crc32(part)) for part in parts]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


COLOURS = [(7 * number + 3) % 256 for number in range(768)]
EQUAL = np.repeat(np.arange(256), 3)[::-1].tolist()  # grey, and not in order

# ---------------------------------------------------------------------- ADE20K


@pytest.fixture
def ade(tmp_path: Path) -> Path:
    """Three images; the annotation of ``b`` is the test's."""
    for kind in ("images", "annotations"):
        (tmp_path / kind / "validation").mkdir(parents=True)
    for name in "abc":
        cv2.imwrite(str(tmp_path / "images" / "validation" / f"{name}.jpg"), np.full((HEIGHT, WIDTH, 3), 90, np.uint8))
        (tmp_path / "annotations" / "validation" / f"{name}.png").write_bytes(png(LABELS, 8, 0))
    return tmp_path


def annotation(root: Path) -> Path:
    return root / "annotations" / "validation" / "b.png"


@pytest.mark.parametrize("palette", [COLOURS, EQUAL])
@pytest.mark.parametrize("bits", [1, 2, 4, 8])
def test_the_classes_of_a_palette_are_its_places(ade, bits, palette):
    labels = LABELS & (1 << bits) - 1
    annotation(ade).write_bytes(png(labels, bits, 3, palette[: 3 << bits]))
    split = open_usable(ADE20K, ade, "test", 16)
    assert split.skipped == [] and len(split) == 3
    np.testing.assert_array_equal(split.pair(1)[1], labels)
    np.testing.assert_array_equal(split.pair(0)[1], LABELS)


def test_a_palette_as_pillow_writes_it(ade):
    picture = Image.frombytes("P", (WIDTH, HEIGHT), LABELS.tobytes())
    picture.putpalette(COLOURS)
    picture.save(annotation(ade), transparency=3)
    split = open_usable(ADE20K, ade, "test", 16)
    assert len(split) == 3
    np.testing.assert_array_equal(split.pair(1)[1], LABELS)
    maps = load_all(split, 16)
    np.testing.assert_array_equal(maps.labels[0], maps.labels[1])
    assert set(np.unique(maps.labels[1])) <= {*range(150), IGNORED}


def test_grey_of_one_bit_is_class_0_and_1(ade):
    annotation(ade).write_bytes(png(LABELS % 2, 1, 0))
    np.testing.assert_array_equal(open_usable(ADE20K, ade, "test", 16).pair(1)[1], LABELS % 2)


def jpeg() -> bytes:
    return cv2.imencode(".jpg", LABELS)[1].tobytes()


ANNOTATIONS = {
    "grey of 2 bits": (png(LABELS % 4, 2, 0), "2 bits of grey"),
    "grey of 4 bits": (png(LABELS % 16, 4, 0), "4 bits of grey"),
    "grey of 16 bits": (png(LABELS, 16, 0), "16 bits of grey"),
    "RGB of equal channels": (png(np.repeat(LABELS[..., None], 3, axis=2), 8, 2), "8 bits of RGB"),
    "grey and transparency": (png(np.repeat(LABELS[..., None], 2, axis=2), 8, 4), "transparency"),
    "RGBA": (png(np.repeat(LABELS[..., None], 4, axis=2), 8, 6), "transparency"),
    "no colour known": (png(LABELS, 8, 5), "unknown colour type"),
    "class 200 of a palette": (png(np.full_like(LABELS, 200), 8, 3, COLOURS), "class 200"),
    "JPEG": (jpeg(), "not a PNG"),
    "cut off": (png(LABELS, 8, 3, COLOURS)[:-60], "cannot be read"),
    "a damaged byte": (png(LABELS, 8, 0)[:60] + b"\xff" + png(LABELS, 8, 0)[61:], "cannot be read"),
    "header alone": (png(LABELS, 8, 0)[:33], "cannot be read"),
    "8 bytes": (b"\x89PNG\r\n\x1a\n", "cannot be read"),
    "a bomb": (png(np.zeros((2, 30000)), 1, 3, COLOURS[:6], rows=30000), "30000x30000 pixels"),
    "of no pixel": (png(np.zeros((1, 0)), 8, 0), "cannot be read"),
    "other alone": (png(np.zeros_like(LABELS), 8, 3, COLOURS), "no pixel of this image has a label"),
}


@pytest.mark.parametrize("kind", ANNOTATIONS)
def test_an_annotation_stored_in_another_way_costs_itself(ade, kind):
    data, message = ANNOTATIONS[kind]
    annotation(ade).write_bytes(data)
    split = open_usable(ADE20K, ade, "test", 16, threads=2)
    assert [path.stem for path in split.images] == ["a", "c"]
    assert len(split.skipped) == 1 and message in split.skipped[0].what and "/b." in split.skipped[0].where


# ---------------------------------------------------------------------- what is no regular file, in every layout


def bomb(path: Path) -> None:
    path.write_bytes(png(np.zeros((2, 30000)), 1, 0, rows=30000))


def radiance(path: Path) -> None:
    """A format that OpenCV alone knows, which states 2 thousand million pixels."""
    path.write_bytes(b"#?RADIANCE\nFORMAT=32-bit_rle_rgbe\n\n-Y 50000 +X 40000\n" + bytes(99))


NO_PICTURES = {
    "a pipe": os.mkfifo,
    "a device": lambda path: path.symlink_to("/dev/zero"),
    "a folder": Path.mkdir,
    "a link to itself": lambda path: path.symlink_to(path),
    "a link to nothing": lambda path: path.symlink_to("nowhere"),
    "a bomb": bomb,
    "a bomb that Pillow does not know": radiance,
    "empty": Path.touch,
}


@pytest.fixture
def imagenet(tmp_path: Path) -> Path:
    for part in ("train", "val"):
        for name in ("n00000001", "n00000002"):
            (tmp_path / part / name).mkdir(parents=True)
            for number in range(2):
                picture = np.full((HEIGHT, WIDTH, 3), 90, np.uint8)
                cv2.imwrite(str(tmp_path / part / name / f"{number}.png"), picture)
    return tmp_path


@pytest.mark.parametrize("kind", NO_PICTURES)
def test_what_is_no_picture_costs_itself(ade, imagenet, taskonomy, kind):
    for root, reader, path, count in (
        (ade, ADE20K, ade / "images" / "validation" / "b.jpg", 2),
        (ade, ADE20K, ade / "annotations" / "validation" / "c.png", 1),
        (imagenet, ImageNet, imagenet / "val" / "n00000002" / "1.png", 3),
        (taskonomy, Taskonomy, taskonomy / "rgb" / "beach" / "point_1_view_1_domain_rgb.png", 2),
        (taskonomy, Taskonomy, taskonomy / "normal" / "beach" / "point_2_view_0_domain_normal.png", 1),
    ):
        path.unlink()
        NO_PICTURES[kind](path)
        split = open_usable(reader, root, "test", 16, threads=2)
        assert len(split) == count and any(path.name.split(".")[0] in skipped.where for skipped in split.skipped)


def test_what_a_receipt_names_is_a_regular_file(ade, imagenet):
    os.mkfifo(ade / "a.txt")
    (ade / "b.txt").symlink_to("/dev/zero")
    (ade / "c.txt").write_text("")
    os.mkfifo(imagenet / "LOC_val.csv")
    os.mkfifo(imagenet / "SAMPLE_WORLD.json")
    assert [path.name for path in ADE20K(ade, "test").files] == ["c.txt"]
    split = ImageNet(imagenet, "test")
    assert split.files == [] and split.label == "ImageNet"


# ---------------------------------------------------------------------- ImageNet and Taskonomy


@pytest.mark.parametrize("name", ["n00000003\n", "n0000000３", "n٠٠٠٠٠٠٠٣", "n000000031", "N00000003", "n0000003\x1b"])
def test_a_class_is_named_to_its_end(imagenet, name):
    for part in ("train", "val"):
        (imagenet / part / name).mkdir()
    assert ImageNet(imagenet, "test").wnids == ["n00000001", "n00000002"]


def test_links_and_files_named_like_classes(imagenet):
    for name, target in (("n00000003", "n00000003"), ("n00000004", "nowhere"), ("n00000005", "/dev/zero")):
        (imagenet / "val" / name).symlink_to(target)
    (imagenet / "val" / "n00000006").touch()
    assert len(open_usable(ImageNet, imagenet, "test", 16)) == 4


LISTS = {
    "empty": b"",
    "zeros": bytes(300),
    "noise": np.random.default_rng(0).bytes(3000),
    "no UTF-8": b"id,train,val,test\nb\xff,0,0,1\n",
    "a field of a megabyte": b"id,train,val,test\n" + b"x" * (1 << 20) + b",0,0,1\n",
    "short rows": b"train,val,test,id\n0,0,1\n",
    "paths": b"id,train,val,test\n../beach,0,0,1\n/etc,0,0,1\n.,0,0,1\n..,0,0,1\n,0,0,1\n",
    "control letters": b'id,train,val,test\n"\x1b[2J\na",0,0,1\n',
    "zero bytes": b"id,train,val,test\na\0b,0,0,1\n",
    "other columns": b"\x1b[2J\n",
}


@pytest.mark.parametrize("kind", LISTS)
def test_a_list_of_buildings_of_rubbish_is_refused_by_name(taskonomy, kind, caplog):
    (taskonomy / "splits" / "train_val_test.csv").write_bytes(LISTS[kind])
    with pytest.raises(MimicError) as caught:
        Taskonomy(taskonomy, "test")
    assert caught.value.remedy and "\x1b" not in str(caught.value) + caplog.text


def test_a_building_listed_twice_counts_once_and_formulas_are_names(taskonomy):
    path = taskonomy / "splits" / "train_val_test.csv"
    expected = Taskonomy(taskonomy, "test").images
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes() + b'beach,0,0,1\n"=1+1",0,0,1\n@x,0,0,1\n')
    assert Taskonomy(taskonomy, "test").images == expected
    path.unlink()
    os.mkfifo(path)
    with pytest.raises(MimicError, match="a pipe"):
        Taskonomy(taskonomy, "test")


def test_normals_of_16_bits_are_read_and_grey_ones_are_not(taskonomy):
    path = taskonomy / "normal" / "beach" / "point_1_view_1_domain_normal.png"
    expected = Taskonomy(taskonomy, "test").load([1], 16)
    pixels = cv2.imread(str(path))
    cv2.imwrite(str(path), pixels.astype(np.uint16) * 257)
    found = Taskonomy(taskonomy, "test").load([1], 16)
    np.testing.assert_array_equal(found.target, expected.target)
    cv2.imwrite(str(path), pixels[..., 0])
    split = open_usable(Taskonomy, taskonomy, "test", 16)
    assert [skipped.what for skipped in split.skipped] == ["its normals are grey"] and len(split) == 2
