"""The command ``mimic`` as a user types it."""

import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from mimic_core.cli.main import main
from mimic_core.frames.views import decode_image
from mimic_core.kit.archive import read_at


def failed(capsys, *arguments: str) -> str:
    with pytest.raises(SystemExit) as exit_:
        main(arguments)
    assert exit_.value.code == 1
    return capsys.readouterr().err


def test_help_loads_next_to_nothing():
    """It is said in a tenth of a second, and so is a word that was mistyped."""
    code = "import sys, mimic_core.cli.main; print(*{name.partition('.')[0] for name in sys.modules})"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not {"yaml", "jsonschema", "numpy", "cv2", "torch", "pandas", "pyarrow", "PIL", "av"} & set(loaded)


def test_a_folder_of_videos_is_mined(tmp_path, capsys, make_video):
    make_video(tmp_path / "videos" / "sub" / "pan.mp4", step=10)
    (tmp_path / "videos" / "broken.mov").write_bytes(b"no video")
    with pytest.raises(SystemExit) as exit_:
        main(["mine", str(tmp_path / "videos"), "--out", str(tmp_path / "out"), "--every", "0.5s", "--jobs", "1"])
    assert exit_.value.code == 3, "all was mined but for what is named below"
    printed = capsys.readouterr().out
    pairs = pd.read_parquet(tmp_path / "out" / "pairs.parquet")
    candidates = pd.read_parquet(tmp_path / "out" / "candidates.parquet")
    assert f"kept{len(pairs):>20,}" in printed
    assert f"seen{len(candidates):>20,}" in printed
    assert "unreadable: broken.mov" in printed
    assert len(pairs) > 0
    with open(tmp_path / "out" / "pairs.tar", "rb") as tar:
        row = pairs.iloc[0]
        assert decode_image(read_at(tar, int(row["offset1"]), int(row["size1"]))).shape == (224, 224, 3)
    assert np.all((pairs["overlap"] > 0.5) & (pairs["overlap"] < 0.75))


def test_bounds_of_the_overlap_decide(tmp_path, make_video):
    make_video(tmp_path / "videos" / "pan.mp4", step=4)
    arguments = ["mine", str(tmp_path / "videos"), "--every", "0.5", "--out"]
    main([*arguments, str(tmp_path / "usual")])
    main([*arguments, str(tmp_path / "high"), "--overlap", "0.75", "0.99"])
    overlaps = pd.read_parquet(tmp_path / "high" / "pairs.parquet")["overlap"]
    assert overlaps.between(0.75, 0.99, inclusive="neither").all()
    assert len(overlaps) > 0


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (("--overlap", "0.8", "0.5"), "--overlap"),
        (("--overlap", "0.5", "1.5"), "--overlap"),
        (("--every", "-1"), "--every"),
        (("--every", "nan"), "--every"),
        (("--jobs", "0"), "--jobs"),
        (("--near-duplicates", "65"), "--near-duplicates"),
    ],
)
def test_impossible_options_are_named(tmp_path, capsys, options, named):
    message = failed(capsys, "mine", str(tmp_path), "--out", str(tmp_path / "out"), *options)
    assert f"where:  {named}" in message
    assert "remedy: " in message
    assert not (tmp_path / "out").exists()


def test_a_folder_that_is_not_there_or_empty(tmp_path, capsys):
    assert "does not exist" in failed(capsys, "mine", str(tmp_path / "nowhere"), "--out", str(tmp_path / "out"))
    assert "holds nothing to read" in failed(capsys, "mine", str(tmp_path), "--out", str(tmp_path / "out"))
    assert not (tmp_path / "out").exists()


def test_check_has_a_line_a_tool(capsys, monkeypatch):
    monkeypatch.setattr("mimic_core.cli.tools.PACKAGES", {"mining": ("numpy", "cv2")})  # pose may rightly be missing
    main(["check"])
    lines = capsys.readouterr().out.splitlines()
    assert all(line.startswith("ok  ") for line in lines)
    assert any("rendering" in line for line in lines)


def test_overlays_without_a_config_are_not_passed_over(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit):
        main(["check", "--configfile", "paper.yaml"])
    assert "there is no config.yaml" in capsys.readouterr().err


def test_a_missing_package_fails_the_check_and_says_what_to_do(capsys, monkeypatch):
    monkeypatch.setattr("mimic_core.cli.tools.PACKAGES", {"pose": ("xtcocotools_that_is_not_there",)})
    with pytest.raises(SystemExit) as exit_:
        main(["check"])
    assert exit_.value.code == 1
    line = next(line for line in capsys.readouterr().out.splitlines() if line.startswith("FAIL"))
    assert "needs a C compiler" in line
    assert "make clean env" in line
