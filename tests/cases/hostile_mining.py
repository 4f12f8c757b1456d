"""Files that hang, take memory or bring down what mines them: each costs itself, is named, and nothing else."""

from __future__ import annotations

import json
import os
import shutil
import struct
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np

from cases.base import Seen, case, seen
from cases.making import encode, glb, pan, photos, png_bomb
from cases.running import FIELD_MEMORY, Mined, attempt, call, mine, mine_words, peak_of

# --- pipes, devices, links --------------------------------------------------------------------------------------------


def write_pipes(folder: Path) -> None:
    photos(folder / "in" / "x")
    photos(folder / "in" / "y")
    os.mkfifo(folder / "in" / "x" / "pipe.jpg")
    (folder / "in" / "y" / "zero.png").symlink_to("/dev/zero")


def write_film_pipes(folder: Path) -> None:
    encode(folder / "in" / "good.mp4", pan(3, 5), rate=5)
    os.mkfifo(folder / "in" / "pipe.mp4")
    (folder / "in" / "zero.mkv").symlink_to("/dev/zero")
    (folder / "in" / "loop.avi").symlink_to("loop.avi")
    (folder / "in" / "loop").symlink_to("loop")


def judge_odd(mined: Mined, good: set[str], odd: tuple[str, ...]) -> Seen:
    return seen(
        f"{mined.counts}; {mined.unreadable}",
        it_ends=mined.code is not None,
        the_others_are_mined=set(mined.views) == good,
        unreadable_by_name=all(any(name in unit for unit in mined.unreadable) for name in odd),
        rc_3=mined.code == 3,
        no_traceback=mined.tidy,
    )


@case(
    "M3",
    "among photos a pipe pipe.jpg and a link zero.png to /dev/zero",
    right="both are 'unreadable' by name, the photos beside them are mined",
    write=write_pipes,
)
def pipes(folder: Path) -> Seen:
    return judge_odd(mine(folder / "in", folder / "out"), {"x", "y"}, ("pipe.jpg", "zero.png"))


@case(
    "M3b",
    "beside a film a pipe pipe.mp4, a link zero.mkv to /dev/zero, and links to themselves",
    right="each is 'unreadable' by name, the film is mined",
    write=write_film_pipes,
)
def film_pipes(folder: Path) -> Seen:
    mined = mine(folder / "in", folder / "out")
    return judge_odd(mined, {"good.mp4"}, ("pipe.mp4", "zero.mkv", "loop.avi"))


# --- bombs ------------------------------------------------------------------------------------------------------------


def write_png_bomb(folder: Path) -> None:
    photos(folder / "in" / "x")
    (folder / "in" / "x" / "bomb.png").write_bytes(png_bomb())


@case(
    "M7",
    "a PNG of 110 kB that is 30,000 x 30,000 pixels",
    right="'unreadable' by name, the photos beside it are mined, under 1.5 GB",
    write=write_png_bomb,
)
def bomb(folder: Path) -> Seen:
    return judge_bombs(folder, "bomb.png")


def judge_bombs(folder: Path, *names: str) -> Seen:
    ended, peak = peak_of(*mine_words(folder / "in", folder / "out", "--jobs", 1))
    mined = Mined(ended.code, ended.output, ended.errors, ended.seconds, folder / "out")
    found = judge_odd(mined, {"x"}, names)
    return Seen(f"{found.text}; {peak} MiB", (*found.wrong, *(() if 0 < peak < FIELD_MEMORY else ("under 1.5 GB",))))


def write_film_bombs(folder: Path) -> None:
    """A film whose frames are PNG bombs, and a GIF whose header says as much over a few bytes."""
    photos(folder / "in" / "x")
    side = 30_000
    with av.open(str(folder / "in" / "bomb.mov"), "w") as container:
        stream = container.add_stream("png", rate=1)
        stream.width, stream.height, stream.pix_fmt = 16, 16, "rgb24"  # each frame says otherwise
        for number in range(3):
            packet = av.Packet(png_bomb(side))
            packet.stream, packet.time_base = stream, Fraction(1)
            packet.pts = packet.dts = number
            container.mux(packet)
    screen = struct.pack("<HHBBB", side, side, 0x80, 0, 0) + bytes([0, 0, 0, 255, 255, 255])
    image = b"," + struct.pack("<HHHHB", 0, 0, side, side, 0) + b"\x02\x02\x44\x01\x00"
    (folder / "in" / "x" / "bomb.gif").write_bytes(b"GIF89a" + screen + image + b";")


@case(
    "M7b",
    "a film of PNGs and a GIF of 30,000 x 30,000 pixels",
    right="both are 'unreadable' by name, the photos beside them are mined, under 1.5 GB",
    write=write_film_bombs,
)
def film_bombs(folder: Path) -> Seen:
    return judge_bombs(folder, "bomb.mov", "bomb.gif")


# --- HDF5 and GLB -----------------------------------------------------------------------------------------------------


def write_h5(folder: Path) -> None:
    import h5py

    picture = np.random.default_rng(0).integers(0, 255, (48, 64, 3), np.uint8)
    with h5py.File(folder / "a.h5", "w") as file:
        file.create_group(b"\xff\xfe")
        for number in range(2):
            file[f"good/frames/t0/v{number}/image"] = picture


def read_shard(root: Path, adapter: str, kind: str) -> tuple[str, Any]:
    """In a worker: one shard of a source: views of each unit, and what was unreadable."""
    import pandas as pd

    from mimic_core.frames import reader
    from mimic_core.frames.shard import write_frames
    from mimic_core.sources import Unit, open_source

    def run() -> tuple[dict[str, int], dict[str, str]]:
        units = open_source(adapter).units(root)
        settings = {"samples_per_scene": 1, "simulator": "embreex", "up_axis": "y"}
        scenes, others = reader("scene", settings, 0), reader(kind if kind != "scene" else "group", {}, 0)
        if kind == "scene":
            units = [Unit("good", root / "good"), *units]
        out = root / "o.parquet"
        statistics = write_frames(
            units,
            lambda unit: (scenes if unit.path.suffix == ".glb" else others)(unit),
            root / "o.tar",
            out,
            total=len(units),
        )
        rows = pd.read_parquet(out)
        counts = rows[rows["status"] == "ok"].groupby("unit").size()
        return {str(name): int(count) for name, count in counts.items()}, dict(statistics["unreadable"])

    return attempt(run)


@case(
    "F1",
    "DeMoN's .h5 with a group whose name is no UTF-8, beside a good one",
    right="the source is listed, the good group is read, the other is 'unreadable'",
    write=write_h5,
)
def group_name(folder: Path) -> Seen:
    called = call(read_shard, folder, "demon", "group")
    how, found = called.value or ("lost", called.lost)
    views, unreadable = found if how == "fine" else ({}, {})
    return seen(
        f"{how}: {found}",
        the_good_group_is_read=2 in views.values(),
        the_other_is_unreadable=len(unreadable) == 1,
    )


def write_bytes_names(folder: Path) -> None:
    encode(folder / "in" / "good.mp4", pan(3, 5), rate=5)
    photos(folder / "in" / "x")
    for name in (b"\xff.mp4", b"x/\xff.jpg"):
        (folder / "in" / os.fsdecode(name)).write_bytes(b"no media")
    shutil.copy(folder / "in" / "good.mp4", folder / "in" / os.fsdecode(b"\xfe.mp4"))
    shutil.copy(folder / "in" / "x" / "0.jpg", folder / "in" / "x" / os.fsdecode(b"\xfe.jpg"))


@case(
    "F1b",
    "films and photos whose names are no UTF-8, of each one good and one that is no media",
    right="the good ones are mined, the others are 'unreadable'",
    write=write_bytes_names,
)
def bytes_names(folder: Path) -> Seen:
    mined = mine(folder / "in", folder / "out")
    return judge_odd(mined, {"good.mp4", "x", "\\xfe.mp4"}, ("\\xff.mp4", "\\xff.jpg"))


DOCUMENTS: dict[str, object] = {
    "list": [],
    "null": None,
    "extensions": {"extensionsRequired": 5},
    "node": {"nodes": [[1]]},
    "mesh": {"nodes": [{"mesh": 0}], "meshes": [5]},
    "texture": {
        "nodes": [{"mesh": 0}],
        "meshes": [{"primitives": [{"attributes": {"POSITION": 0}, "material": 0}]}],
        "materials": [{"pbrMetallicRoughness": {"baseColorTexture": {"index": 0}}}],
        "textures": [{"source": 0}],
        "images": [{"bufferView": 1, "mimeType": "image/png"}],
        "accessors": [{"bufferView": 0, "componentType": 5126, "count": 3, "type": "VEC3"}],
        "bufferViews": [{"buffer": 0, "byteLength": 36}, {"buffer": 0, "byteOffset": 36, "byteLength": 0}],
        "buffers": [{"byteLength": 36}],
    },
}


def write_documents(folder: Path) -> None:
    photos(folder / "good")
    for name, document in DOCUMENTS.items():
        (folder / f"{name}.glb").write_bytes(glb(document, struct.pack("<9f", 0, 0, 0, 5, 0, 0, 0, 0, 5)))
    deep = b"[" * 100_000
    parts = struct.pack("<I4s", len(deep), b"JSON") + deep
    (folder / "deep.glb").write_bytes(struct.pack("<4sII", b"glTF", 2, 12 + len(parts)) + parts)


@case(
    "F2",
    "GLBs whose documents are [], null, of odd types, nested 100,000 deep, or whose texture has 0 bytes",
    right="each is one unreadable unit, the shard goes on",
    write=write_documents,
)
def documents(folder: Path) -> Seen:
    called = call(read_shard, folder, "scenes", "scene")
    how, found = called.value or ("lost", called.lost)
    views, unreadable = found if how == "fine" else ({}, {})
    return seen(
        f"{how}: {found}",
        the_good_unit_is_read=views.get("good") == 3,
        each_is_unreadable=set(unreadable) == {f"{name}.glb" for name in (*DOCUMENTS, "deep")},
    )


def write_shared(folder: Path) -> None:
    """Nodes that share their children, 60 deep; and an accessor of 10^9 elements that all lie at one place."""
    nodes = [{"children": [number + 1, number + 1]} for number in range(60)]
    document = {"nodes": [*nodes, {}], "scenes": [{"nodes": [0]}]}
    (folder / "shared.glb").write_bytes(glb(document))
    still = json.loads(json.dumps(DOCUMENTS["texture"]))
    still["accessors"][0]["count"] = 10**9
    still["bufferViews"][0]["byteStride"] = 0
    still["scenes"] = [{"nodes": [0]}]
    (folder / "stride.glb").write_bytes(glb(still, bytes(36)))


def load_scenes(paths: list[Path]) -> dict[str, tuple[str, str]]:
    """In a worker: what becomes of scenes."""
    from mimic_core.simulators.scene import load_scene

    return {path.name: attempt(lambda path=path: str(load_scene(path))) for path in paths}


@case(
    "F4",
    "a GLB whose nodes share children 60 deep; and one with byteStride 0 and 10^9 elements",
    right="both are refused at once, under 1.5 GB",
    write=write_shared,
)
def shared(folder: Path) -> Seen:
    right, texts = {}, []
    for name in ("shared.glb", "stride.glb"):
        called = call(load_scenes, [folder / name])
        how, words = (called.value or {}).get(name, ("lost", called.lost))
        texts.append(f"{name}: {how}, {words}, {called.how}")
        right |= {f"{name} is refused": how == "refused", f"{name} within limits": called.peak < FIELD_MEMORY}
        right[f"{name} at once"] = called.seconds < 10
    return seen("; ".join(texts), **right)
