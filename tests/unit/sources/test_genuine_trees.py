"""Each source as its owner ships it, in small: names, nesting, and what lies beside; and what ``mimic check`` finds."""

from pathlib import Path

import h5py
import pytest

from mimic_core.sources import open_source
from mimic_core.sources.inventory import take_stock
from mimic_core.sources.registry import read_registry

VIDEO_ID = "video_id,visit_id,fold,sky_direction\n"
TREES = {
    "hm3d": (
        [
            ["train/00000-kfPV7w3FaU5/kfPV7w3FaU5.basis.glb"],
            ["val/00800-TEEsavR23oF/TEEsavR23oF.basis.glb"],
        ],
        [
            "train/00000-kfPV7w3FaU5/kfPV7w3FaU5.basis.navmesh",
            "train/00000-kfPV7w3FaU5/kfPV7w3FaU5.semantic.glb",
            "train/00000-kfPV7w3FaU5/kfPV7w3FaU5.semantic.txt",
            "val/00800-TEEsavR23oF/TEEsavR23oF.basis.navmesh",
            "minival/00800-TEEsavR23oF/TEEsavR23oF.basis.glb",
            "hm3d_annotated_basis.scene_dataset_config.json",
            "hm3d_basis.scene_dataset_config.json",
        ],
    ),
    "gibson": (
        [["Ackermanville.glb"], ["Adrian.glb"]],
        ["Ackermanville.navmesh", "Adrian.navmesh", "Adrian.ids", "Adrian.scn", "semantic/readme.txt"],
    ),
    "matterport3d": (
        [["17DRP5sb8fy/17DRP5sb8fy.glb"], ["1LXtFkjw3qL/1LXtFkjw3qL.glb"]],
        [
            *(f"17DRP5sb8fy/17DRP5sb8fy{ending}" for ending in (".house", ".navmesh", "_semantic.ply")),
            "mp3d.scene_dataset_config.json",
        ],
    ),
    "mannequin": (
        [["00a6d4d1c3b2a1/trims/0.mp4"]],
        ["00a6d4d1c3b2a1/full.mp4", "train/00a6d4d1c3b2a1.txt", "validation/0a.txt", "LICENSE"],
    ),
    "scannet": (
        [
            ["scans/scene0000_00/scene0000_00.sens"],
            ["scans_test/scene0707_00/scene0707_00.sens"],
        ],
        [
            *(
                f"scans/scene0000_00/scene0000_00{ending}"
                for ending in (".aggregation.json", ".txt", "_vh_clean.ply", "_vh_clean_2.labels.ply", "_2d-label.zip")
            ),
            "scannetv2-labels.combined.tsv",
        ],
    ),
    "objectron": (
        [
            ["bike/batch-1/0/video.MOV"],
            ["cereal_box/batch-12/7/video.MOV"],
        ],
        ["bike/batch-1/0/geometry.pbdata", "cereal_box/batch-12/7/geometry.pbdata", "index/bike_annotations_train"],
    ),
    "arkitscenes": (
        [["raw/Training/40753679/40753679.mov"]],
        [
            "raw/Training/40753679/40753679_3dod_mesh.ply",
            "raw/Training/40753679/lowres_wide/40753679_6855.160.png",
            "raw/Training/40753679/lowres_wide.traj",
            "raw/train_val_splits.csv",
        ],
    ),
    "co3d": (
        [["apple/110_13051_23361/images/frame000001.jpg"]],
        [
            "apple/110_13051_23361/masks/frame000001.png",
            "apple/110_13051_23361/depths/frame000001.jpg.geometric.png",
            "apple/110_13051_23361/pointcloud.ply",
            "apple/frame_annotations.jgz",
            "apple/set_lists/set_lists_fewview_dev.json",
            "apple/LICENSE",
        ],
    ),
    "3dstreetview": (
        [["0063/0063_0000043_0_4.jpg", "0063/0063_0000044_1_4.jpg"]],
        ["0063/0063_0000043_0_4.txt", "0063/0063_0000044_1_4.txt", "0063.tar"],
    ),
}


def write(root: Path, name: str) -> None:
    (root / name).parent.mkdir(parents=True, exist_ok=True)
    (root / name).write_bytes(b"some bytes")


@pytest.mark.parametrize("source", TREES)
def test_what_is_shipped_is_found_and_what_lies_beside_is_not(tmp_path, source):
    units, beside = TREES[source]
    for name in [*(name for names in units for name in names), *beside]:
        write(tmp_path, name)
    (tmp_path / "metadata.csv").write_text(VIDEO_ID + "40753679,420683,Training,Left\n")
    adapter = read_registry()[source].adapter
    found = open_source(adapter).units(tmp_path)
    assert not [unit.fault for unit in found if unit.fault]
    read = [
        sorted(path.relative_to(tmp_path).as_posix() for path in unit.files if path.name != "metadata.csv")
        for unit in found
    ]
    assert sorted(read) == sorted(units)


def test_demon_as_it_is_shipped(tmp_path):
    with h5py.File(tmp_path / "sun3d_train_0.1m_to_0.2m.h5", "w") as file:
        for name in ("brown_bm_1.brown_bm_1-0000000", "brown_bm_1.brown_bm_1-0000001"):
            file.create_group(f"{name}/frames/t0/v0")
    write(tmp_path, "download_traindata.sh")
    units = open_source("demon").units(tmp_path)
    assert [unit.inside for unit in units] == ["brown_bm_1.brown_bm_1-0000000", "brown_bm_1.brown_bm_1-0000001"]


@pytest.mark.parametrize("source", ["hm3d", "3dstreetview", "co3d"])
def test_a_check_says_how_much_there_is_of_all_its_owner_gives(tmp_path, source):
    units, beside = TREES[source]
    for name in [*(name for names in units for name in names), *beside]:
        write(tmp_path, name)
    entry = read_registry()[source]
    stock = take_stock({"adapter": entry.adapter, "origin": "disk", "root": str(tmp_path)}, entry)
    assert stock.units == len(units) and not stock.faults
    assert stock.state == ("partial" if entry.units else "found")
