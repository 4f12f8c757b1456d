"""Measure the peak memory of jobs on inputs of the real size, beside the memory that their rules request.

    python benchmarks/real_size.py [--only listing,coco,...] [--folder DIR]

The inputs are synthetic, but as large as the real ones: 25 million file names of 3DStreetView (from a fake file
system), COCO's 118,287 training images with 262,465 people, 54,514 Taskonomy test images of 512x512 (links to a few
files), NYUv2's 1,449 images of 640x480, and ImageNet's 1,281,167 training images (links to a few files). Each job runs
as in the workflow, in its own process.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from real_size_inputs import IMAGENET_IMAGES, write_coco, write_imagenet, write_nyuv2, write_taskonomy

from mimic_core.kit.escaping import markdown_table, table_line

REPOSITORY = Path(__file__).resolve().parents[1]
NAMES = 25_000_000
TARGETS = 8_300_000  # of three images each
FOLDER = 250_000  # files per folder

LISTING = """
import os, sys
sys.path.insert(0, {repository!r})
names, per_folder, targets = {names}, {per_folder}, {targets}
real = os.scandir

class Entry:
    __slots__ = ("name", "folder")
    def __init__(self, name, folder):
        self.name, self.folder = name, folder
    def is_dir(self, follow_symlinks=True):
        return self.folder

class Listing:
    def __init__(self, entries):
        self.entries = entries
    def __enter__(self):
        return self.entries
    def __exit__(self, *_):
        pass

def scandir(path="."):
    path = str(path)
    if not path.startswith({root!r}):
        return real(path)
    if path == {root!r}:
        return Listing(Entry(f"{{number:04d}}", True) for number in range(-(-names // per_folder)))
    tile = int(path.rsplit("/", 1)[1])
    some = range(tile * per_folder, min((tile + 1) * per_folder, names))
    return Listing(Entry(f"{{tile:04d}}_{{n:07d}}_{{n % 3}}_{{n // 3 % targets}}.jpg", False) for n in some)

os.scandir = scandir
from workflow_scripts.source_units import main
words = ["--adapter", "streetview", "--root", {root!r}, "--options", "{{}}"]
main([*words, "--units", {units!r}, "--receipt", {receipt!r}])
"""
RULES = {  # MB that the rules request, without Snakemake's own
    "list 25,000,000 names of 3DStreetView": 800,
    "read one of 120 shards of that list": 1000,
    "open COCO's 118,287 training images": 4000,
    "normals: 54,514 test images": 4000,
    "normals: 800 training images, frozen": 4000,
    "depth: NYUv2, whole images": 4000,
    "open ImageNet's 1,281,167 training images": 4000,
    "constant of normals": 7000,
    "constant of depth": 7000,
}


def peak(code: str, *arguments: str) -> tuple[float, float]:
    """Run Python code in a process; return its peak memory in MB, and its seconds."""
    probe = (
        "import resource, runpy, sys\n"
        f"{code}\n"
        "print('peak', resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, file=sys.stderr)"
    )
    start = time.monotonic()
    ended = subprocess.run(
        [sys.executable, "-c", probe, *arguments], cwd=REPOSITORY, check=False, capture_output=True, text=True
    )
    seconds = time.monotonic() - start
    found = [line.split()[1] for line in ended.stderr.splitlines() if line.startswith("peak ")]
    if ended.returncode or not found:
        sys.exit(f"a job failed:\n{ended.stderr[-2000:]}")
    return int(found[0]) / 1024, seconds


def listing(folder: Path) -> dict[str, tuple[float, float]]:
    """Measure listing 3DStreetView and reading one of its shards."""
    root, units = folder / "street", folder / "units.parquet"
    root.mkdir(exist_ok=True)
    for number in range(-(-NAMES // FOLDER)):
        (root / f"{number:04d}").mkdir(exist_ok=True)
    code = LISTING.format(
        repository=str(REPOSITORY),
        names=NAMES,
        per_folder=FOLDER,
        targets=TARGETS,
        root=str(root),
        units=str(units),
        receipt=str(folder / "units.receipt.json"),
    )
    first = peak(code)
    shard = (
        "from pathlib import Path\n"
        "from mimic_core.sources.listing import count_units, read_listing\n"
        f"found = read_listing(Path({str(units)!r}), Path({str(root)!r}), 7, 120)\n"
        f"assert len(found) > 60_000 and count_units(Path({str(units)!r})) > 8_000_000"
    )
    return {"list 25,000,000 names of 3DStreetView": first, "read one of 120 shards of that list": peak(shard)}


def coco(folder: Path) -> dict[str, tuple[float, float]]:
    """Measure opening COCO's training annotations."""
    root = write_coco(folder)
    code = (
        "from mimic_core.finetune.layouts.coco import CocoKeypoints\n"
        f"assert len(CocoKeypoints({str(root)!r}, 'train')) > 1"
    )
    return {"open COCO's 118,287 training images": peak(code)}


SPLITS = "{'train': 'splits/tiny_train.csv', 'val': 'splits/tiny_val.csv', 'test': 'splits/tiny_test.csv'}"
TINY = "{'image_size': 384, 'patch_size': 16, 'width': 24, 'depth': 4, 'heads': 2}"


def normals(folder: Path) -> dict[str, tuple[float, float]]:
    """Measure fine-tuning on Taskonomy at 384 pixels, with a tiny encoder so that only the data count."""
    root = write_taskonomy(folder)
    data = (
        "from mimic_core.finetune.data.dense import DenseData\n"
        "from mimic_core.finetune import ConstantSettings, get_task\n"
        f"settings = ConstantSettings('normals', 384, 'multimae', {SPLITS}, {{'train': 800, 'val': 200}})\n"
        "data = DenseData(get_task('normals'), settings)\n"
        f"import numpy as np, pathlib\nroot = pathlib.Path({str(root)!r})\n"
    )
    tests = data + (
        "split = data.open(root, 'test')\nassert len(split) == 54514\n"
        "split.leave_out(range(2000, 54514))\n"  # memory does not grow with the number of images
        "for samples in data.chunks(split):\n"
        "    data.task.measure(samples.target, samples.target, samples.valid)"
    )
    training = data + (
        "split = data.open(root, 'train')\nheld = data.training(split, range(len(split)), 2)\n"
        "assert held.samples is None\n"
        "from mimic_core.finetune.model import Scale\nScale.over(held.chunks())\n"
        "for _ in range(20):\n    held.get(np.arange(8))"
    )
    constant = (
        "from mimic_core.finetune import ConstantSettings, constant_baseline\n"
        f"settings = ConstantSettings('normals', 384, 'multimae', {SPLITS}, {{'train': 800, 'test': 64}})\n"
        f"constant_baseline(settings, {str(root)!r}, {str(folder / 'constant')!r})"
    )
    return {
        "normals: 54,514 test images": peak(tests),
        "normals: 800 training images, frozen": peak(training),
        "constant of normals": peak(constant),
    }


def depth(folder: Path) -> dict[str, tuple[float, float]]:
    """Measure fine-tuning on NYUv2 with whole images."""
    root = write_nyuv2(folder)
    whole = (
        "from mimic_core.finetune import DenseSettings, HeadSettings, finetune\n"
        f"settings = DenseSettings('depth', 'frozen', 'random', architecture={TINY}, protocol='multimae',\n"
        "    augment=True, epochs=1, warmup_epochs=0, batch_size=8, precision='fp32', image_size=256,\n"
        "    head=HeadSettings(16, (16, 16, 16, 16)))\n"  # tiny: on a GPU, the memory of the model is not the machine's
        f"finetune(settings, 'random', {str(folder / 'depth')!r}, data={str(root)!r})"
    ).replace("'image_size': 384", "'image_size': 256")
    constant = (
        "from mimic_core.finetune import ConstantSettings, constant_baseline\n"
        "constant_baseline(ConstantSettings('depth', 256, 'multimae'),"
        f" {str(root)!r}, {str(folder / 'constant_depth')!r})"
    )
    return {"depth: NYUv2, whole images": peak(whole), "constant of depth": peak(constant)}


def imagenet(folder: Path) -> dict[str, tuple[float, float]]:
    """Measure opening ImageNet's training images."""
    root = write_imagenet(folder)
    code = (
        "from mimic_core.finetune.layouts.imagenet import ImageNet\n"
        f"assert len(ImageNet({str(root)!r}, 'train')) == {IMAGENET_IMAGES}"
    )
    return {"open ImageNet's 1,281,167 training images": peak(code)}


JOBS: dict[str, Callable[[Path], dict[str, tuple[float, float]]]] = {
    "listing": listing,
    "coco": coco,
    "normals": normals,
    "depth": depth,
    "imagenet": imagenet,
}


def main() -> None:
    """Run the selected jobs and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default=",".join(JOBS), help="some of: %(default)s")
    parser.add_argument("--folder", type=Path, help="folder to create and keep inputs in (default: a temporary folder)")
    args = parser.parse_args()
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
    with tempfile.TemporaryDirectory() as temporary:
        folder = args.folder or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        titles = ["job", "requested", "peak", "seconds"]
        print("\n".join(markdown_table(titles, titles[1:], [])[:2]))
        for name in args.only.split(","):
            for job, (memory, seconds) in JOBS[name](folder).items():
                print(table_line([job, f"{RULES[job]:,} MB", f"{memory:,.0f} MB", f"{seconds:.0f}"]), flush=True)


if __name__ == "__main__":
    main()
