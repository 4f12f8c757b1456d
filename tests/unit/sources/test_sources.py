import pytest
from hypothesis import given
from hypothesis import strategies as st

from mimic_core.kit.errors import MimicError
from mimic_core.sources import in_shard, open_source
from mimic_core.sources.base import Unit


def test_videos_are_found_at_any_depth(tmp_path):
    for name in ("b.MP4", "a/c.mov", "a/notes.txt", ".hidden/d.mp4", "größe ü.webm"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"")
    assert [unit.name for unit in open_source("videos").units(tmp_path)] == ["a/c.mov", "b.MP4", "größe ü.webm"]


def test_hm3d_scenes_prefer_the_uncompressed_file(tmp_path):
    for name in ("00001-one/one.glb", "00001-one/one.basis.glb", "00002-two/two.basis.glb", "00003-three/other.glb"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"")
    (tmp_path / "readme.txt").write_text("")
    units = open_source("hm3d").units(tmp_path)
    assert [(unit.name, unit.path.name) for unit in units] == [("00001-one", "one.glb"), ("00002-two", "two.basis.glb")]


def write_scenes(root, *paths):
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(b"x")


def hm3d(root, *splits):
    return [unit.name for unit in open_source("hm3d", {"splits": splits} if splits else None).units(root)]


def test_hm3d_as_it_is_downloaded(tmp_path):
    write_scenes(
        tmp_path,
        "train/00000-kfPV7w3FaU5/kfPV7w3FaU5.basis.glb",
        "val/00800-TEEsavR23oF/TEEsavR23oF.basis.glb",
        "minival/00800-TEEsavR23oF/TEEsavR23oF.basis.glb",
        "hm3d-example-habitat-v0.2/00000-kfPV7w3FaU5/kfPV7w3FaU5.basis.glb",
        "minival/00801-HaxA7YrQdEC/HaxA7YrQdEC.basis.glb",
    )
    assert hm3d(tmp_path) == ["train/00000-kfPV7w3FaU5", "val/00800-TEEsavR23oF"], "the paper's splits"
    every = ["minival/00801-HaxA7YrQdEC", "train/00000-kfPV7w3FaU5", "val/00800-TEEsavR23oF"]
    found = hm3d(tmp_path, "train", "val", "minival", "example")
    assert found == every, "copies are left out where the scene itself is there"
    assert hm3d(tmp_path, "val") == every[2:]
    assert hm3d(tmp_path / "minival") == ["00800-TEEsavR23oF", "00801-HaxA7YrQdEC"], "a root of copies is read"
    assert hm3d(tmp_path / "train") == ["00000-kfPV7w3FaU5"]


def test_a_split_of_hm3d_that_is_missing_and_a_scene_that_was_not_copied_are_named(tmp_path):
    write_scenes(
        tmp_path,
        "hm3d-train-habitat-v0.2/00000-kfPV7w3FaU5/kfPV7w3FaU5.basis.glb",
        "hm3d-train-habitat-v0.2/00001-UVdNNRcVyV1/UVdNNRcVyV1.basis.navmesh",
    )
    units = open_source("hm3d").units(tmp_path)
    assert {unit.name: unit.fault for unit in units} == {
        "hm3d-train-habitat-v0.2/00000-kfPV7w3FaU5": "",
        "hm3d-train-habitat-v0.2/00001-UVdNNRcVyV1": "the folder has no UVdNNRcVyV1.basis.glb: copy it again",
        "val": "this split has no scenes: fetch it, or remove it from options.splits",
    }
    with pytest.raises(MimicError, match="no split 'training'"):
        open_source("hm3d", {"splits": ["training"]})
    with pytest.raises(MimicError, match="no option 'split'") as raised:
        open_source("hm3d", {"split": ["train"]})
    assert raised.value.remedy == "use one of: splits"
    with pytest.raises(MimicError, match="this adapter has no options"):
        open_source("gibson", {"splits": ["train"]})


def test_hm3d_roots_of_both_kinds_lose_nothing(tmp_path):
    write_scenes(tmp_path, "00001-one/one.glb", "train/00002-two/two.glb", "deep/er/00001-one/one.glb", "notes/a.glb")
    assert hm3d(tmp_path, "train") == ["00001-one", "deep/er/00001-one", "train/00002-two"]


def test_a_missing_root_and_an_empty_one_say_what_to_do(tmp_path):
    with pytest.raises(MimicError, match="does not exist"):
        open_source("videos").units(tmp_path / "gone")
    with pytest.raises(MimicError, match="holds nothing to read") as raised:
        open_source("hm3d").units(tmp_path)
    assert "<name>.glb" in str(raised.value)


def test_an_unknown_adapter_names_the_known_ones():
    with pytest.raises(MimicError, match="unknown adapter 'walks'") as raised:
        open_source("walks")
    assert "arkitscenes, co3d, " in str(raised.value)
    with pytest.raises(MimicError, match="unknown adapter 'base'"):
        open_source("base")


@given(st.lists(st.text(min_size=1), unique=True, max_size=30))
def test_keys_are_plain_and_differ(names):
    keys = [Unit(name, None).key for name in names]
    assert len(set(keys)) == len(keys)
    assert all(set(key) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-") for key in keys)


@given(st.integers(0, 40), st.integers(1, 9))
def test_every_unit_is_in_one_shard(count, shards):
    units = list(range(count))
    spread = [in_shard(units, shard, shards) for shard in range(shards)]
    assert sorted(unit for part in spread for unit in part) == units
    assert max(map(len, spread)) - min(map(len, spread)) <= 1
