"""Places on disk: units whose names meet, a root of any name, and layouts as they are downloaded."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np

from cases.base import Seen, case, seen
from cases.making import photos
from cases.running import Mined, attempt, call, members, mine

OUTPUTS = ("views.tar", "views.parquet", "candidates.parquet", "pairs.parquet", "pairs.tar")

# --- two units of one name --------------------------------------------------------------------------------------------


def write_trip(folder: Path) -> None:
    photos(folder / "trip", 4)
    photos(folder / "trip" / "trip", 4, first=4, start=320)


def judge_names(mined: Mined, units: int, views: int) -> dict[str, bool]:
    """What has to hold of photos in folders of like names."""
    names = members(mined.out / "views.tar")
    return {
        "as_many_units": len(mined.views) == units,
        "all_views": sum(map(len, mined.views.values())) == views,
        "views_that_differ": len(set(names)) == len(names) == views,
        "pairs_with_keys_that_differ": len(set(mined.keys)) == len(mined.keys) > 0,
        "rc_0": mined.code == 0,
    }


@case(
    "F01",
    "photos in trip/ (0 to 3) and in trip/trip/ (4 to 7), on one process and on several",
    right="two units with different names, 8 different views, all keys different, rc 0; the same on any number of jobs",
    write=write_trip,
)
def same_name(folder: Path) -> Seen:
    alone, together = (mine(folder / "trip", folder / f"out{jobs}", jobs=jobs) for jobs in (1, None))
    names = [name for rows in alone.views.values() for name in rows["name"]]
    same = all(content(alone.out / name) == content(together.out / name) for name in OUTPUTS)
    return seen(
        f"{alone.counts}: {', '.join(names)}; {len(set(alone.keys))} keys of {len(alone.keys)}; "
        f"on several processes {together.counts}, {'the same' if same else 'other'} bytes",
        **judge_names(alone, 2, 8),
        each_photo_once=sorted(names) == [f"{number}.jpg" for number in range(8)],
        the_same_on_any_number_of_jobs=same,
        rc_0_on_several=together.code == 0,
    )


def content(path: Path) -> bytes | None:
    return path.read_bytes() if path.is_file() else None


def write_photos(folder: Path) -> None:
    photos(folder / "photos", seed=4)
    photos(folder / "photos" / "photos", seed=5)


@case(
    "M1",
    "photos/0.jpg ... and photos/photos/0.jpg ...: names of photos meet, too",
    right="both folders mined, no key twice",
    write=write_photos,
)
def same_name_of_photos(folder: Path) -> Seen:
    mined = mine(folder / "photos", folder / "out")
    return seen(f"{mined.counts}; {len(set(mined.keys))} keys of {len(mined.keys)}", **judge_names(mined, 2, 6))


def write_alike(folder: Path) -> None:
    """Folders, and HDF5 files, whose names are one once bytes that are no UTF-8 are written as escapes."""
    import h5py

    root = folder / "alike"
    photos(root, 2)
    photos(root / "alike", 2)
    for name in (b"\xff", rb"\xff"):
        photos(root / os.fsdecode(name), 2)
        with h5py.File(root / os.fsdecode(name + b".h5"), "w") as file:
            file["s/frames/t0/v0/image"] = file["s/frames/t0/v1/image"] = np.zeros((32, 32, 3), np.uint8)


def units_of(adapter: str, root: Path) -> list[tuple[str, str]]:
    """In a worker: names and keys of a source's units."""
    from mimic_core.sources import open_source

    return [(unit.name, unit.key) for unit in open_source(adapter).units(root)]


@case(
    "F01b",
    "adapters images and demon: a root beside its like, and names that differ only in bytes that are no UTF-8",
    right="4 units of images and 6 of demon, no name and no key twice",
    write=write_alike,
)
def alike(folder: Path) -> Seen:
    found = {adapter: call(units_of, adapter, folder / "alike") for adapter in ("images", "demon")}
    units = {adapter: called.value or [] for adapter, called in found.items()}
    apart = {
        adapter: all(len(set(column)) == len(column) for column in zip(*each, strict=True))
        for adapter, each in units.items()
    }
    return seen(
        "; ".join(f"{name}: {called.lost or [one for one, _ in called.value]}" for name, called in found.items()),
        four_of_images=len(units["images"]) == 4,
        six_of_demon=len(units["demon"]) == 6,
        names_and_keys_differ=all(apart.values()),
    )


@case(
    "M6",
    "mimic mine . in a folder of photos",
    right="the unit has a name, members of the archives are relative, keys say the unit",
    write=lambda folder: photos(folder / "photos"),
)
def dot(folder: Path) -> Seen:
    mined = mine(folder / "photos", folder / "out", cwd=folder / "photos")
    names = members(folder / "out" / "views.tar")
    return seen(
        f"{mined.counts}; members {names[:1]}, keys {mined.keys[:1]}",
        one_unit_with_a_name=len(mined.views) == 1 and "" not in mined.views,
        relative_members=bool(names) and not any(name.startswith(("/", "..")) for name in names),
        keys_say_the_unit=bool(mined.keys) and all(key.startswith("own-photos") for key in mined.keys),
        rc_0=mined.code == 0,
    )


@case(
    "M4",
    "a folder of photos whose name has 250 letters, beside another",
    right="both are mined",
    write=lambda folder: (photos(folder / "in" / "good"), photos(folder / "in" / ("g" * 250))),
)
def long_name(folder: Path) -> Seen:
    mined = mine(folder / "in", folder / "out")
    return seen(mined.counts.replace("g" * 250, "ggg..."), **judge_names(mined, 2, 6), no_traceback=mined.tidy)


# --- layouts ----------------------------------------------------------------------------------------------------------

SCENES = ("train/00000-kfPV7w3FaU5/kfPV7w3FaU5.basis.glb", "val/00800-TEEsavR23oF/TEEsavR23oF.basis.glb")


def write_hm3d(folder: Path) -> None:
    for name in (*SCENES, SCENES[1].replace("val/", "minival/")):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"not looked at")


def scenes_of(root: Path) -> list[str]:
    """In a worker: the scenes of HM3D below a root."""
    from mimic_core.sources import open_source

    return [str(unit.path.relative_to(root)) for unit in open_source("hm3d").units(root)]


def listed(root: Path) -> tuple[str, Any]:
    """In a worker: the same, or an error's words."""
    return attempt(lambda: scenes_of(root))


@case(
    "F23",
    "HM3D as it is downloaded: train/, val/ and minival/ below the root",
    right="the scenes of train and val, those of minival once; or a message that says to point at train/",
    write=write_hm3d,
)
def hm3d(folder: Path) -> Seen:
    how, found = call(listed, folder).value
    return seen(
        f"{how}: {found}", scenes_of_train_and_val=found == sorted(SCENES) or "train" in str(found) * (how == "refused")
    )


def write_mixed(folder: Path) -> None:
    for name in (SCENES[0], SCENES[1].removeprefix("val/")):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"not looked at")


@case(
    "F23b",
    "HM3D with a scene in the root and one in train/",
    right="both scenes",
    write=write_mixed,
)
def hm3d_mixed(folder: Path) -> Seen:
    how, found = call(listed, folder).value
    return seen(f"{how}: {found}", both=found == sorted([SCENES[0], SCENES[1].removeprefix("val/")]))
