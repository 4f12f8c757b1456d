"""Disks without room: what is written says so, and leaves nothing."""

import errno
import gc
import resource

import numpy as np
import pyarrow as pa
import pytest
import torch
from safetensors.torch import save_file

from mimic_core.frames.shard import write_frames
from mimic_core.frames.views import View
from mimic_core.kit import program
from mimic_core.kit.archive import TarWriter
from mimic_core.kit.errors import MimicError
from mimic_core.kit.files import atomic_path, write_text
from mimic_core.kit.tables import RowWriter
from mimic_core.sources import Unit


@pytest.fixture
def no_room():
    """No file grows past 64 KiB, as on a disk that is full there."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 16, hard))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def noise(unit):
    rng = np.random.default_rng(0)
    for number in range(3):
        yield View(rng.integers(0, 256, (224, 224, 3), np.uint8), time=float(number))


def test_a_disk_that_is_full_makes_no_unit_unreadable(tmp_path, no_room):
    units = [Unit(name, tmp_path) for name in "ab"]
    with pytest.raises((MimicError, OSError), match=r"exceed the size limit|File too large"):
        write_frames(units, noise, tmp_path / "0.tar", tmp_path / "0.views.parquet", total=2)
    assert not list(tmp_path.iterdir())


def test_a_tar_says_what_is_full(tmp_path, no_room):
    with (
        pytest.raises(MimicError, match="a file would exceed the size limit") as caught,
        TarWriter(tmp_path / "0.tar") as tar,
    ):
        tar.add("a", bytes(1 << 17))
    assert caught.value.where.startswith(f"{tmp_path} (")
    assert "free some space" in caught.value.remedy


def text(path):
    write_text(path, "a" * (1 << 17))


def table(path):
    with atomic_path(path) as temporary, RowWriter(temporary, pa.schema([("a", pa.binary())])) as rows:
        rows.add({"a": np.random.default_rng(0).bytes(1 << 17)})


@pytest.mark.parametrize("write", [text, table])
def test_a_program_names_the_file_for_which_there_is_no_room(tmp_path, no_room, capsys, write):
    with pytest.raises(SystemExit):
        program.run(lambda _: write(tmp_path / "out"))
    said = capsys.readouterr().err
    assert "error: a file would exceed the size limit" in said
    assert f"where:  {tmp_path / 'out'} (" in said
    assert "Traceback" not in said
    assert not list(tmp_path.iterdir())


def test_another_error_of_the_system_is_no_full_disk(capsys):
    def missing(_):
        raise FileNotFoundError(errno.ENOENT, "No such file", "x")

    with pytest.raises(SystemExit):
        program.run(missing)
    assert "Traceback" in capsys.readouterr().err


def weights(path):
    torch.save(torch.zeros(1 << 16), path)


def tensors(path):
    save_file({"a": torch.zeros(1 << 16)}, path)


@pytest.mark.parametrize("write", [weights, tensors])
def test_a_writer_that_says_nothing_of_a_full_disk_is_seen_through(tmp_path, small_disk, write):
    small_disk(tmp_path, "100k")
    with pytest.raises(OSError, match="No space left on device") as caught, atomic_path(tmp_path / "out.png") as path:
        write(path)
    assert caught.value.errno == errno.ENOSPC
    assert caught.value.filename == str(tmp_path / "out.png")
    assert not list(tmp_path.iterdir())
    del caught  # with the writer's open file
    gc.collect()


def test_any_other_error_of_a_writer_stays_what_it_is(tmp_path):
    with pytest.raises(RuntimeError, match="its own"), atomic_path(tmp_path / "out") as path:
        path.write_text("half")
        raise RuntimeError("its own")
    assert not list(tmp_path.iterdir())
