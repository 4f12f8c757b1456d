"""Every reader of foreign bytes: good files for it, what is damaged in them, and how the product reads them."""

import io
import json
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from fuzzing.damage import damaged, damaged_glb, damaged_json, damaged_safetensors

Damage = Callable[[bytes, random.Random], bytes]


@dataclass(frozen=True)
class Target:
    """A reader.

    Attributes:
        write: writes a folder of good files.
        read: reads the folder as the product does, to the last byte.
        damage: what may happen to one of its files, by pattern of names.
    """

    write: Callable[[Path], None]
    read: Callable[[Path], object]
    damage: tuple[tuple[str, Damage], ...] = (("**/*", damaged),)


def exhausted(views: Iterator[object]) -> int:
    return sum(1 for _ in views)


# --- mining ---------------------------------------------------------------------------------------------------------


def picture(seed: int = 0, width: int = 96, height: int = 64):
    import numpy as np

    noise = np.random.default_rng(seed).integers(0, 255, (height // 4, width // 4, 3), np.uint8)
    return np.ascontiguousarray(noise.repeat(4, 0).repeat(4, 1))


VIDEOS = {
    "mp4": ("mpeg4", "yuv420p"),
    "mov": ("mjpeg", "yuvj420p"),
    "mkv": ("libx264", "yuv420p"),
    "webm": ("libvpx", "yuv420p"),
    "avi": ("mjpeg", "yuvj420p"),
    "ts": ("libx264", "yuv420p"),
    "flv": ("flv", "yuv420p"),
    "gif": ("gif", "rgb8"),
}


def write_videos(folder: Path) -> None:
    import av

    for suffix, (codec, pixels) in VIDEOS.items():
        form = {"ts": "mpegts", "mkv": "matroska"}.get(suffix, suffix)
        with av.open(str(folder / f"v.{suffix}"), "w", format=form) as container:
            stream = container.add_stream(codec, rate=5)
            stream.width, stream.height, stream.pix_fmt = 96, 64, pixels
            for number in range(12):
                container.mux(stream.encode(av.VideoFrame.from_ndarray(picture(number), format="rgb24")))
            container.mux(stream.encode())


def read_units(adapter: str, kind: str, **settings: object) -> Callable[[Path], object]:
    def read(folder: Path) -> object:
        from mimic_core.frames import reader
        from mimic_core.frames.shard import write_frames
        from mimic_core.sources import open_source

        units = open_source(adapter).units(folder)
        statistics = write_frames(units, reader(kind, settings, 0), folder / "o.tar", folder / "o.parquet", total=-1)
        if statistics["unreadable"]:
            return "; ".join(statistics["unreadable"].values())
        return None

    return read


def write_pictures(folder: Path) -> None:
    import cv2

    for number, suffix in enumerate([".jpg", ".png", ".webp", ".tif", ".bmp", ".avif", ".jp2", ".gif", ".ppm"]):
        cv2.imwrite(str(folder / f"p{suffix}"), picture(number))
    cv2.imwrite(str(folder / "deep.png"), picture().astype("uint16") * 257)


def write_sens(folder: Path) -> None:
    from unit.sources import raw

    (folder / "scene").mkdir()
    (folder / "scene" / "scene.sens").write_bytes(raw.sens(3))


def write_h5(folder: Path) -> None:
    from unit.sources import raw

    raw.write_h5(folder / "a.h5", {"s": [raw.encoded(0), picture(), raw.encoded(2, ".png")]})


def write_room(folder: Path) -> None:
    import shutil

    from support import GOLDEN
    from unit.simulators import known_room

    (folder / "a.glb").write_bytes(known_room.scene_glb())
    shutil.copy(GOLDEN / "known_room.navmesh", folder / "a.navmesh")


def write_surfaces(folder: Path) -> None:
    import numpy as np
    from support import GOLDEN
    from unit.simulators.glb_room import FACES, Room

    room = Room(image=(GOLDEN / "textures" / "quarters_etc1s.ktx2").read_bytes(), mime="image/ktx2")
    room.document["textures"] = [{"extensions": {"KHR_texture_basisu": {"source": 0}}, "sampler": 0}]
    room.document["samplers"] = [{"wrapS": 33648, "wrapT": 33071, "minFilter": 9984}]
    room.texture["extensions"] = {"KHR_texture_transform": {"scale": [2, 2], "rotation": 0.3, "texCoord": 0}}
    places = room.accessor(np.array([[0, 0, 0], [9, 0, 0]], np.float32))
    room.node["extensions"] = {"EXT_mesh_gpu_instancing": {"attributes": {"TRANSLATION": places}}}
    fan = room.accessor(np.arange(4, dtype=np.uint16))
    rest = room.accessor(FACES[6:])
    room.document["meshes"][0]["primitives"] = [
        {**room.primitive, "indices": fan, "mode": 6},
        {**room.primitive, "indices": rest},
    ]
    (folder / "a.glb").write_bytes(room.glb())


def read_scene(folder: Path) -> object:
    from mimic_core.simulators.navigation import WalkableGrid
    from mimic_core.simulators.navmesh import navmesh_beside, read_navmesh
    from mimic_core.simulators.scene import load_scene

    path = folder / "a.glb"
    scene = load_scene(path)
    beside = navmesh_beside(path)
    navmesh = read_navmesh(beside) if beside else None
    return WalkableGrid(scene.vertices, scene.faces, name="a", navmesh=navmesh)


def write_arkit(folder: Path) -> None:
    (folder / "metadata.csv").write_text("video_id,visit_id,fold,sky_direction\n1,2,Training,Up\n2,2,Training,Left\n")
    for name in "12":
        (folder / name).mkdir()
        (folder / name / f"{name}.mov").write_bytes(b"not looked at")


def list_arkit(folder: Path) -> object:
    from mimic_core.sources import open_source

    return open_source("arkitscenes").units(folder)


# --- weights --------------------------------------------------------------------------------------------------------

TINY = {"image_size": 32, "patch_size": 16, "width": 16, "depth": 1, "heads": 2}


def write_encoder(folder: Path) -> None:
    from mimic_core.models import save_encoder
    from mimic_core.models.weights import build_encoder

    save_encoder(folder / "e.safetensors", build_encoder(TINY, 0), {"model": "croco"})


def write_pth(folder: Path) -> None:
    import torch

    from mimic_core.models.weights import build_encoder

    weights = build_encoder(TINY, 0).state_dict()
    torch.save({"model": weights, "epoch": 3}, folder / "e.pth")
    torch.save({"model": weights}, folder / "old.pth", _use_new_zipfile_serialization=False)


def write_timm(folder: Path) -> None:
    import torch

    from mimic_core.models.weights import build_encoder

    torch.save(build_encoder({**TINY, "heads": 4}, 0).state_dict(), folder / "e.pth")
    content = {"architecture": "vit_tiny", "model_args": {"num_heads": 4}, "pretrained_cfg": {"mean": [0.5] * 3}}
    (folder / "config.json").write_text(json.dumps(content))


def read_weights(folder: Path) -> object:
    from mimic_core.models import load_pretrained

    for path in sorted(folder.iterdir()):
        if path.name != "config.json":
            load_pretrained(path, heads=None if (folder / "config.json").exists() else 2)
    return None


# --- labelled data --------------------------------------------------------------------------------------------------


def read_split(layout: str, *options: object) -> Callable[[Path], object]:
    def read(folder: Path) -> object:
        from mimic_core.finetune import layouts
        from mimic_core.finetune.data import open_usable

        split = open_usable(getattr(layouts, layout), folder, "train", 32)
        split.load(range(len(split)), 32)
        return "; ".join(skipped[1] for skipped in split.skipped) or None

    return read


def write_coco(folder: Path) -> None:
    import cv2

    points = [20, 20, 2] * 17
    person = {"bbox": [5, 5, 60, 50], "keypoints": points, "num_keypoints": 17, "iscrowd": 0, "area": 3000.0}
    names = [f"joint{number}" for number in range(17)]
    document = {
        "images": [{"id": 1, "file_name": "1.jpg", "width": 96, "height": 64}],
        "annotations": [{**person, "id": 5, "image_id": 1, "category_id": 1}],
        "categories": [{"id": 1, "name": "person", "keypoints": names, "skeleton": [[1, 2]]}],
    }
    (folder / "annotations").mkdir()
    for split in ("train", "val"):
        (folder / f"{split}2017").mkdir()
        cv2.imwrite(str(folder / f"{split}2017" / "1.jpg"), picture())
        (folder / "annotations" / f"person_keypoints_{split}2017.json").write_text(json.dumps(document))


def write_ade20k(folder: Path) -> None:
    import cv2

    for split in ("training", "validation"):
        for name, suffix, pixels in (("images", ".jpg", picture()), ("annotations", ".png", picture()[..., 0] % 151)):
            (folder / name / split).mkdir(parents=True)
            for number in range(3):
                cv2.imwrite(str(folder / name / split / f"ADE_{split}_{number:08d}{suffix}"), pixels)


def write_nyu(folder: Path) -> None:
    import h5py
    import numpy as np
    import scipy.io

    with h5py.File(folder / "nyu_depth_v2_labeled.mat", "w") as file:
        file["images"] = np.zeros((4, 3, 64, 48), np.uint8)
        file["depths"] = np.ones((4, 64, 48), np.float32)
    splits = {"trainNdxs": np.array([[1], [2]]), "testNdxs": np.array([[3], [4]])}
    scipy.io.savemat(folder / "splits.mat", splits)


# --- what the workflow itself reads again ---------------------------------------------------------------------------


def write_config(folder: Path) -> None:
    import shutil

    from support import REPOSITORY

    shutil.copy(REPOSITORY / "config.yaml", folder / "config.yaml")


def read_config(folder: Path) -> object:
    from support import REPOSITORY

    from mimic_core.config import checking as config

    schema = config.read_schema(REPOSITORY)
    return config.check_config(config.read_config(folder / "config.yaml"), schema)


def write_checkpoint(folder: Path) -> None:
    import torch

    from mimic_core.pretrain.checkpoint import State, save_checkpoint

    for iteration in (3, 6):
        weights = {"model": {"w": torch.zeros(4)}, "optimizer": {"state": {}}, "scaler": {}}
        save_checkpoint(folder, State(iteration=iteration), {"seed": 0}, weights, finished=False)


def read_checkpoint(folder: Path) -> object:
    from mimic_core.pretrain.checkpoint import load_checkpoint

    found = load_checkpoint(folder, {"seed": 0})
    return None if found["state"].iteration == 6 else "the newest is passed over"


def write_receipt(folder: Path) -> None:
    from mimic_core.kit.receipts import Receipt

    (folder / "a").write_bytes(b"a")
    Receipt("pairs", {"ratio": 0.7}).write(folder / "receipt.json", [folder / "a"])


def read_receipt(folder: Path) -> object:
    from mimic_core.kit.receipts import Receipt

    Receipt("pairs", {}).check_inputs(folder / "receipt.json", [folder / "a"])
    return None


JSON = (("**/*.json", damaged_json), ("**/*.json", damaged))

TARGETS = {
    "video": Target(write_videos, read_units("videos", "video", interval=0.3)),
    "pictures": Target(write_pictures, read_units("images", "group")),
    "sens": Target(write_sens, read_units("scannet", "sequence")),
    "hdf5": Target(write_h5, read_units("demon", "group")),
    "scene": Target(
        write_room,
        read_scene,
        (("*.glb", damaged_glb), ("*.glb", damaged_glb), ("*.glb", damaged), ("*.navmesh", damaged)),
    ),
    "surfaces": Target(write_surfaces, read_scene, (("*.glb", damaged_glb), ("*.glb", damaged))),
    "arkitscenes": Target(write_arkit, list_arkit, (("*.csv", damaged),)),
    "config": Target(write_config, read_config),
    "receipt": Target(write_receipt, read_receipt, JSON),
    "safetensors": Target(write_encoder, read_weights, (("*", damaged), ("*", damaged_safetensors))),
    "pth": Target(write_pth, read_weights),
    "timm": Target(write_timm, read_weights, JSON),
    "checkpoint": Target(write_checkpoint, read_checkpoint),
    "coco": Target(write_coco, read_split("CocoKeypoints"), (*JSON, ("**/*.jpg", damaged))),
    "ade20k": Target(write_ade20k, read_split("ADE20K")),
    "nyuv2": Target(write_nyu, read_split("NYUv2")),
}


def files_of(folder: Path, target: Target) -> list[tuple[Path, Damage]]:
    """What may be damaged in a folder of good files, and how."""
    return [
        (path, damage) for pattern, damage in target.damage for path in sorted(folder.glob(pattern)) if path.is_file()
    ]


def reading() -> Callable[[tuple[str, Path, bool]], Iterator[str]]:
    """In a worker: reads a folder as a target does, or first writes it; the answer says what came of it."""
    import contextlib
    import logging

    logging.disable(logging.CRITICAL)

    def answer(question: tuple[str, Path, bool]) -> Iterator[str]:
        from mimic_core.kit.errors import MimicError

        name, folder, write = question
        if write:
            TARGETS[name].write(folder)
            return
        try:
            with contextlib.redirect_stdout(io.StringIO()):
                found = TARGETS[name].read(folder)
        except MimicError as error:
            assert error.what.strip() and (error.where or error.remedy), f"an error without a place: {error!r}"
            yield f"refused: {error}"
        else:
            yield f"refused: {found}" if isinstance(found, str) else "read"
        yield str(peak_mib())

    return answer


def peak_mib() -> int:
    """Highest resident memory of this process, MiB; the count starts anew."""
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    Path("/proc/self/clear_refs").write_text("5")
    return int(status["VmHWM"].split()[0]) // 1024
