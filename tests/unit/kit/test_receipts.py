import json
import os
import socket

import pytest

from mimic_core.kit.errors import MimicError
from mimic_core.kit.receipts import Receipt


def test_an_input_that_cannot_be_read_is_noted_and_a_missing_output_is_an_error(tmp_path):
    (tmp_path / "in").write_text("a")
    receipt = Receipt("frames", {}, [tmp_path / "in", tmp_path / "gone"])
    receipt.write(tmp_path / "receipt.json", [tmp_path / "in"])
    inputs = json.loads((tmp_path / "receipt.json").read_text())["inputs"]
    assert inputs[str(tmp_path / "in")].startswith("sha256:")
    assert inputs[str(tmp_path / "gone")] == "unreadable"
    with pytest.raises(FileNotFoundError):
        receipt.write(tmp_path / "second.json", [tmp_path / "never written"])
    assert not (tmp_path / "second.json").exists()


def written(folder):
    """A job's output, and its receipt."""
    (folder / "0.tar").write_bytes(b"views")
    Receipt("frames", {}).write(folder / "0.receipt.json", [folder / "0.tar"])
    return folder / "0.tar", folder / "0.receipt.json"


def test_an_input_that_its_receipt_describes_is_read_once(tmp_path):
    output, of = written(tmp_path)
    receipt = Receipt("pairs", {}, [output])
    receipt.check_inputs(of, [output])
    output.write_bytes(b"changed while the job runs")
    receipt.write(tmp_path / "1.receipt.json")
    told = json.loads((tmp_path / "1.receipt.json").read_text())["inputs"]
    assert told[str(output)] == json.loads(of.read_text())["outputs"][str(output)], "what was read, not what is there"


@pytest.mark.parametrize("content", [b"view", b"Views", None])
def test_an_input_that_was_cut_off_changed_or_lost_is_refused(tmp_path, content):
    output, of = written(tmp_path)
    output.unlink() if content is None else output.write_bytes(content)
    with pytest.raises(MimicError, match="does not match its receipt") as caught:
        Receipt("pairs", {}, [output]).check_inputs(of, [output])
    assert caught.value.where == str(output)
    assert caught.value.remedy.endswith(f"rm {output} {of}")


@pytest.mark.parametrize("content", ["", '{"outputs": ', "[]", "{}"])
def test_a_receipt_that_was_cut_off_is_refused(tmp_path, content):
    output, of = written(tmp_path)
    of.write_text(content)
    with pytest.raises(MimicError, match="receipt cannot be read") as caught:
        Receipt("pairs", {}, [output]).check_inputs(of, [output])
    assert caught.value.where == str(of)


def test_what_killed_attempts_have_left_goes_and_what_is_being_written_stays(tmp_path, ended):
    here = socket.gethostname()
    names = {
        "of a killed one": f".partial-{here}-{ended}-0.tar",
        "of a living one": f".partial-{here}-{os.getpid()}-0.tar",
    }
    names |= {"of another file": f".partial-{here}-{ended}-1.tar", "elsewhere": f".partial-n7-{ended}-0.tar"}
    for name in names.values():
        (tmp_path / name).touch()
    written(tmp_path)
    assert {path.name for path in tmp_path.glob(".partial-*")} == {*names.values()} - {names["of a killed one"]}


@pytest.fixture
def ended():
    """Number of a process that has ended, and that nobody has waited for."""
    number = os.fork()
    if number == 0:
        os._exit(0)
    os.waitid(os.P_PID, number, os.WEXITED | os.WNOWAIT)
    yield number
    os.waitpid(number, 0)
