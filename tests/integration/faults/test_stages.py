"""A bit that flips between two stages, and jobs killed at random: the next run says what to do, and that heals it."""

import contextlib
import os
import random
import signal
import time
from pathlib import Path

import pytest
from integration.faults.world import Folder, assert_undisturbed

pytestmark = pytest.mark.integration


def flip(path: Path) -> None:
    """Flip a bit in the middle of a file, unseen by who looks at times and sizes."""
    at, content = path.stat(), bytearray(path.read_bytes())
    content[len(content) // 2] ^= 4
    path.write_bytes(content)
    os.utime(path, (at.st_atime, at.st_mtime))


def left(folder: Folder) -> dict[str, bytes]:
    """What training and the report leave, without what depends on when they ran."""
    names = ["table4.csv", "reconstruction/tiny/metrics.json"]
    names += [f"pretrain/tiny/{name}.safetensors" for name in ("encoder", "model", "encoder-epoch-0001")]
    return {name: (folder.results / name).read_bytes() for name in names}


def kill_at_random(folder: Folder, script: str, rng: random.Random) -> None:
    """Run the workflow, and end the first job of a script at some moment, politely or not."""
    master = folder.start_warm()
    job = folder.job(script)
    time.sleep(rng.uniform(0, 1))
    with contextlib.suppress(ProcessLookupError):  # it was done
        os.kill(job, rng.choice([signal.SIGKILL, signal.SIGTERM]))
    master.wait(timeout=300)


@pytest.mark.parametrize("seed", [0])  # when jobs are killed; any other may be tried
def test_a_flipped_bit_is_named_and_the_remedy_heals_it_through_kills(trained, undisturbed, seed):
    """From the table back to the views: what each stage reads is damaged, it says what to remove, and jobs that make
    that anew are killed."""
    before, rng = left(trained), random.Random(seed)
    steps = [
        ["reconstruction/tiny/metrics.json"],
        ["datasets/faults/manifest.parquet", "pretrain/tiny/model.safetensors"],
        ["pairs/videos/001.tar"],
        ["frames/videos/001.tar"],
    ]
    for name in [name for step in steps for name in step]:
        flip(trained.results / name)
    trained.remove("table4.*")
    for step in steps:
        failed = trained.run()
        removed = trained.obey(failed)
        for name in step:
            assert f"results/{name}" in removed, failed.stdout
        assert "Traceback" not in failed.stdout
    for script in ("pairs_shard", "assemble"):
        kill_at_random(trained, script, rng)
    trained.must("--cores", "2", "--until", "reconstruct_run")
    kill_at_random(trained, "table", rng)
    trained.must()
    assert left(trained) == before
    assert_undisturbed(trained, undisturbed)
