"""HM3D as it is shipped, in small: Basis textures, splits, and damage, through Snakemake to pairs."""

import json
import shutil

import pandas as pd
import pytest
from support import GOLDEN
from workflow.running import overlay, snakemake

pytestmark = pytest.mark.integration

ROOM = GOLDEN / "habitat" / "basis_room.basis.glb"


def test_a_tree_as_shipped_is_mined_and_damage_is_named(tmp_path):
    root = tmp_path / "hm3d"

    def scene(split: str, number: int, name: str, data: bytes | None) -> None:
        folder = root / split / f"{number:05d}-{name}"
        folder.mkdir(parents=True)
        (folder / f"{name}.semantic.txt").write_text("HM3D Semantic Annotations")
        if data is not None:
            (folder / f"{name}.basis.glb").write_bytes(data)

    whole = ROOM.read_bytes()
    texture = whole.index(b"sB")  # the .basis file within
    scene("train", 0, "kfPV7w3FaU5", whole)
    scene("val", 800, "TEEsavR23oF", whole)
    scene("minival", 800, "TEEsavR23oF", whole)
    scene("train", 1, "UVdNNRcVyV1", whole[: texture + 40] + bytes(len(whole) - texture - 40))
    scene("train", 2, "FxCkHAfgh7A", whole[:texture] + b"XX" + whole[texture + 2 :])
    scene("train", 3, "AfKhsVmG8L4", None)
    source = {"adapter": "hm3d", "origin": "disk", "root": str(root), "shards": 1}
    frames = {"samples_per_scene": 2, "min_island_radius": 0.3, "up_axis": "z"}
    config = overlay(tmp_path, sources={"hm3d": {**source, "frames": frames, "pairs": {"min_blur_variance": 0}}})
    ended = snakemake(tmp_path, "results/pairs/hm3d/000.receipt.json", configfile=config)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    views = pd.read_parquet(tmp_path / "results" / "frames" / "hm3d" / "000.views.parquet")
    fine = views[views["status"] == "ok"]
    assert fine.groupby("unit").size().to_dict() == {"train/00000-kfPV7w3FaU5": 48, "val/00800-TEEsavR23oF": 48}
    bad = views[views["status"] == "unreadable"].set_index("unit")["reason"]
    assert set(bad.index) == {"train/00001-UVdNNRcVyV1", "train/00002-FxCkHAfgh7A", "train/00003-AfKhsVmG8L4"}
    assert "texture" in bad["train/00001-UVdNNRcVyV1"] and "texture" in bad["train/00002-FxCkHAfgh7A"]
    assert "AfKhsVmG8L4.basis.glb" in bad["train/00003-AfKhsVmG8L4"]
    receipt = json.loads((tmp_path / "results" / "pairs" / "hm3d" / "000.receipt.json").read_text())
    assert receipt["statistics"]["seen"] > 0
    shutil.rmtree(tmp_path / "results")
