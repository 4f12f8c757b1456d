"""Disks that run full, outputs cut off after their job had ended, and clocks that are wrong."""

import os
import subprocess
import time
from pathlib import Path

import pytest
from integration.faults.world import Folder, assert_undisturbed

pytestmark = pytest.mark.integration

STAGES = {"frames/videos": "200k", "pairs/videos": "200k", "datasets/faults": "8k"}  # room for half of their outputs


def test_full_disk_in_each_stage(fresh, undisturbed, small_disk):
    for folder, size in STAGES.items():
        (fresh.results / folder).mkdir(parents=True)
        small_disk(fresh.results / folder, size)
    for folder in STAGES:
        failed = fresh.run()
        assert failed.returncode != 0
        assert "error: the disk is full" in failed.stdout
        assert f"where:  results/{folder}" in failed.stdout
        assert "remedy: free some space and run the same command again" in failed.stdout
        left = {path.name for path in (fresh.results / folder).iterdir()}
        assert left <= {"units.parquet", "units.receipt.json"}, "nothing half-written is left"
        subprocess.run(["mount", "-o", "remount,size=50m", str(fresh.results / folder)], check=True)
    fresh.must()
    assert_undisturbed(fresh, undisturbed)


def cut(path: Path) -> None:
    """Cut off a third of a file, unseen by who looks at times."""
    at = path.stat()
    os.truncate(path, at.st_size * 2 // 3)
    os.utime(path, (at.st_atime, at.st_mtime))


def refused(folder: Folder, *names: str) -> None:
    """The next stage reads none of the files that were cut off; what it says to do is done."""
    failed = folder.run()
    assert failed.returncode != 0
    for name in names:
        assert f"where:  results/{name}" in failed.stdout
        [remedy] = {line for line in failed.stdout.splitlines() if f"rm results/{name} " in line}
        for path in remedy.split("rm ", 1)[1].split():
            (folder.path / path).unlink()


def test_outputs_cut_off_after_their_job(done, undisturbed):
    done.remove("pairs/videos/*", "datasets/faults/*")
    names = ("frames/videos/000.tar", "frames/videos/001.views.parquet")
    for name in names:
        cut(done.results / name)
    refused(done, *names)
    done.must()
    done.remove("datasets/faults/*")
    cut(done.results / "pairs/videos/000.pairs.parquet")
    refused(done, "pairs/videos/000.pairs.parquet")
    cut(done.results / "pairs/videos/001.tar")
    refused(done, "pairs/videos/001.tar")
    done.must()
    assert_undisturbed(done, undisturbed)


def test_wrong_clocks(done, undisturbed):
    """What lies in the future is named, and no job on it counts as done; what lies in the past runs nothing again."""
    early, late = done.results / "frames/videos/001.tar", done.results / "frames/videos/000.tar"
    kept = done.results / "pairs/videos/001.tar"
    before, now = kept.stat().st_mtime_ns, time.time()
    os.utime(early, (now - 3e7, now - 3e7))
    os.utime(late, (now + 86400, now + 86400))
    failed = done.run()
    assert failed.returncode != 0
    assert "than input results/frames/videos/000.tar" in failed.stdout
    assert "clock skew" in failed.stdout
    assert not list(done.results.glob("pairs/videos/000.*"))
    os.utime(late)
    done.must()
    assert kept.stat().st_mtime_ns == before
    assert_undisturbed(done, undisturbed)
