"""Compute the principal directions of SIFT descriptors, and print the share of variance that they explain.

    python benchmarks/sift_basis.py [--write]

The descriptors come from random views of the sample world. ``--write`` replaces ``mimic_core/pairs/sift_basis.npz``.
The file affects only the speed of matching, not its results.
"""

import argparse
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from mimic_core.foreign.yaml_files import load_yaml
from mimic_core.frames.scene import center_crop
from mimic_core.pairs import detect
from mimic_core.pairs.features import BASIS
from mimic_core.sampledata import write_flat
from mimic_core.simulators import WalkSettings, open_simulator, walk_views

ROOT = Path(__file__).resolve().parents[1]
DIRECTIONS = 36  # fewer: more keypoints need the exhaustive search; more: larger matrix products
FLATS = ("flat000", "flat001", "flat002", "flat003")


def descriptors() -> np.ndarray:
    """Return the (N, 128) descriptors of one random-walk sample in each of a few flats."""
    config = load_yaml(ROOT / "config.yaml")
    walk = WalkSettings(minimal_island_radius=1.5)
    found = []
    with tempfile.TemporaryDirectory() as folder:
        for flat in FLATS:
            glb = Path(folder) / f"{flat}.glb"
            write_flat(flat, glb, {**config["sample"], "seed": config["seed"]})
            with open_simulator(glb, resolution=walk.resolution, hfov=walk.hfov) as simulator:
                views = walk_views(simulator, walk, seed=1, scene=flat, number=0)
            found += [detect(center_crop(view.rgb)).descriptors for view in views]
    return np.concatenate(found).astype(np.float64)


def main(argv: Sequence[str] | None = None) -> None:
    """Compute the directions, print their shares, and write them with ``--write``."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true", help=f"replace {BASIS.name}")
    args = parser.parse_args(argv)
    seen = descriptors()
    mean = seen.mean(axis=0)
    variances, directions = np.linalg.eigh(np.cov((seen - mean).T))
    share = variances[::-1].cumsum() / variances.sum()
    print(f"{len(seen):,} descriptors; share of their variance in the first K directions:")
    print("  ".join(f"K={count}: {share[count - 1]:.1%}" for count in (16, 24, 32, DIRECTIONS, 48, 64)))
    if args.write:
        kept = directions[:, ::-1][:, :DIRECTIONS]
        np.savez(BASIS, mean=mean.astype(np.float32), directions=kept.astype(np.float32))
        print(f"wrote {BASIS}")


if __name__ == "__main__":
    main()
