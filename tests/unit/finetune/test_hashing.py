"""Hashes of test images: those of the pictures as views are stored, for every task that has files or arrays."""

import numpy as np
import pyarrow.parquet as pq

from mimic_core.finetune.data import load_all
from mimic_core.finetune.layouts.nyuv2 import NYUv2
from mimic_core.finetune.layouts.taskonomy import Taskonomy
from mimic_core.finetune.test_hashes import write_hashes
from mimic_core.pairs.hashing import perceptual_hash


def test_every_test_image_has_its_hash(datasets, tmp_path):
    for task, split in (
        ("depth", NYUv2(datasets["depth"], "test")),
        ("normals", Taskonomy(datasets["normals"], "test")),
    ):
        path = tmp_path / task / "test_hashes.parquet"
        path.parent.mkdir()
        assert write_hashes(task, datasets[task], {}, path) == {"images": len(split)}
        expected = [perceptual_hash(image) for image in load_all(split, 224).images]
        table = pq.read_table(path)
        np.testing.assert_array_equal(table["hash"].to_numpy(), np.array(expected, np.uint64))
        assert len(set(table["image"].to_pylist())) == len(split)


def test_an_image_that_cannot_be_read_is_left_to_its_task(taskonomy, tmp_path):
    (taskonomy / "rgb" / "beach" / "point_0_view_0_domain_rgb.png").write_bytes(b"no picture")
    assert write_hashes("normals", taskonomy, {}, tmp_path / "h.parquet") == {"images": 2}
