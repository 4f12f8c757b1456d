"""Labelled data sets that are written another way, damaged, or hostile."""

from __future__ import annotations

import io
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from cases.base import Seen, case, seen
from cases.running import FIELD_MEMORY, attempt, call

IMPORTED = ("mimic_core.finetune.layouts",)

# --- F22: annotations with a palette ----------------------------------------------------------------------------------


def classes() -> Any:
    return np.random.default_rng(0).integers(0, 151, (40, 50)).astype(np.uint8)


def write_palette(folder: Path) -> None:
    from PIL import Image

    for name in ("images", "annotations"):
        (folder / name / "validation").mkdir(parents=True)
    Image.new("RGB", (50, 40)).save(folder / "images" / "validation" / "a.jpg")
    annotation = Image.new("P", (50, 40))
    annotation.putdata(classes().ravel().tolist())
    annotation.putpalette([7 * number % 256 for number in range(768)])
    annotation.save(folder / "annotations" / "validation" / "a.png")


def read_palette(folder: Path) -> tuple[str, Any]:
    """In a worker: how many samples are usable, what was skipped, and whether the first has the classes as written."""

    def read() -> tuple[int, str, bool]:
        from mimic_core.finetune.data import open_usable
        from mimic_core.finetune.layouts import ADE20K

        split = open_usable(ADE20K, folder, "test", 32)
        return len(split), str(split.skipped), bool(np.array_equal(split.pair(0)[1], classes()))

    return attempt(read)


@case(
    "F22",
    "ADE20K's annotations as PNGs of 8 bits with a palette",
    right="one usable sample whose classes are the indices",
    write=write_palette,
)
def palette(folder: Path) -> Seen:
    called = call(read_palette, folder)
    return seen(f"{called.value or called.lost}", one_sample_of_these_classes=called.value == ("fine", (1, "[]", True)))


# --- NYUv2 ------------------------------------------------------------------------------------------------------------

IMAGES, DEPTHS = (2, 3, 40, 30), (2, 40, 30)


def write_nyu(folder: Path, fill: Callable[[Any], object], splits: bytes | None = None) -> None:
    """An ``.mat`` that ``fill`` fills, and splits."""
    import h5py
    import scipy.io

    folder.mkdir(parents=True)
    with h5py.File(folder / "nyu_depth_v2_labeled.mat", "w") as file:
        fill(file)
    if splits is not None:
        (folder / "splits.mat").write_bytes(splits)
    else:
        scipy.io.savemat(folder / "splits.mat", {"trainNdxs": [[1], [2]], "testNdxs": [[1], [2]]})


def good(file: Any) -> None:
    file["images"], file["depths"] = np.ones(IMAGES, "u1"), np.ones(DEPTHS, "f4")


def read_nyu(folders: list[Path]) -> dict[str, tuple[str, str]]:
    """In a worker: what becomes of NYUv2 in each folder, read to its first sample."""
    from mimic_core.finetune.layouts import NYUv2

    def read(folder: Path) -> str:
        return str(NYUv2(folder, "test").load([0], 32).images[0, 0, :2].tolist())

    return {folder.name: attempt(lambda folder=folder: read(folder)) for folder in folders}


def judge_nyu(folder: Path, *, good: str = "") -> Seen:
    """Whether each data set below a folder is refused in words, but the good one."""
    folders = sorted(path for path in folder.iterdir() if path.is_dir())
    called = call(read_nyu, folders)
    found = called.value or {}
    text = "; ".join(f"{name}: {how}, {words}" for name, (how, words) in found.items())
    wanted = {path.name: "fine" if path.name == good else "refused" for path in folders}
    right = {f"{name} {how}": found.get(name, ("lost",))[0] == how for name, how in wanted.items()}
    right["under 1.5 GB"] = called.peak < FIELD_MEMORY
    return seen(f"{text or called.lost}; {called.peak} MiB", **right)


def write_external(folder: Path) -> None:
    """Images that lie in another file, three ways."""
    import h5py

    secret = folder / "other.h5"
    with h5py.File(secret, "w") as file:
        file["images"] = np.full(IMAGES, 77, "u1")

    def stored(file: Any) -> None:
        file["depths"] = np.ones(DEPTHS, "f4")
        file.create_dataset("images", shape=IMAGES, dtype="u1", external=[("/bin/ls", 0, int(np.prod(IMAGES)))])

    def linked(file: Any) -> None:
        file["depths"], file["images"] = np.ones(DEPTHS, "f4"), h5py.ExternalLink(str(secret), "/images")

    def virtual(file: Any) -> None:
        file["depths"] = np.ones(DEPTHS, "f4")
        layout = h5py.VirtualLayout(IMAGES, "u1")
        layout[:] = h5py.VirtualSource(str(secret), "images", IMAGES)
        file.create_virtual_dataset("images", layout)

    for name, fill in (("storage", stored), ("link", linked), ("virtual", virtual), ("good", good)):
        write_nyu(folder / name, fill)


@case(
    "L1",
    "NYUv2's .mat with images in other files: external storage, an external link, a virtual data set",
    right="each is refused, the good one beside them is read",
    write=write_external,
)
def external(folder: Path) -> Seen:
    return judge_nyu(folder, good="good")


def write_splits(folder: Path) -> None:
    import scipy.io

    text = io.BytesIO()
    scipy.io.savemat(text, {"testNdxs": "hello"})
    damaged = text.getvalue()[:130] + b"\xff" * 60
    contents = {"empty": b"", "zeros": bytes(200), "text": text.getvalue(), "damaged": damaged, "words": b"no .mat"}
    for name, splits in contents.items():
        write_nyu(folder / name, good, splits)


@case(
    "L2",
    "splits.mat that is empty, all zeros, of text, damaged, or no .mat",
    right="each is refused in words",
    write=write_splits,
)
def splits(folder: Path) -> Seen:
    return judge_nyu(folder)


def write_shapes(folder: Path) -> None:
    import h5py

    def group(file: Any) -> None:
        file["depths"] = np.ones(DEPTHS, "f4")
        file.create_group("images")

    def loop(file: Any) -> None:
        file["depths"], file["images"] = np.ones(DEPTHS, "f4"), h5py.SoftLink("/images")

    def text(file: Any) -> None:
        file["images"], file["depths"] = np.ones(IMAGES, "u1"), np.full(DEPTHS, b"x")

    def nothing(file: Any) -> None:
        file["images"], file["depths"] = np.ones((2, 3, 0, 0), "u1"), np.ones((2, 0, 0), "f4")

    def flat(file: Any) -> None:
        file["images"], file["depths"] = np.ones(6, "u1"), np.ones((), "f4")

    for fill in (group, loop, text, nothing, flat):
        write_nyu(folder / fill.__name__, fill)


@case(
    "L3",
    "images that are a group, a link to themselves, without pixels or flat; depths that are text",
    right="each is refused in words",
    write=write_shapes,
)
def shapes(folder: Path) -> Seen:
    return judge_nyu(folder)


def write_huge(folder: Path) -> None:
    """Arrays of which nothing is written, in chunks of another size each."""

    def of(side: int) -> Callable[[Any], None]:
        def fill(file: Any) -> None:
            packed = {"chunks": (1, 1, side, side), "compression": "gzip"}
            file.create_dataset("images", (2, 3, 30_000, 30_000), "u1", **packed)
            file.create_dataset("depths", (2, 30_000, 30_000), "f4", **packed | {"chunks": (1, side, side)})

        return fill

    write_nyu(folder / "small_chunks", of(100))
    write_nyu(folder / "large_chunks", of(15_000))


@case(
    "L3c",
    "NYUv2's .mat of a few kB whose images are 30,000 x 30,000, in small chunks and in large ones",
    right="refused in words, under 1.5 GB",
    write=write_huge,
)
def huge(folder: Path) -> Seen:
    return judge_nyu(folder)


# --- COCO -------------------------------------------------------------------------------------------------------------


def write_coco(folder: Path) -> None:
    """One good person, and beside it a giraffe of 17 joints and boxes of absurd numbers."""
    import json

    from fuzzing.targets import write_coco as write_good

    write_good(folder)
    path = folder / "annotations" / "person_keypoints_val2017.json"
    document = json.loads(path.read_text())
    one = document["annotations"][0]
    giraffe = {**document["categories"][0], "id": 2, "name": "giraffe"}
    document["categories"].append(giraffe)
    odd = [{"category_id": 2}, {"bbox": [0, 0, 1e308, 1e308]}, {"bbox": [float("nan")] * 4}, {"keypoints": None}]
    document["annotations"] += [{**one, "id": 6 + number, **change} for number, change in enumerate(odd)]
    path.write_text(json.dumps(document))
    shutil.rmtree(folder / "train2017")


def read_coco(folder: Path) -> tuple[str, Any]:
    """In a worker: how many people are usable, and how many entries were skipped."""

    def read() -> tuple[int, int]:
        from mimic_core.finetune.data import open_usable
        from mimic_core.finetune.layouts import CocoKeypoints

        split = open_usable(CocoKeypoints, folder, "test", 32)
        return len(split), len(split.skipped)

    return attempt(read)


@case(
    "L3b",
    "COCO: a category of 17 joints that is no person, boxes of 1e308 and NaN, joints that are no list",
    right="one person is usable; what is wrong is named, and the giraffe is nobody",
    write=write_coco,
)
def coco(folder: Path) -> Seen:
    called = call(read_coco, folder)
    how, found = called.value or ("lost", called.lost)
    fine = how == "fine"
    return seen(
        f"{how}: {found}",
        one_person=fine and found[0] == 1,
        the_others_are_named=fine and found[1] >= 3,
    )
