"""Mining a folder of one's own: any file that people have, stopped at any moment."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest

from mimic_core.kit.errors import MimicError
from mimic_core.pairs.archives import Archives
from mimic_core.pairs.folder import PARTS, FolderSettings, find_tasks, mine_folder, shard_paths
from mimic_core.pairs.ordering import OrderedWriter
from mimic_core.pairs.rules import Groups, Neighbours
from mimic_core.pairs.settings import MiningSettings
from mimic_core.pairs.unit_mining import mine_unit

OUTPUTS = ("views.tar", "views.parquet", "candidates.parquet", "pairs.parquet", "pairs.tar")


def contents(out: Path) -> dict[str, bytes]:
    return {name: (out / name).read_bytes() for name in OUTPUTS}


def write_images(folder: Path, picture: np.ndarray, count: int, suffix: str = ".jpg", step: int = 60) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        view = picture[100:324, step * number : step * number + 224]
        assert cv2.imwrite(str(folder / f"view{number}{suffix}"), view[..., ::-1])


@pytest.fixture(scope="module")
def both(tmp_path_factory, make_video, textured) -> Path:
    """Two videos and a folder of photos."""
    folder = tmp_path_factory.mktemp("both")
    make_video(folder / "walk.mp4", step=10)
    make_video(folder / "deep" / "pan.mp4", step=8)
    write_images(folder / "photos", textured, 5)
    return folder


@pytest.fixture(scope="module")
def undisturbed(both, tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("undisturbed")
    mine_folder(both, out, FolderSettings())
    return out


def test_videos_and_image_folders_are_mined_together(undisturbed):
    pairs = pd.read_parquet(undisturbed / "pairs.parquet")
    assert set(pairs["unit"]) == {"walk.mp4", "deep/pan.mp4", "photos"}
    photos = pd.read_parquet(undisturbed / "candidates.parquet").query("unit == 'photos'")
    assert len(photos) == 10, "all pairs of five photos"
    assert (pairs["shard"] == "pairs.tar").all()
    assert not (undisturbed / PARTS).exists()


def test_the_rows_point_at_their_bytes(undisturbed):
    for table, number in (("pairs", "1"), ("pairs", "2"), ("views", "")):
        data = (undisturbed / f"{table}.tar").read_bytes()
        for row in pd.read_parquet(undisturbed / f"{table}.parquet").to_dict("records"):
            stored = np.frombuffer(data[row[f"offset{number}"] :][: row[f"size{number}"]], np.uint8)
            assert cv2.imdecode(stored, cv2.IMREAD_COLOR).shape == (224, 224, 3)


@pytest.mark.integration
def test_two_processes_give_the_same_bytes(both, undisturbed, tmp_path):
    mine_folder(both, tmp_path, FolderSettings(), jobs=2)
    assert contents(tmp_path) == contents(undisturbed)


@pytest.mark.integration
@pytest.mark.parametrize("jobs", [1, 2])
def test_a_run_killed_at_any_moment_goes_on_to_the_same_bytes(both, undisturbed, tmp_path, jobs):
    command = [
        sys.executable,
        "-m",
        "mimic_core.cli",
        "mine",
        str(both),
        "--out",
        str(tmp_path),
        "--jobs",
        str(jobs),
    ]
    for delay in (0.7, 1.0, 1.3, 1.6):
        nothing = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        process = subprocess.Popen(command, start_new_session=True, **nothing)
        time.sleep(delay)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert contents(tmp_path) == contents(undisturbed)
    assert {path.name for path in tmp_path.iterdir()} == {*OUTPUTS, "receipt.json", "gallery.html"}


def test_what_is_done_is_not_done_again(both, undisturbed, monkeypatch):
    monkeypatch.setattr("mimic_core.pairs.ordering.mine_unit", lambda *_: pytest.fail("it was mined again"))
    before = (undisturbed / "receipt.json").stat().st_mtime_ns
    statistics = mine_folder(both, undisturbed, FolderSettings())
    assert (undisturbed / "receipt.json").stat().st_mtime_ns == before
    assert statistics["kept"] == len(pd.read_parquet(undisturbed / "pairs.parquet"))


def test_other_settings_and_lost_outputs_are_mined_anew(both, undisturbed, tmp_path):
    out = tmp_path / "out"
    shutil.copytree(undisturbed, out)
    mine_folder(both, out, FolderSettings(mining=MiningSettings(min_overlap=0.6)))
    assert pd.read_parquet(out / "pairs.parquet")["overlap"].min() > 0.6
    mine_folder(both, out, FolderSettings())
    (out / "pairs.tar").write_bytes(b"cut off")
    mine_folder(both, out, FolderSettings())
    assert contents(out) == contents(undisturbed)


@pytest.mark.integration
def test_units_wait_for_those_before_them_in_little_memory(both, undisturbed, tmp_path, monkeypatch):
    monkeypatch.setattr("mimic_core.pairs.ordering.HELD", 1)
    monkeypatch.setattr("mimic_core.pairs.unit_mining.HELD", 1)
    mine_folder(both, tmp_path, FolderSettings(), jobs=3)
    assert contents(tmp_path) == contents(undisturbed)


def test_what_a_lost_worker_told_of_a_unit_is_taken_back(both, undisturbed, tmp_path, monkeypatch):
    inner = sys.modules["mimic_core.pairs.ordering"].mine_unit

    def lost_once(task, **options):
        yield from list(inner(task, **options))[:-2]
        yield from inner(task, **options)

    monkeypatch.setattr("mimic_core.pairs.ordering.mine_unit", lost_once)
    mine_folder(both, tmp_path, FolderSettings())
    assert contents(tmp_path) == contents(undisturbed)


def test_units_are_written_in_their_order_whichever_is_mined_first(both, undisturbed, tmp_path):
    tasks = find_tasks(both, tmp_path, FolderSettings())
    with Archives(tasks, tmp_path / PARTS, shard_paths(tmp_path)) as archives:
        order = OrderedWriter(archives)
        for number in (2, 0, 1):
            for message in mine_unit(tasks[number]):
                order.take(number, message)
        assert order.size == 0
        archives.finish()
    assert contents(tmp_path) == contents(undisturbed)


def test_the_rule_follows_the_number_of_images(textured, tmp_path):
    write_images(tmp_path / "few", textured, 3, step=2)
    write_images(tmp_path / "many", textured, 30, step=2)
    rules = {task.unit.name: task.rule for task in find_tasks(tmp_path, tmp_path / "out", FolderSettings())}
    assert rules == {"few": Groups("all"), "many": Neighbours()}


def test_images_stand_in_natural_order(textured, tmp_path):
    write_images(tmp_path / "frames", textured, 12, step=5)
    (task,) = find_tasks(tmp_path, tmp_path / "out", FolderSettings())
    assert [path.stem for path in task.unit.images] == [f"view{number}" for number in range(12)]


def test_the_result_itself_is_no_input(both, tmp_path):
    folder = tmp_path / "videos"
    shutil.copytree(both, folder)
    write_images(folder / "out" / "leftovers", np.zeros((400, 900, 3), np.uint8), 2)
    names = {task.unit.name for task in find_tasks(folder, folder / "out", FolderSettings())}
    assert names == {"walk.mp4", "deep/pan.mp4", "photos"}


def write_bad(folder: Path, make_video) -> dict[str, str]:
    """One of each file that is no use; name -> what must be said of it."""
    folder.mkdir(parents=True)
    (folder / "empty.mp4").write_bytes(b"")
    (folder / "text.mov").write_text("no video")
    whole = make_video(folder / "whole.mp4").read_bytes()
    (folder / "whole.mp4").rename(folder / "good.mp4")
    (folder / "cut.mp4").write_bytes(whole[: len(whole) // 3])
    make_video(folder / "still.mp4", seconds=0.1)
    write_audio(folder / "audio.mp4")
    bad = folder / "bad photos"
    bad.mkdir()
    (bad / "empty.jpg").write_bytes(b"")
    (bad / "text.png").write_text("no image")
    return {
        "empty.mp4": "cannot be decoded",
        "text.mov": "cannot be decoded",
        "cut.mp4": "cannot be decoded",
        "still.mp4": "gives 1 of the two views",
        "audio.mp4": "without a video track",
        "bad photos": "0 readable images",
    }


def write_audio(path: Path) -> None:
    import av

    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=44100)
        stream.layout = "mono"
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 44100), np.float32), format="fltp", layout="mono")
        frame.sample_rate = 44100
        container.mux(stream.encode(frame))
        container.mux(stream.encode())


def test_bad_files_are_named_with_their_reason_and_stop_nothing(tmp_path, make_video):
    expected = write_bad(tmp_path / "in", make_video)
    statistics = mine_folder(tmp_path / "in", tmp_path / "out", FolderSettings())
    assert statistics["unreadable"].keys() == expected.keys()
    for name, reason in expected.items():
        assert reason in statistics["unreadable"][name]
    assert statistics["failed"] == len(expected)
    assert set(pd.read_parquet(tmp_path / "out" / "views.parquet").query("status == 'ok'")["unit"]) == {"good.mp4"}


def test_images_of_every_kind_are_mined(textured, tmp_path):
    folder = tmp_path / "in" / "mixed"
    view = np.ascontiguousarray(textured[100:324, 100:324, ::-1])
    folder.mkdir(parents=True)
    large = cv2.resize(view, (7680, 4320), interpolation=cv2.INTER_NEAREST)
    for name, image in {
        "grey.png": cv2.cvtColor(view, cv2.COLOR_BGR2GRAY),
        "deep.png": view.astype(np.uint16) * 257,
        "alpha.png": np.dstack([view, np.full((224, 224), 99, np.uint8)]),
        "8k.jpg": large,
        "plain.webp": view,
        "plain.tif": view,
        "plain.bmp": view,
    }.items():
        assert cv2.imwrite(str(folder / name), image)
    from PIL import Image

    Image.fromarray(view[..., ::-1]).convert("CMYK").save(folder / "cmyk.jpg")
    statistics = mine_folder(tmp_path / "in", tmp_path / "out", FolderSettings())
    assert statistics["unreadable"] == {}
    assert statistics["views"] == 8
    overlaps = pd.read_parquet(tmp_path / "out" / "candidates.parquet")["overlap"]
    assert len(overlaps) == 8 * 7 // 2
    assert overlaps.min() > 0.6, "all show the same"


def test_an_animated_gif_is_a_video(textured, tmp_path):
    from PIL import Image

    (tmp_path / "in").mkdir()
    frames = [Image.fromarray(textured[100:324, 60 * n : 60 * n + 300]) for n in range(4)]
    frames[0].save(tmp_path / "in" / "turn.gif", save_all=True, append_images=frames[1:], duration=1000, loop=0)
    statistics = mine_folder(tmp_path / "in", tmp_path / "out", FolderSettings())
    assert statistics["unreadable"] == {}
    assert (statistics["views"], statistics["failed"]) == (4, 0)
    assert statistics["verdicts"]["high_overlap"] or statistics["kept"], statistics


def test_a_photo_is_turned_as_its_exif_says(textured, tmp_path):
    from PIL import Image

    from mimic_core.frames.images import read_image

    view = np.ascontiguousarray(textured[100:324, 100:400])
    exif = Image.Exif()
    exif[0x0112] = 6  # the top of the scene is at the right of the pixels
    Image.fromarray(np.rot90(view)).save(tmp_path / "turned.jpg", exif=exif, quality=95)
    read = read_image(tmp_path / "turned.jpg").astype(int)
    assert read.shape == view.shape
    assert np.abs(read - view).mean() < 12


def test_one_bad_photo_among_good_ones_is_named(textured, tmp_path):
    write_images(tmp_path / "in" / "photos", textured, 3)
    (tmp_path / "in" / "photos" / "broken.jpg").write_bytes(b"no image")
    statistics = mine_folder(tmp_path / "in", tmp_path / "out", FolderSettings())
    assert list(statistics["unreadable"]) == ["photos/broken.jpg"]
    assert statistics["views"] == 3
    assert statistics["seen"] == 3 + 1


def test_any_name_and_a_loop_of_links(tmp_path, make_video, capsys):
    folder = tmp_path / "in"
    names = ["with space.mp4", "quote'\".mp4", "größe 東京.mp4", "line\nbreak.mp4", os.fsdecode(b"no-utf8-\xff.mp4")]
    for name in names:
        make_video(folder / "a" / name, step=10)
    (folder / "a" / "loop").symlink_to(folder)
    statistics = mine_folder(folder, tmp_path / "out", FolderSettings())
    assert statistics["unreadable"] == {}
    units = set(pd.read_parquet(tmp_path / "out" / "pairs.parquet")["unit"])
    assert len(units) == len(names)
    assert "a/no-utf8-\\xff.mp4" in units
    assert pd.read_parquet(tmp_path / "out" / "pairs.parquet")["key"].is_unique


@pytest.mark.integration
@pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="only root can become somebody without permission")
def test_what_may_not_be_read_is_named(tmp_path, make_video):
    folder, out = tmp_path / "in", tmp_path / "out"
    make_video(folder / "good.mp4", step=10)
    make_video(folder / "secret.mp4").chmod(0)
    make_video(folder / "locked" / "inside.mp4")
    (folder / "locked").chmod(0)
    out.mkdir()
    out.chmod(0o777)
    for parent in (tmp_path, *tmp_path.parents):
        if parent.stat().st_uid == 0 and parent != Path("/"):
            parent.chmod(parent.stat().st_mode | 0o055)
    program = (
        "import os, av; from mimic_core.cli.main import main; import mimic_core.pairs.folder; "
        "import mimic_core.report.gallery; "
        "from mimic_core.pairs.features import basis; basis(); "
        "os.setgid(65534); os.setuid(65534); "
        f"main(['mine', {str(folder)!r}, '--out', {str(out)!r}, '--jobs', '1'])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 3, done.stderr
    assert "unreadable: secret.mp4" in done.stdout
    assert "unreadable: locked" in done.stdout
    assert "Permission" in done.stdout


def test_a_folder_of_nothing_readable_is_an_error(tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.mp4").write_bytes(b"")
    with pytest.raises(MimicError, match="none of the source's 1 units can be read"):
        mine_folder(tmp_path / "in", tmp_path / "out", FolderSettings())
    assert not (tmp_path / "out" / "receipt.json").exists()


def test_parts_left_by_a_run_killed_after_its_last_write_go_away(both, tmp_path):
    out = tmp_path / "out"
    mine_folder(both, out, FolderSettings())
    (out / PARTS / "video-left").mkdir(parents=True)
    mine_folder(both, out, FolderSettings())
    assert not (out / PARTS).exists()
