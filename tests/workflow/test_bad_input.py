"""What a user gets wrong: a message that names file or key and the remedy, exit code not 0, nothing half-written."""

import pytest
from support import REPOSITORY
from workflow.running import overlay, snakemake

OWN = REPOSITORY / "configs" / "own_videos.yaml"
MINED = "results/pairs/videos/000.receipt.json"


def refused(folder, *arguments, configfile) -> str:
    result = snakemake(folder, *arguments, configfile=configfile)
    assert result.returncode != 0
    assert not list(folder.glob("results/**/.partial-*"))
    return result.stdout + result.stderr


@pytest.mark.parametrize(
    ("blocks", "message"),
    [
        ({"pairs": {"ratoi": 0.7}}, "pairs.ratoi: unknown key; did you mean 'ratio'?"),
        ({"seed": "one"}, "seed: 'one' is not of type 'integer'"),
        ({"pairs": {"min_overlap": 1.5}}, "pairs.min_overlap: 1.5 is greater than the maximum of 1"),
        ({"pairs": {"min_overlap": float("nan")}}, "pairs.min_overlap: nan is not a finite number"),
    ],
)
def test_a_wrong_config_is_refused_before_anything_runs(tmp_path, blocks, message):
    output = refused(tmp_path, "--dry-run", configfile=overlay(tmp_path, **blocks))
    assert message in output
    assert "remedy" in output
    assert "Traceback" not in output


def test_a_source_named_twice_is_refused(tmp_path):
    path = tmp_path / "twice.yaml"
    path.write_text("sources:\n  videos: {root: a}\n  videos: {root: b}\n")
    assert "the key 'videos' appears twice in one block, in lines 2 and 3" in refused(tmp_path, "-n", configfile=path)


def test_own_videos_without_a_folder(tmp_path):
    assert "add --config videos=FOLDER" in refused(tmp_path, "-n", configfile=OWN)
    output = refused(tmp_path, "-n", "--config", "videos=nowhere", configfile=OWN)
    assert "videos: there is no folder 'nowhere'" in output


def test_a_folder_of_videos_may_be_named_like_a_number(tmp_path):
    (tmp_path / "2024_08_01").mkdir()
    result = snakemake(tmp_path, MINED, "-n", "--config", "videos=2024_08_01", configfile=OWN)
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.integration
@pytest.mark.parametrize(
    ("content", "reason"),
    [(None, "holds nothing to read"), (b"no video", "none of the source's 1 units can be read")],
)
def test_a_folder_without_a_readable_video(tmp_path, content, reason):
    videos = tmp_path / "my videos"
    videos.mkdir()
    if content is not None:
        (videos / "broken.mp4").write_bytes(content)
    output = refused(tmp_path, MINED, "--config", f"videos={videos}", configfile=OWN)
    assert reason in output
    assert not (tmp_path / MINED).exists()
    assert not list(tmp_path.glob("results/frames/videos/*.tar"))


@pytest.mark.integration
def test_one_frame_is_named(tmp_path, make_video):
    make_video(tmp_path / "v" / "still.mp4", seconds=0.1)
    output = refused(tmp_path, MINED, "--config", f"videos={tmp_path / 'v'}", configfile=OWN)
    assert "still.mp4" in output
    assert "gives 1 of the two views that a pair needs" in output


@pytest.mark.integration
def test_one_broken_video_among_good_ones_is_counted(tmp_path, make_video):
    videos = tmp_path / "mine 'quoted' größe"
    for name in ("a", "b", "c"):
        make_video(videos / f"{name}.mp4", step=10)
    (videos / "broken.mp4").write_bytes(b"no video")
    result = snakemake(
        tmp_path,
        MINED,
        "results/pairs/videos/001.receipt.json",
        "--config",
        f"videos={videos}",
        configfile=OWN,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    receipts = [(tmp_path / f"results/pairs/videos/00{shard}.receipt.json").read_text() for shard in (0, 1)]
    assert sum("broken.mp4" in receipt for receipt in receipts) == 1
    logs = "".join(path.read_text() for path in (tmp_path / "results/logs/frames").iterdir())
    assert "unreadable: broken.mp4" in logs


@pytest.mark.integration
def test_real_videos_are_mined(tmp_path, real_videos):
    targets = [f"results/pairs/videos/00{shard}.receipt.json" for shard in (0, 1)]
    result = snakemake(tmp_path, *targets, "--config", f"videos={real_videos}", configfile=OWN)
    assert result.returncode == 0, result.stdout + result.stderr
    import pandas as pd

    pairs = pd.concat(pd.read_parquet(path) for path in (tmp_path / "results/pairs/videos").glob("*.pairs.parquet"))
    assert len(pairs) >= 5
    assert pairs["overlap"].between(0.5, 0.75, inclusive="neither").all()
