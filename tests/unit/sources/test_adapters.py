"""Every adapter on a small tree in its layout, read through the stage ``frames`` so that counts are checked."""

import os

import numpy as np
import pytest
from unit.sources.raw import Read, encoded, picture, sens, write_h5, write_images

import mimic_core.sources
from mimic_core.frames import reader
from mimic_core.kit.errors import MimicError, UnreadableError
from mimic_core.sources import ADAPTERS, open_source
from mimic_core.sources.base import Unit


def touch(root, *names):
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"glTF")


def found(adapter, root):
    return {unit.name: unit.path.relative_to(root).as_posix() for unit in open_source(adapter).units(root)}


def write_metadata(path, **directions):
    rows = [f"{video},42,Training,{direction}\n" for video, direction in directions.items()]
    path.write_text("video_id,visit_id,fold,sky_direction\n" + "".join(rows))


@pytest.mark.parametrize("adapter", ADAPTERS)
def test_a_missing_root_and_an_empty_one_say_what_to_do(tmp_path, adapter):
    with pytest.raises(MimicError, match="does not exist"):
        open_source(adapter).units(tmp_path / "gone")
    with pytest.raises(MimicError, match="holds nothing to read") as raised:
        open_source(adapter).units(tmp_path)
    assert open_source(adapter).layout in raised.value.remedy


@pytest.mark.parametrize("adapter", ADAPTERS)
def test_a_folder_that_cannot_be_listed_is_a_unit_that_says_so(tmp_path, adapter, monkeypatch):
    (tmp_path / "secret").mkdir()
    scandir = os.scandir

    def refuse(path):
        if str(path).endswith("secret"):
            raise PermissionError(13, "Permission denied")
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    write_metadata(tmp_path / "metadata.csv")
    units = open_source(adapter).units(tmp_path)
    assert [(unit.name, unit.fault) for unit in units] == [("secret", "the folder cannot be listed")]


@pytest.mark.parametrize(
    ("adapter", "whole", "half", "lacks"),
    [
        ("gibson", "Ackia/Ackia.glb", "Beach/Beach.navmesh", "Beach.glb"),
        ("gibson", "Ackia.glb", "Beach/mesh_z_up.obj", "Beach.glb (from Gibson's release for Habitat"),
        ("matterport3d", "17DRP5sb8fy/17DRP5sb8fy.glb", "1LXtFkjw3qL/1LXtFkjw3qL.house", "1LXtFkjw3qL.glb"),
        ("scannet", "scans/scene0000_00/scene0000_00.sens", "scans/scene0001_00/scene0001_00.txt", "scene0001_00.sens"),
        ("co3d", "apple/110_13051_23361/images/frame000001.jpg", "apple/2_3_4/masks/frame000001.png", "images folder"),
        ("objectron", "cup/batch-1/0/video.MOV", "cup/batch-1/1/geometry.pbdata", "video.MOV"),
        ("arkitscenes", "Training/40753679/40753679.mov", "Training/40753686/lowres_depth/1.png", "40753686.mov"),
        ("mannequin", "a/trims/1.mp4", "b/trims/1.mp4.part", "clips (.mp4)"),
    ],
)
def test_a_unit_that_was_not_copied_whole_is_named_and_the_rest_is_read(tmp_path, adapter, whole, half, lacks):
    touch(tmp_path, whole, half)
    write_metadata(tmp_path / "metadata.csv", **{"40753679": "Up"})
    good, bad = sorted(open_source(adapter).units(tmp_path), key=lambda unit: bool(unit.fault))
    assert not good.fault
    assert f"the folder has no {lacks}" in bad.fault
    assert half.startswith(bad.name)


def test_lists_of_videos_are_no_clips(tmp_path):
    (tmp_path / "train").mkdir()
    (tmp_path / "train" / "00a6d4d1.txt").write_text("https://www.youtube.com/watch?v=abc\n1200000 0.5 0.9 0.5 0.5\n")
    with pytest.raises(MimicError, match="lists of videos on YouTube") as raised:
        open_source("mannequin").units(tmp_path)
    assert "<clip>/trims/<name>.mp4" in raised.value.remedy


def test_scenes_of_three_layouts(tmp_path):
    touch(
        tmp_path, "Adrian.glb", "b c.GLB", ".hidden.glb", "deep/Other.glb", "17DRP/17DRP.glb", "17DRP/x/x.glb", "a.txt"
    )
    gibson = {"17DRP": "17DRP/17DRP.glb", "Adrian.glb": "Adrian.glb", "b c.GLB": "b c.GLB"}
    assert found("gibson", tmp_path) == gibson
    assert found("matterport3d", tmp_path) == {"17DRP": "17DRP/17DRP.glb"}
    every = ["17DRP/17DRP.glb", "17DRP/x/x.glb", "Adrian.glb", "b c.GLB", "deep/Other.glb"]
    assert list(found("scenes", tmp_path)) == every


def test_arkitscenes_turns_frames_so_that_the_sky_is_up(tmp_path, write_marked_video):
    root = tmp_path / "raw"
    videos = {"1": "Up", "2": "Left", "3": "Right", "4": "Down", "5": "NA", "6": "Sideways"}
    for video in [*videos, "7"]:
        write_marked_video(root / "Training" / video / f"{video}.mov")
    touch(root, "Training/1/lowres/9/9.mov", "Validation/8/other.mov")
    write_metadata(root / "metadata.csv", **videos)
    read = Read("arkitscenes", root, tmp_path / "out")
    assert set(read.unreadable) == {"Training/6", "Training/7"}
    assert "'Sideways', not one of Up" in read.unreadable["Training/6"]
    assert "no row for the video '7'" in read.unreadable["Training/7"]
    corners = {}
    for row, image in zip(read.rows, read.pictures, strict=True):
        red = [int(image[y, x, 0]) - int(image[y, x, 1]) for y, x in ((9, 9), (9, 214), (214, 214), (214, 9))]
        corners[row["unit"]] = int(np.argmax(red))
    # the mark is stored at the top left: 0 top left, then clockwise
    assert corners == {f"Training/{video}": corner for video, corner in zip("12345", (0, 1, 3, 2, 0), strict=True)}
    assert root / "metadata.csv" in open_source("arkitscenes").units(root)[0].files
    assert list(found("arkitscenes", tmp_path)) == [f"raw/Training/{number}" for number in range(1, 8)]


@pytest.mark.parametrize(
    ("table", "said"),
    [
        (None, "metadata.csv is missing"),
        (b"video_id,fold\n1,Training\n", "lacks the columns sky_direction"),
        (b"", "lacks the columns video_id, sky_direction"),
        (b"video_id,sky_direction\n\xff\xfe,Up\n", "not valid CSV"),
        ("video_id,sky_direction\n1,Up\n".encode("utf-16"), "not valid CSV"),
        (b'video_id,sky_direction\n1,"' + b"x" * 200_000 + b'"\n', "not valid CSV"),
        (b"\0" * 5000, "lacks the columns video_id, sky_direction"),
    ],
)
def test_arkitscenes_needs_its_table(tmp_path, table, said):
    touch(tmp_path, "1/1.mov")
    if table is not None:
        (tmp_path / "metadata.csv").write_bytes(table)
    with pytest.raises(MimicError, match=said) as raised:
        open_source("arkitscenes").units(tmp_path)
    assert raised.value.where == str(tmp_path / "metadata.csv")
    assert raised.value.remedy


@pytest.mark.parametrize(
    ("table", "faults"),
    [
        (b"video_id,sky_direction\n1\n2,Up,3,4\n", {"1": "has the sky_direction ''", "2": ""}),
        (b"video_id,sky_direction\n,\n\n1,\0\n2,Up\n", {"1": "has the sky_direction '\\x00'", "2": ""}),
        (b"video_id,sky_direction\n1,Up\n1,Left\n2,Up\n2,Up\n", {"1": "has the sky_direction 'Up and Left'", "2": ""}),
        (b"sky_direction,video_id\nUp, 1 \nup,2\n", {"1": "", "2": "has the sky_direction 'up'"}),
        (b"\xef\xbb\xbfvideo_id,sky_direction\r\n1,Up\r\n2,Down\r\n", {"1": "", "2": ""}),
    ],
)
def test_arkitscenes_rows_of_any_rubbish_cost_only_their_videos(tmp_path, table, faults):
    touch(tmp_path, "1/1.mov", "2/2.mov")
    (tmp_path / "metadata.csv").write_bytes(table)
    units = open_source("arkitscenes").units(tmp_path)
    assert {unit.name for unit in units} == set(faults)
    for unit in units:
        assert faults[unit.name] in unit.fault
        assert bool(unit.fault) == bool(faults[unit.name])


@pytest.mark.parametrize("kind", ["pipe", "folder", "link to nothing"])
def test_arkitscenes_waits_for_no_table_that_is_no_file(tmp_path, kind):
    touch(tmp_path, "1/1.mov")
    path = tmp_path / "metadata.csv"
    {"pipe": os.mkfifo, "folder": os.mkdir, "link to nothing": lambda path: path.symlink_to("gone")}[kind](path)
    with pytest.raises(MimicError, match="a table") as raised:
        open_source("arkitscenes").units(tmp_path)
    assert raised.value.where == str(path)


def test_mannequin_clips_lose_their_bottom_and_short_or_cut_ones_are_left_out(tmp_path, make_video):
    root = tmp_path / "raw"
    good = make_video(root / "clip a" / "trims" / "one.mp4", seconds=4)
    make_video(root / "clip a" / "whole.mp4")
    make_video(root / "clipb" / "trims" / "short.mp4", seconds=2)
    (root / "clipb" / "trims" / "cut.mp4").write_bytes(good.read_bytes()[:2000])
    read = Read("mannequin", root, tmp_path / "out", interval=1.0, min_seconds=3, crop_bottom=0.2)
    assert {row["unit"] for row in read.rows} == {"clip a/trims/one.mp4"}
    assert len(read.rows) == 4
    assert "shorter than min_seconds = 3" in read.unreadable["clipb/trims/short.mp4"]
    assert "cannot be decoded" in read.unreadable["clipb/trims/cut.mp4"]


def test_objectron_in_any_case(tmp_path):
    touch(
        tmp_path,
        "chair/batch-1/0/video.MOV",
        "cup/BATCH-12/3/Video.mov",
        "cup/batch-1/0/geometry.pbdata",
        "cup/video.MOV",
    )
    videos = ["chair/batch-1/0/video.MOV", "cup/BATCH-12/3/Video.mov"]
    assert list(found("objectron", tmp_path)) == [*videos, "cup/batch-1/0"]


def test_scannet_reads_recordings_and_extracted_frames_in_order_of_numbers(tmp_path):
    root = tmp_path / "raw"
    numbers = [f"{number}.jpg" for number in range(12)]
    write_images(root / "scans" / "scene0000_00" / "color", *numbers)
    (root / "scans" / "scene0000_00" / "scene0000_00.sens").write_bytes(b"not looked at")
    for scene, data in (("scene0001_00", sens(3)), ("scene0002_00", sens(3)[:-9000]), ("scene0003_00", b"\0" * 999)):
        (root / "scans" / scene).mkdir()
        (root / "scans" / scene / f"{scene}.sens").write_bytes(data)
    (root / "scans" / "scene0004_00").mkdir()
    read = Read("scannet", root, tmp_path / "out")
    assert read.views["scans/scene0000_00"] == numbers
    assert read.views["scans/scene0001_00"] == ["000000", "000001", "000002"]
    assert set(read.unreadable) == {"scans/scene0002_00", "scans/scene0003_00"}
    assert "breaks off" in read.unreadable["scans/scene0002_00"] or "header" in read.unreadable["scans/scene0002_00"]
    greys = [round(image[200, 200, 0] / 10) for image in read.pictures[:12]]
    assert greys == list(range(12))
    files = open_source("scannet").units(root)[0].files
    assert [file.name for file in files] == numbers


def test_co3d_sequences_stand_in_order_and_a_damaged_frame_is_counted(tmp_path):
    root = tmp_path / "raw"
    names = [f"frame{number:06d}.jpg" for number in range(1, 8)]
    write_images(root / "apple" / "110_13051_23361" / "images", *names)
    write_images(root / "apple" / "110_13051_23361" / "masks", *names)
    write_images(root / "größe" / "2" / "images", names[0])
    (root / "apple" / "110_13051_23361" / "images" / names[2]).write_bytes(b"damaged")
    read = Read("co3d", root, tmp_path / "out")
    assert read.views == {"apple/110_13051_23361": names[:2] + names[3:]}
    assert set(read.unreadable) == {f"apple/110_13051_23361/{names[2]}", "größe/2"}
    assert [row["view"] for row in read.rows] == [0, 1, 3, 4, 5, 6], "numbers are those of the frames"


def test_demon_samples_of_files_and_folders(tmp_path):
    root = tmp_path / "raw"
    write_h5(root / "sun3d.h5", {f"s{n}": [encoded(0, ".webp"), encoded(1, ".png"), picture(2)] for n in range(3)})
    write_images(root / "rgbd" / "sample1", "v0.jpg", "v1.jpg")
    (root / "cut.h5").write_bytes((root / "sun3d.h5").read_bytes()[:3000])
    write_h5(root / "empty.h5", {})
    read = Read("demon", root, tmp_path / "out")
    assert list(read.views) == ["rgbd/sample1", "sun3d.h5/s0", "sun3d.h5/s1", "sun3d.h5/s2"]
    assert read.views["sun3d.h5/s1"] == ["t0/v0", "t0/v1", "t0/v2"]
    assert set(read.unreadable) == {"cut.h5", "empty.h5"}
    assert "cannot be opened" in read.unreadable["cut.h5"]
    assert {file for unit in open_source("demon").units(root) for file in unit.files if unit.inside} == {
        root / "sun3d.h5"
    }


def test_streetview_groups_by_target_of_a_dataset_over_all_folders(tmp_path):
    root = tmp_path / "raw"
    write_images(root / "north", "5_0_0_0012.jpg", "5_1_1_0012.jpg", "5_2_2_7.jpg", "6_0_0_0012.jpg", "6_1_0_0012.jpg")
    write_images(root / "south", "5_9_3_0012.jpg", "nothing.jpg", "12_1.jpg", "5_4_3_8.jpg", "5_5_3_8.jpg")
    (root / "south" / "5_6_3_8.jpg").write_bytes(b"")
    (root / "south" / "5_4_3_8.txt").write_text("d 5 8 4 3")
    read = Read("streetview", root, tmp_path / "out")
    assert read.views == {
        "5_0012": ["north/5_0_0_0012.jpg", "north/5_1_1_0012.jpg", "south/5_9_3_0012.jpg"],
        "5_8": ["south/5_4_3_8.jpg", "south/5_5_3_8.jpg"],
        "6_0012": ["north/6_0_0_0012.jpg", "north/6_1_0_0012.jpg"],
    }
    assert set(read.unreadable) == {"5_7", "5_8/south/5_6_3_8.jpg", "south/nothing.jpg", "south/12_1.jpg"}
    assert "only one image" in read.unreadable["5_7"]
    assert "no target id" in read.unreadable["south/nothing.jpg"]


def test_images_of_one_name_in_two_folders_are_two_that_cannot_be_read(tmp_path):
    root = tmp_path / "raw"
    write_images(root / "north", "1_1_1_3.jpg", "1_2_1_3.jpg")
    for folder in ("north", "south"):
        (root / folder).mkdir(exist_ok=True)
        (root / folder / "1_9_1_3.jpg").write_bytes(b"")
    read = Read("streetview", root, tmp_path / "out")
    assert set(read.unreadable) == {"1_3/north/1_9_1_3.jpg", "1_3/south/1_9_1_3.jpg"}


def test_streetview_takes_another_pattern(tmp_path):
    write_images(tmp_path, "a_target9.jpg", "b_target9.jpg", "9_c.jpg")
    units = open_source("streetview", {"pattern": ".*target(?P<target>[0-9]+)"}).units(tmp_path)
    assert [(unit.name, len(unit.images), bool(unit.fault)) for unit in units] == [
        ("9", 2, False),
        ("9_c.jpg", 0, True),
    ]
    for pattern, said in (("(", "not a regular expression"), ("([0-9])", "no group named target")):
        with pytest.raises(MimicError, match=said):
            open_source("streetview", {"pattern": pattern})


def test_weird_names_are_read_and_stored(tmp_path):
    root = tmp_path / "raw"
    names = ["line\nbreak", "größe 東京", os.fsdecode(b"no-utf8-\xff"), "a' \"b", "-x", "%s{}"]
    for name in names:
        write_images(root / name / "images", "1.jpg", "2.jpg")
        write_images(root / "deep" / name / "images", "1.jpg", "2.jpg")
    read = Read("co3d", root, tmp_path / "out")
    assert read.statistics["units_ok"] == 12
    assert "deep/no-utf8-\\xff" in read.views


def test_a_loop_of_links_ends(tmp_path):
    write_images(tmp_path / "a" / "images", "1.jpg")
    (tmp_path / "b").symlink_to(tmp_path)
    assert list(found("co3d", tmp_path)) == ["a"]


@pytest.mark.parametrize("kind", ["video", "sequence", "group", "scene"])
def test_a_unit_at_fault_is_not_opened(tmp_path, kind):
    with pytest.raises(UnreadableError, match="known before"):
        reader(kind, {}, 0)(Unit("a", tmp_path / "gone", fault="known before"))


def test_adding_a_source_is_one_file(tmp_path, monkeypatch, make_video):
    (tmp_path / "walks_for_a_test.py").write_text(
        """
from mimic_core.sources.base import Source, Unit

class Walks(Source):
    kind = "video"
    layout = "folders that hold film.mp4"

    def find(self, root):
        return [Unit(path.parent.name, path) for path in root.glob("*/film.mp4")]
"""
    )
    (tmp_path / "two_for_a_test.py").write_text(
        (tmp_path / "walks_for_a_test.py").read_text() + "\nclass B(Walks): pass\n"
    )
    monkeypatch.setattr(mimic_core.sources, "__path__", [*mimic_core.sources.__path__, str(tmp_path)])
    make_video(tmp_path / "raw" / "one" / "film.mp4")
    read = Read("walks_for_a_test", tmp_path / "raw", tmp_path / "out", interval=1.0)
    assert [row["unit"] for row in read.rows] == ["one"] * 4
    with pytest.raises(MimicError, match="defines 2 sources"):
        open_source("two_for_a_test")
