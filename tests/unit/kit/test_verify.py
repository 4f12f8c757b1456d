"""Receipts read with the types that they must have, and files compared with them."""

import json
import os
import socket
import threading

import pytest

from mimic_core.datasets.statistics import dataset_statistics
from mimic_core.kit import verify
from mimic_core.kit.errors import MimicError
from mimic_core.kit.read_receipts import read_receipt
from mimic_core.kit.receipts import Receipt
from mimic_core.kit.verify import InputCheck, check_written, compare, listed, receipt_beside, with_receipts
from mimic_core.report.pretraining import read_metrics, run_receipt
from mimic_core.report.readings import read_results, run_statistics
from mimic_core.report.sources import frames_statistics


@pytest.fixture
def written(tmp_path):
    """Two outputs of one job, and its receipt."""
    files = [tmp_path / "0.tar", tmp_path / "0.pairs.parquet"]
    for file in files:
        file.write_bytes(file.name.encode() * 9)
    receipt = tmp_path / "0.receipt.json"
    Receipt("pairs", {}).write(receipt, files)
    return files, receipt


def flip(path, bit=3):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1 << bit
    path.write_bytes(content)


def test_a_receipt_lies_beside_what_its_job_wrote(written, tmp_path):
    files, receipt = written
    assert [receipt_beside(file) for file in files] == [receipt, receipt]
    assert receipt_beside(tmp_path / "1.tar") is None
    (tmp_path / "receipt.json").write_text("{}")
    assert receipt_beside(tmp_path / "encoder.safetensors") == tmp_path / "receipt.json"
    assert receipt_beside(files[0]) == receipt
    assert receipt_beside(tmp_path / "released.pth") is None, "whoever wrote that receipt"
    assert with_receipts([*files, tmp_path / "nowhere" / "x"]) == [(file, receipt) for file in files]


def test_what_is_whole_has_its_fingerprints(written):
    files, receipt = written
    assert {str(file): told for file, told in compare(with_receipts(files)).items()} == read_receipt(receipt).outputs


def test_every_damaged_file_is_named_at_once_with_one_command(written, tmp_path):
    files, receipt = written
    flip(files[0])
    files[1].unlink()
    with pytest.raises(MimicError, match="2 files do not match their receipts") as caught:
        compare(with_receipts(files))
    assert caught.value.where == f"{files[0]}, {files[1]}"
    assert caught.value.remedy.endswith(f": rm {files[0]} {files[1]} {receipt}")


def test_damaged_files_and_broken_receipts_are_named_together(written, tmp_path):
    files, receipt = written
    other = tmp_path / "a b.tar"
    other.touch()
    broken = tmp_path / "a b.receipt.json"
    broken.touch()
    flip(files[0])
    with pytest.raises(MimicError) as caught:
        compare(with_receipts([files[0], other]))
    assert caught.value.remedy.endswith(f": rm {files[0]} '{broken}' {receipt} '{other}'")


def test_a_moved_folder_of_results_is_compared_by_name(written, tmp_path):
    files, _ = written
    moved = tmp_path / "elsewhere"
    moved.mkdir()
    for path in [*files, tmp_path / "0.receipt.json"]:
        path.rename(moved / path.name)
    compare(with_receipts([moved / "0.tar"]))
    flip(moved / "0.tar")
    with pytest.raises(MimicError, match="does not match its receipt"):
        compare(with_receipts([moved / "0.tar"]))


def test_files_of_one_name_in_several_folders_are_told_apart(tmp_path):
    files = [tmp_path / name / "0.jpg" for name in "ab"]
    for file in files:
        file.parent.mkdir()
        file.write_text(file.parent.name)
    Receipt("sample", {}).write(tmp_path / "receipt.json", files)
    check_written([tmp_path / "receipt.json"])
    assert listed([*files, tmp_path / "c"], [tmp_path / "receipt.json"]) == [
        (file, tmp_path / "receipt.json") for file in files
    ]
    files[1].write_text("a")  # now as the other
    with pytest.raises(MimicError) as caught:
        check_written([tmp_path / "receipt.json"])
    assert caught.value.where == str(files[1])


def test_a_size_is_compared_where_an_older_receipt_has_no_more(tmp_path):
    file, receipt = tmp_path / "0.tar", tmp_path / "0.receipt.json"
    file.write_bytes(b"1234")
    receipt.write_text(json.dumps({"outputs": {str(file): "size:4"}}))
    compare([(file, receipt)])
    file.write_bytes(b"123")
    with pytest.raises(MimicError, match="does not match its receipt"):
        compare([(file, receipt)])


def test_large_outputs_are_hashed_and_large_raw_files_are_not(tmp_path, monkeypatch):
    monkeypatch.setattr(Receipt, "hash_limit", 3)
    (tmp_path / "raw").write_text("1234")
    (tmp_path / "out").write_text("1234")
    Receipt("frames", {}, [tmp_path / "raw"]).write(tmp_path / "receipt.json", [tmp_path / "out"])
    content = json.loads((tmp_path / "receipt.json").read_text())
    assert content["inputs"][str(tmp_path / "raw")] == "size:4"
    assert content["outputs"][str(tmp_path / "out")].startswith("sha256:")


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir, lambda path: path.symlink_to("/dev/zero")])
def test_what_is_no_file_is_not_waited_for(written, make):
    files, receipt = written
    files[0].unlink()
    make(files[0])
    with pytest.raises(MimicError, match="does not match its receipt"):
        compare([(files[0], receipt)])
    again = Receipt("frames", {}, [files[0]])
    again.write(receipt.with_name("again.json"))
    receipt.unlink()
    make(receipt)
    with pytest.raises(MimicError, match="receipt cannot be read") as caught:
        compare([(files[1], receipt)])
    assert caught.value.remedy.endswith(f": rm {receipt} {files[1]}")


def test_a_check_in_a_thread_tells_as_soon_as_it_knows(written, monkeypatch):
    files, _ = written
    assert set(InputCheck(with_receipts(files)).finish()) == set(files)
    going_on = threading.Event()
    hashed = verify.file_hash

    def slow(path):
        going_on.wait(10)
        return hashed(path)

    monkeypatch.setattr(verify, "file_hash", slow)
    flip(files[1])
    check = InputCheck(with_receipts(files))
    assert not check.failed
    going_on.set()
    check.thread.join()
    assert check.failed
    with pytest.raises(MimicError, match="does not match its receipt"):
        check.finish()


def nested(depth):
    return b'{"statistics":' * depth + b"1" + b"}" * depth


RUBBISH = {
    "empty": b"",
    "cut": b'{"statistics": {"seen": 1, ',
    "list": b"[1, 2]",
    "null": b"null",
    "number": b"17",
    "text": b'"text"',
    "empty object": b"{}",
    "statistics null": b'{"statistics": null, "outputs": null, "settings": null}',
    "statistics list": b'{"statistics": [], "outputs": [], "settings": []}',
    "deep": nested(100_000),
    "deep list": b"[" * 100_000,
    "utf-16": json.dumps({"statistics": {}}).encode("utf-16"),
    "latin-1": b'{"statistics": {"dataset": "\xe9"}}',
    "zeros": bytes(4096),
    "binary": bytes(range(256)) * 16,
    "large": b'{"statistics": "' + b"x" * 1_000_000 + b'"}',
}


def told(path):
    read_receipt(path).block("statistics")


READERS = {
    "anyone": told,
    "dataset": dataset_statistics,
    "frames": frames_statistics,
    "run": run_receipt,
    "statistic": lambda path: run_statistics([path], "epochs"),
    "outputs": lambda path: compare([(path.with_name("x"), path)]),
    "listed": lambda path: check_written([path]),
}


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("name", RUBBISH)
def test_a_receipt_of_any_shape_is_one_error_with_its_remedy(tmp_path, name, reader):
    path = tmp_path / "receipt.json"
    path.write_bytes(RUBBISH[name])
    if reader in ("outputs", "listed") and name == "large":
        return
    with pytest.raises(MimicError, match="the receipt cannot be read") as caught:
        READERS[reader](path)
    assert caught.value.where == str(path)
    assert caught.value.remedy.endswith(f": rm {path}")


def test_a_receipt_of_any_size_is_refused_before_it_is_read(tmp_path):
    path = tmp_path / "receipt.json"
    with path.open("wb") as stream:
        stream.truncate(300 << 20)  # a hole on the disk
    with pytest.raises(MimicError, match="at most") as caught:
        read_receipt(path)
    assert caught.value.remedy.endswith(f": rm {path}")


GOOD = {
    "dataset": "d",
    "sources": {"videos": {"taken": 3}},
    "mining": {"videos": {"seen": 3, "views": 4, "verdicts": {"kept": 3}, "unreadable": {"a": "b"}}},
}


@pytest.mark.parametrize("wrong", ["3", None, [], {}, -1, 1.5, True, float("nan")])
@pytest.mark.parametrize("keys", [("sources", "videos", "taken"), ("mining", "videos", "seen"), ("mining", "videos")])
def test_a_value_of_another_type_is_named_by_its_key(tmp_path, keys, wrong):
    content = json.loads(json.dumps(GOOD))
    place = content
    for key in keys[:-1]:
        place = place[key]
    path = tmp_path / "receipt.json"
    path.write_text(json.dumps({"statistics": content}))
    dataset_statistics(path)
    place[keys[-1]] = wrong
    path.write_text(json.dumps({"statistics": content}))
    with pytest.raises(MimicError, match=r"statistics\." + r"\.".join(keys)) as caught:
        dataset_statistics(path)
    assert caught.value.where == str(path)


def test_results_and_metrics_are_compared_with_the_receipts_beside_them(tmp_path):
    run = tmp_path / "run"
    run.mkdir()
    (run / "metrics.csv").write_text("epoch,loss,val_loss,val_loss_shuffled\n0,,1.0,1.0\n1,0.5,0.6,0.7\n")
    (run / "metrics.json").write_text("{}")
    Receipt("pretrain", {}).write(run / "receipt.json", [run / "metrics.csv", run / "metrics.json"])
    assert read_metrics([run])["run"]["loss"].tolist()[1] == 0.5
    (run / "metrics.csv").write_text((run / "metrics.csv").read_text().replace("0.5", "0.4"))
    with pytest.raises(MimicError, match="does not match its receipt"):
        read_metrics([run])
    flip(run / "metrics.json")
    with pytest.raises(MimicError, match="does not match its receipt"):
        read_results([run / "metrics.json"])
    (run / "receipt.json").unlink()
    (run / "metrics.csv").write_bytes(b"\xff\xfe\x00" * 9)
    with pytest.raises(MimicError, match="metrics of this run cannot be read"):
        read_metrics([run])


def test_a_clock_that_is_set_back_makes_no_negative_seconds(tmp_path, monkeypatch):
    receipt = Receipt("frames", {})
    monkeypatch.setattr("time.time", lambda: 0.0)
    receipt.write(tmp_path / "receipt.json")
    assert 0 <= json.loads((tmp_path / "receipt.json").read_text())["seconds"] < 60
    assert socket.gethostname() == json.loads((tmp_path / "receipt.json").read_text())["host"]
