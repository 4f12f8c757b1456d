"""``mimic mine`` killed, started twice, its workers killed, its results damaged, and places it cannot write to."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
import warm

from mimic_core.kit.errors import MimicError
from mimic_core.pairs.folder import PARTS, FolderSettings, mine_folder
from mimic_core.report.gallery import write_gallery

pytestmark = pytest.mark.integration

OUTPUTS = ("views.tar", "views.parquet", "candidates.parquet", "pairs.parquet", "pairs.tar")
WRITTEN = {*OUTPUTS, "receipt.json", "gallery.html"}


@pytest.fixture(scope="module")
def videos(tmp_path_factory, make_video) -> Path:
    folder = tmp_path_factory.mktemp("videos")
    for number in range(3):
        make_video(folder / f"pan{number}.mp4", seconds=5, rate=3, step=30 + 10 * number)
    return folder


@pytest.fixture(scope="module")
def undisturbed(videos, tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("undisturbed") / "out"
    mine_folder(videos, out, FolderSettings())
    write_gallery(out)
    return out


def words(videos, out, jobs=1) -> list[str]:
    return ["-m", "mimic_core.cli", "mine", str(videos), "--out", str(out), "--jobs", str(jobs)]


def mine(videos, out) -> subprocess.CompletedProcess[str]:
    """Mine to the end, without the time that importing takes."""
    return warm.mining().run(words(videos, out), timeout=120)


def start(videos, out, jobs=2) -> subprocess.Popen:
    """Start mining in a session of its own, and wait until its workers mine."""
    pipe = {"stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE, "text": True}
    process = subprocess.Popen([sys.executable, *words(videos, out, jobs)], start_new_session=True, **pipe)
    deadline = time.monotonic() + 60
    while not list(out.glob(f"{PARTS}/*/views.parquet")):
        assert process.poll() is None and time.monotonic() < deadline, process.stderr.read()
        time.sleep(0.005)
    return process


def session(process) -> list[int]:
    """The processes of a session, its first left out."""
    listed = subprocess.run(["ps", "-o", "pid=,stat=", "-s", str(process.pid)], capture_output=True, text=True)
    rows = [line.split() for line in listed.stdout.splitlines()]
    return [int(number) for number, state in rows if int(number) != process.pid and not state.startswith("Z")]


def assert_whole(out, undisturbed) -> None:
    for name in OUTPUTS:
        assert (out / name).read_bytes() == (undisturbed / name).read_bytes(), name


@pytest.mark.parametrize("jobs", [1, 2])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL, signal.SIGINT])
def test_its_processes_end_with_it_and_the_next_goes_on(videos, undisturbed, tmp_path, number, jobs):
    process = start(videos, tmp_path, jobs)
    assert len(session(process)) == jobs
    process.send_signal(number)
    _, said = process.communicate(timeout=20)
    deadline = time.monotonic() + 5
    while (left := session(process)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not left
    assert "Traceback" not in said or number == signal.SIGINT
    done = mine(videos, tmp_path)
    assert done.returncode == 0, done.stderr
    assert_whole(tmp_path, undisturbed)
    assert {path.name for path in tmp_path.iterdir()} == WRITTEN


def test_a_killed_worker_is_told_and_its_unit_is_mined_again(videos, undisturbed, tmp_path):
    process = start(videos, tmp_path)
    os.kill(session(process)[0], signal.SIGKILL)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 0, said
    assert "killed (SIGKILL), most likely for lack of memory; trying again" in said
    assert "Traceback" not in said
    assert_whole(tmp_path, undisturbed)


def test_two_at_once_are_told_of_each_other(videos, undisturbed, tmp_path):
    first = start(videos, tmp_path)
    first.send_signal(signal.SIGSTOP)  # else it may have finished by the time that the second looks
    second = mine(videos, tmp_path)
    first.send_signal(signal.SIGCONT)
    assert second.returncode == 1
    assert f"another process works in this folder: process {first.pid} on {socket.gethostname()}" in second.stderr
    assert "Traceback" not in second.stderr
    first.communicate(timeout=60)
    assert first.returncode == 0
    assert_whole(tmp_path, undisturbed)


def damage(path: Path, how: str) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    changed = {"flipped": bytes(data), "cut": bytes(data[: len(data) // 2]), "emptied": b"", "a list": b"[1, 2]"}
    if how in changed:
        path.write_bytes(changed[how])
    else:
        path.unlink()


EACH_DAMAGE = [*[(name, "flipped") for name in OUTPUTS], ("views.tar", "cut"), ("pairs.tar", "gone")]


@pytest.mark.parametrize(("name", "how"), [*EACH_DAMAGE, ("candidates.parquet", "emptied")])
def test_a_damaged_result_is_named_and_made_again(videos, undisturbed, tmp_path, caplog, name, how):
    out = tmp_path / "out"
    shutil.copytree(undisturbed, out)
    damage(out / name, how)
    with pytest.raises(MimicError) as caught:
        write_gallery(out)
    assert str(out / name) in str(caught.value)
    mine_folder(videos, out, FolderSettings())
    assert f"damaged or missing since it was written: {out / name}" in caplog.text
    assert_whole(out, undisturbed)


@pytest.mark.parametrize("how", ["cut", "emptied", "a list"])
def test_a_damaged_receipt_is_named_and_made_again(videos, undisturbed, tmp_path, caplog, how):
    out = tmp_path / "out"
    shutil.copytree(undisturbed, out)
    damage(out / "receipt.json", how)
    with pytest.raises(MimicError, match=r"receipt cannot be read|does not hold the result"):
        write_gallery(out)
    mine_folder(videos, out, FolderSettings())
    assert f"damaged since it was written: {out / 'receipt.json'}" in caplog.text
    assert_whole(out, undisturbed)


def stopped(*_: object) -> None:
    raise KeyboardInterrupt


IN_A_UNIT = [(name, "flipped") for name in OUTPUTS if name.endswith("parquet")]


def mined_again(videos, out, monkeypatch) -> list[str]:
    """Names of the units that a second run mines."""
    mined = []
    inner = sys.modules["mimic_core.pairs.ordering"].mine_unit
    monkeypatch.setattr(
        "mimic_core.pairs.ordering.mine_unit", lambda task, **k: mined.append(task.unit.name) or inner(task, **k)
    )
    mine_folder(videos, out, FolderSettings())
    return mined


@pytest.fixture(scope="module")
def stopped_late(videos, tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("stopped") / "out"
    with pytest.MonkeyPatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr("mimic_core.pairs.archives.concatenate", stopped)
        mine_folder(videos, out, FolderSettings())
    return out


@pytest.fixture
def all_mined(stopped_late, tmp_path) -> Path:
    """A copy of what a run leaves that is stopped after its last unit."""
    return shutil.copytree(stopped_late, tmp_path / "out")


def test_a_run_stopped_after_its_last_unit_mines_nothing_again(videos, undisturbed, all_mined, monkeypatch):
    assert mined_again(videos, all_mined, monkeypatch) == []
    assert_whole(all_mined, undisturbed)


def test_a_run_stopped_before_its_receipt_mines_nothing_again(videos, undisturbed, tmp_path, monkeypatch):
    monkeypatch.setattr("mimic_core.kit.receipts.Receipt.write", stopped)
    with pytest.raises(KeyboardInterrupt):
        mine_folder(videos, tmp_path, FolderSettings())
    monkeypatch.undo()
    assert mined_again(videos, tmp_path, monkeypatch) == []
    assert_whole(tmp_path, undisturbed)


@pytest.mark.parametrize(("name", "how"), [*IN_A_UNIT, ("receipt.json", "emptied"), ("receipt.json", "a list")])
def test_a_damaged_unit_and_what_follows_are_mined_again(videos, undisturbed, all_mined, monkeypatch, name, how):
    damage(sorted(path for path in (all_mined / PARTS).iterdir() if path.is_dir())[1] / name, how)
    assert mined_again(videos, all_mined, monkeypatch) == ["pan1.mp4", "pan2.mp4"]
    assert_whole(all_mined, undisturbed)


@pytest.mark.parametrize("name", ["views.tar", "pairs.tar"])
@pytest.mark.parametrize("how", ["flipped", "cut", "gone"])
def test_damage_to_an_archive_under_way_is_found(videos, undisturbed, all_mined, monkeypatch, caplog, name, how):
    damage(all_mined / PARTS / name, how)
    again = mined_again(videos, all_mined, monkeypatch)
    assert again == ["pan0.mp4", "pan1.mp4", "pan2.mp4"][-len(again) :]
    assert f"mining {again[0]} and all later units again" in caplog.text
    assert_whole(all_mined, undisturbed)


def test_only_its_own_half_written_files_are_removed(videos, tmp_path):
    others = [f".partial-elsewhere-1-{OUTPUTS[0]}", f".partial-{socket.gethostname()}-{os.getpid()}-mine", ".partial-x"]
    for name in others:
        (tmp_path / name).write_bytes(b"somebody else's")
    gone = subprocess.Popen(["true"])
    gone.wait()
    own = tmp_path / f".partial-{socket.gethostname()}-{gone.pid}-views.tar"
    own.write_bytes(b"of a killed run")
    mine_folder(videos, tmp_path, FolderSettings())
    assert all((tmp_path / name).exists() for name in others)
    assert not own.exists()


def test_the_same_place_by_another_name_is_done_already(videos, undisturbed, tmp_path, monkeypatch):
    shutil.copytree(undisturbed, tmp_path / "out")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("mimic_core.pairs.ordering.mine_unit", lambda *_, **__: pytest.fail("it was mined again"))
    mine_folder(videos, Path("out"), FolderSettings())
    assert_whole(tmp_path / "out", undisturbed)


@pytest.mark.parametrize("place", ["a file", "below a file", "too long", "a place of the system", "a loop of links"])
def test_where_nothing_can_be_written_is_said_in_words(videos, tmp_path, place):
    (tmp_path / "file").write_text("")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    out = {
        "a file": tmp_path / "file",
        "below a file": tmp_path / "file" / "out",
        "too long": tmp_path / ("x" * 300),
        "a place of the system": Path("/proc/mined"),
        "a loop of links": tmp_path / "loop",
    }[place]
    done = mine(videos, out)
    assert done.returncode == 1
    assert done.stderr.startswith("error: cannot write (")
    assert str(out) in done.stderr
    assert "Traceback" not in done.stderr


def test_a_reader_of_the_summary_that_leaves_costs_nothing(videos, tmp_path):
    line = f"{warm.mining().python} {' '.join(words(videos, tmp_path))} | head -c 1 >/dev/null"
    subprocess.run(["bash", "-c", line], capture_output=True, text=True, check=False)
    assert {path.name for path in tmp_path.iterdir()} == WRITTEN
