import json

import pytest

from mimic_core.receipts import Receipt


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
