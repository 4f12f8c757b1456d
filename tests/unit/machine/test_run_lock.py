"""One run, one process that writes."""

import os
import socket
import subprocess
import sys
import threading
import time

import pytest

from mimic_core.kit.errors import MimicError
from mimic_core.kit.files import read_json, write_json
from mimic_core.kit.processes import look_at
from mimic_core.machine import run_lock as lock
from mimic_core.machine.run_lock import RunLock


@pytest.fixture
def other():
    """A process of this machine that lives until the test ends."""
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    while look_at(process.pid) is None:  # it has no command line yet
        time.sleep(0.01)
    yield process
    process.kill()
    process.wait()


def held_by(folder, machine, process, silent=0.0):
    path = folder / lock.NAME
    write_json(path, {"machine": machine, "process": process, "job": "17"})
    os.utime(path, (time.time() - silent,) * 2)
    return path


def test_it_is_given_back(tmp_path):
    with RunLock(tmp_path):
        about = read_json(tmp_path / lock.NAME)
        assert about["process"] == os.getpid()
        assert about["machine"] == socket.gethostname()
    assert not list(tmp_path.iterdir())


def test_a_living_holder_is_named(tmp_path, other):
    path = held_by(tmp_path, socket.gethostname(), other.pid)
    with (
        pytest.raises(MimicError, match=f"process {other.pid} on {socket.gethostname()}, job 17") as caught,
        RunLock(tmp_path),
    ):
        pass
    assert caught.value.where == str(path)
    assert path.exists()


def test_a_dead_holder_of_this_machine_is_followed_at_once(tmp_path, other):
    other.kill()
    other.wait()
    held_by(tmp_path, socket.gethostname(), other.pid)
    with RunLock(tmp_path):
        assert read_json(tmp_path / lock.NAME)["process"] == os.getpid()


def test_a_holder_elsewhere_counts_as_dead_after_a_minute_of_silence(tmp_path, caplog):
    held_by(tmp_path, "another-node", 1, lock.DEAD_AFTER + 5)
    with RunLock(tmp_path):
        assert "waiting" not in caplog.text


@pytest.fixture
def soon(monkeypatch):
    """Little patience."""
    monkeypatch.setattr(lock, "DEAD_AFTER", 0.6)
    monkeypatch.setattr(lock, "POLL_INTERVAL", 0.02)


@pytest.mark.parametrize("ahead", [0.0, 3600.0])
def test_the_end_of_a_holder_elsewhere_is_waited_for(tmp_path, soon, caplog, ahead):
    caplog.set_level("INFO")
    held_by(tmp_path, "another-node", 1, -ahead)  # the clock of the disk's server may be wrong
    started = time.monotonic()
    with RunLock(tmp_path):
        assert read_json(tmp_path / lock.NAME)["process"] == os.getpid()
    assert time.monotonic() - started > 0.5
    assert "waiting for a heartbeat of process 1 on another-node, job 17" in caplog.text


def test_a_sign_of_life_from_elsewhere_ends_the_waiting(tmp_path, soon):
    path = held_by(tmp_path, "another-node", 1)
    timer = threading.Timer(0.2, os.utime, (path,))
    timer.start()
    with pytest.raises(MimicError, match="process 1 on another-node"), RunLock(tmp_path):
        pass
    timer.join()
    assert read_json(path)["process"] == 1


def test_it_gives_signs_of_life(tmp_path, monkeypatch):
    monkeypatch.setattr(lock, "HEARTBEAT", 0.02)
    with RunLock(tmp_path):
        path = tmp_path / lock.NAME
        os.utime(path, (0, 0))
        deadline = time.time() + 5
        while path.stat().st_mtime == 0 and time.time() < deadline:
            time.sleep(0.02)
        assert path.stat().st_mtime > time.time() - 5


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"machine": 1, "process": "x", "job": ""}'])
def test_a_damaged_lock_holds_nothing(tmp_path, content):
    (tmp_path / lock.NAME).write_text(content)
    with RunLock(tmp_path):
        assert read_json(tmp_path / lock.NAME)["process"] == os.getpid()


def test_of_two_that_start_together_one_is_refused(tmp_path, monkeypatch):
    link = os.link

    def overtaken(world, path):
        held_by(tmp_path, "another-node", 7)
        link(world, path)

    monkeypatch.setattr(lock.os, "link", overtaken)
    with pytest.raises(MimicError, match="process 7 on another-node"), RunLock(tmp_path):
        pass
    assert [path.name for path in tmp_path.iterdir()] == [lock.NAME]


def test_a_file_system_without_links_will_do(tmp_path, monkeypatch):
    def refused(world, path):
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(lock.os, "link", refused)
    with RunLock(tmp_path):
        assert [path.name for path in tmp_path.iterdir()] == [lock.NAME]


def test_a_lock_that_another_has_taken_over_is_left_to_it(tmp_path):
    with RunLock(tmp_path):
        path = held_by(tmp_path, "another-node", 7)
    assert read_json(path)["process"] == 7


@pytest.mark.parametrize("jump", [3600.0, -3600.0, 3e8])
def test_a_clock_that_jumps_takes_no_lock_from_the_living(tmp_path, other, jump):
    path = held_by(tmp_path, socket.gethostname(), other.pid, jump)
    write_json(path, read_json(path) | {"started": look_at(other.pid).started})
    os.utime(path, (time.time() - jump,) * 2)
    with pytest.raises(MimicError, match=f"process {other.pid} on"), RunLock(tmp_path):
        pass
    other.kill()
    other.wait()
    with RunLock(tmp_path):
        assert read_json(path)["process"] == os.getpid()


def test_a_process_that_has_got_the_number_of_a_dead_one_holds_nothing(tmp_path, other):
    path = held_by(tmp_path, socket.gethostname(), other.pid)
    write_json(path, read_json(path) | {"started": "1"})
    os.utime(path, (time.time() - 2 * lock.DEAD_AFTER,) * 2)
    with RunLock(tmp_path):
        assert read_json(path)["process"] == os.getpid()


def test_a_clock_ahead_of_the_disks_takes_no_lock_from_a_living_machine(tmp_path, soon, monkeypatch):
    path = held_by(tmp_path, "another-node", 7)
    now = time.time
    monkeypatch.setattr(lock.time, "time", lambda: now() + 3600)
    timer = threading.Timer(0.2, lambda: os.utime(path, (now(),) * 2))
    timer.start()
    with pytest.raises(MimicError, match="process 7 on another-node"), RunLock(tmp_path):
        pass
    timer.join()
    assert [path.name for path in tmp_path.iterdir()] == [lock.NAME]


def test_a_disk_that_is_lost_for_a_while_ends_no_signs_of_life(tmp_path, monkeypatch):
    monkeypatch.setattr(lock, "HEARTBEAT", 0.02)
    lost = threading.Event()
    read = lock.read_json

    def stale(path):
        if lost.is_set():
            raise OSError(116, "Stale file handle")
        return read(path)

    monkeypatch.setattr(lock, "read_json", stale)
    with RunLock(tmp_path):
        lost.set()
        time.sleep(0.1)
        lost.clear()
        os.utime(tmp_path / lock.NAME, (0, 0))
        deadline = time.monotonic() + 5
        while (tmp_path / lock.NAME).stat().st_mtime == 0 and time.monotonic() < deadline:
            time.sleep(0.02)
        assert (tmp_path / lock.NAME).stat().st_mtime > 0


@pytest.mark.parametrize("content", [b"[" * 100_000, '{"machine": "x"}'.encode("utf-16"), b'{"process": 1e999}'])
def test_a_lock_of_any_rubbish_holds_nothing(tmp_path, content):
    (tmp_path / lock.NAME).write_bytes(content)
    with RunLock(tmp_path):
        assert read_json(tmp_path / lock.NAME)["process"] == os.getpid()


def test_a_living_holder_of_this_machine_is_refused_before_anything_is_read(tmp_path, other):
    path = held_by(tmp_path, socket.gethostname(), other.pid)
    with pytest.raises(MimicError, match=f"process {other.pid} on"):
        RunLock(tmp_path).refuse_living()
    held_by(tmp_path, "another-node", 7)
    RunLock(tmp_path).refuse_living()  # it may be dead, which is seen by waiting
    path.unlink()
    RunLock(tmp_path).refuse_living()
