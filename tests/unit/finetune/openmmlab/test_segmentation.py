"""Segmentation through MMSegmentation: what is read, what is learnt, what is measured, and what is left behind."""

import json
import os
import shutil
import signal
import sys
import tempfile
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from PIL import Image
from unit.finetune.tiny import ARCHITECTURE, tiny_settings

from mimic_core.evaluation.segmentation import IGNORED, segmentation_metrics, unpack_counts
from mimic_core.finetune import finetune
from mimic_core.finetune.layouts import ADE20K
from mimic_core.finetune.openmmlab import require_openmmlab
from mimic_core.kit.errors import MimicError
from mimic_core.models import build_encoder

require_openmmlab()
from mmengine.config import Config  # noqa: E402
from mmengine.registry import DefaultScope  # noqa: E402
from mmengine.runner import Runner  # noqa: E402
from mmseg.datasets import ADE20KDataset  # noqa: E402
from mmseg.evaluation import IoUMetric  # noqa: E402
from mmseg.registry import MODELS  # noqa: E402

from mimic_core.finetune.openmmlab import running  # noqa: E402
from mimic_core.finetune.openmmlab.job import OpenMMLabJob  # noqa: E402
from mimic_core.finetune.openmmlab.segmentation import (  # noqa: E402
    ConfusionCounts,
    MimicADE20K,
    MimicConvNeXtHead,
    build_config,
)
from mimic_core.finetune.tasks.segmentation import SegmentationSettings  # noqa: E402

pytestmark = pytest.mark.usefixtures("quick_openmmlab")
make = partial(tiny_settings, "segmentation")


# data


def dataset(settings, root: Path, part: str) -> MimicADE20K:
    config = build_config(settings, "random", root, 3)
    chosen = {"train": config.train_dataloader, "test": config.test_dataloader}[part].dataset
    with DefaultScope.overwrite_default_scope("mmseg"):
        return MimicADE20K(**{key: value for key, value in chosen.items() if key != "type"})


@pytest.mark.parametrize("part", ["train", "test"])
def test_mmseg_sees_what_the_reader_lists(ade20k, part):
    (ade20k / "images" / "training" / ".hidden").mkdir(exist_ok=True)
    seen = dataset(make(), ade20k, part)
    reader = ADE20K(ade20k, part)
    assert [entry["img_path"] for entry in map(seen.get_data_info, range(len(seen)))] == list(map(str, reader.images))
    assert len(seen.metainfo["classes"]) == reader.classes == 150


def test_ground_truth_as_prediction_gives_100(ade20k):
    seen, reader = dataset(make(), ade20k, "test"), ADE20K(ade20k, "test")
    ours, theirs = ConfusionCounts(kept=[1]), IoUMetric()
    ours.dataset_meta = theirs.dataset_meta = seen.metainfo
    for row in range(len(seen)):
        sample = seen[row]["data_samples"].to_dict()
        truth = sample["gt_sem_seg"]["data"]
        np.testing.assert_array_equal(truth[0].numpy(), reader.whole(row)[1])  # at its own size
        sample["pred_sem_seg"] = {"data": torch.where(truth == IGNORED, 5, truth)}
        for metric in (ours, theirs):
            metric.process({}, [sample])
    expected = {"mimic/miou": 100.0, "mimic/macc": 100.0, "mimic/aacc": 100.0}
    assert ours.evaluate(len(seen)) == expected
    assert theirs.evaluate(len(seen))["mIoU"] == 100
    assert list(ours.predictions) == [1]


def test_as_multimae_a_test_is_one_padded_square_and_measured_there(ade20k):
    seen, reader = dataset(make(protocol="multimae"), ade20k, "test"), ADE20K(ade20k, "test")
    for row, path in enumerate(reader.images):
        image = cv2.imread(str(path))
        scale = 32 / max(image.shape[:2])
        height, width = (int(side * scale + 0.5) for side in image.shape[:2])
        sample = seen[row]
        pixels, truth = sample["inputs"].numpy(), sample["data_samples"].gt_sem_seg.data[0].numpy()
        assert pixels.shape == (3, 32, 32) and truth.shape == (32, 32)
        assert sample["data_samples"].ori_shape == (32, 32)
        expected = cv2.resize(image, (width, height), interpolation=cv2.INTER_LINEAR)
        np.testing.assert_array_equal(pixels[:, :height, :width], expected.transpose(2, 0, 1))
        assert (pixels[:, height:] == 128).all() and (pixels[:, :, width:] == 128).all()
        assert (truth[height:] == IGNORED).all() and (truth[:, width:] == IGNORED).all()
    assert build_config(make(protocol="multimae"), "random", ade20k, 0).model.test_cfg.mode == "whole"


def test_as_multimae_a_training_image_is_scaled_and_padded(ade20k):
    seen = dataset(make(protocol="multimae"), ade20k, "train")
    shares = []
    for epoch in range(20):
        seen.epoch = epoch
        sample = seen[0]
        truth = sample["data_samples"].gt_sem_seg.data[0].numpy()
        assert sample["inputs"].shape == (3, 32, 32) and truth.shape == (32, 32)
        shares.append((truth == IGNORED).mean())
    assert max(shares) > 0.9 and min(shares) < 0.5  # from a tenth of the size to twice


def test_as_multimae_it_is_trained_and_shown(ade20k, tmp_path):
    summary = finetune(make(protocol="multimae", epochs=1, warmup_epochs=0), "random", tmp_path, data=ade20k)
    assert "one pass" in summary["protocol"] and 0 <= summary["mean"]["miou"] <= 100
    assert (tmp_path / "predictions.png").stat().st_size > 1000


def test_augmentation_depends_on_seed_epoch_and_image_alone(ade20k):
    first, second = dataset(make(), ade20k, "train"), dataset(make(), ade20k, "train")
    first[0]  # another past
    assert torch.equal(first[2]["inputs"], second[2]["inputs"])
    second.epoch = 1
    assert not torch.equal(first[2]["inputs"], second[2]["inputs"])
    plain = dataset(make(augment=False), ade20k, "train")
    before = plain[0]["inputs"]  # square: no crop
    plain.epoch = 1
    assert torch.equal(before, plain[0]["inputs"])


def test_few_shot_training_sees_the_chosen_images_alone(ade20k):
    config = build_config(make(), "random", ade20k, 0, indices=[1, 4])
    chosen = MimicADE20K(**{key: config.train_dataloader.dataset[key] for key in ("data_root", "part", "indices")})
    assert [Path(chosen.get_data_info(row)["img_path"]).stem for row in range(len(chosen))] == ["ADE_0001", "ADE_0004"]


# runs


@pytest.fixture(scope="module")
def finished(ade20k, tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("out")
    finetune(make(seeds=[0, 1]), "random", out, data=ade20k)
    return out


def test_a_run_leaves_its_results_and_nothing_else(ade20k, tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    state = torch.get_rng_state(), np.random.get_state()[1].tolist(), cv2.getNumThreads()
    finetune(make(mode="frozen", train_images=3), "random", tmp_path / "out", data=ade20k)
    assert torch.equal(torch.get_rng_state(), state[0])
    assert (np.random.get_state()[1].tolist(), cv2.getNumThreads()) == state[1:]
    assert not list((tmp_path / "temporary").iterdir())
    assert {path.name for path in (tmp_path / "out").iterdir()} == {*OpenMMLabJob.outputs, "receipt.json"}
    assert json.loads((tmp_path / "out" / "metrics.json").read_text())["train_images"] == 3


@pytest.mark.parametrize("end", [lambda: os.kill(os.getpid(), signal.SIGTERM), lambda: sys.exit(1)])
def test_the_work_folder_goes_when_the_job_is_stopped(ade20k, end):
    handler = signal.getsignal(signal.SIGTERM)
    with pytest.raises(SystemExit), running.quiet_runner(build_config(make(), "random", ade20k, 0), 0) as runner:
        folder = Path(runner.work_dir)
        assert folder.is_dir()
        end()
    assert not folder.exists()
    assert signal.getsignal(signal.SIGTERM) is handler


def test_the_summary_holds_together(finished):
    summary = json.loads((finished / "metrics.json").read_text())
    assert (summary["task"], summary["metric"], summary["test_images"], summary["train_images"]) == (
        "segmentation",
        "miou",
        5,
        6,
    )
    assert [run["seed"] for run in summary["runs"]] == summary["seeds"] == [0, 1]
    assert len(summary["curve"]) == 2
    for entry in summary["runs"]:
        counts = unpack_counts(entry["per_image"], 150)
        assert segmentation_metrics(counts.sum(axis=0)) == pytest.approx(entry["metrics"], abs=1e-5)
    values = [entry["metrics"]["miou"] for entry in summary["runs"]]
    assert summary["mean"]["miou"] == pytest.approx(np.mean(values), abs=1e-5)
    assert summary["std"]["miou"] == pytest.approx(np.std(values, ddof=1), abs=1e-5)
    assert summary["bootstrap"]["aacc"]["min"] <= summary["bootstrap"]["aacc"]["mean"]


def test_the_same_seed_gives_the_same_numbers_whatever_the_workers(ade20k, finished, tmp_path):
    finetune(make(seeds=[0], workers=1), "random", tmp_path, data=ade20k)
    again, before = (json.loads((folder / "metrics.json").read_text())["runs"] for folder in (tmp_path, finished))
    assert again == before[:1] and before[0] != {**before[1], "seed": 0}


def test_the_config_runs_without_us(finished, tmp_path):
    config = Config.fromfile(finished / "config.py")
    config.work_dir, config.log_level = str(tmp_path), "ERROR"
    runner = Runner.from_cfg(config)
    runner.train()
    values = runner.test()
    ours = json.loads((finished / "metrics.json").read_text())["runs"][0]["metrics"]
    assert values["mimic/miou"] == pytest.approx(ours["miou"], abs=1e-4)
    assert values["mIoU"] == pytest.approx(ours["miou"], abs=0.006)  # mmseg rounds to hundredths


def test_the_picture_has_three_rows_of_the_test_images(finished):
    with Image.open(finished / "predictions.png") as picture:
        pixels = np.asarray(picture.convert("RGB")).reshape(-1, 3)
    colours = {tuple(row) for row in pixels}
    assert {tuple(ADE20KDataset.METAINFO["palette"][index]) for index in (0, 1, 2, 149)} <= colours


def test_a_frozen_encoder_keeps_every_byte_and_a_whole_one_learns(ade20k, encoder_file):
    expected = build_encoder(ARCHITECTURE, 7).state_dict()
    for mode in ("frozen", "whole"):
        config = build_config(make(mode=mode, drop_path=0.5, weight_decay=0.5), encoder_file, ade20k, 0)
        trained = running.train(config, 0)
        state = trained.model.backbone.encoder.state_dict()
        same = {name for name in expected if expected[name].numpy().tobytes() == state[name].numpy().tobytes()}
        if mode == "frozen":
            assert same == set(expected)
            assert not trained.model.train().backbone.encoder.training
        else:  # pos_embed is fixed; the last norm comes after the last block
            assert same <= {"pos_embed", "norm.weight", "norm.bias"}


def test_training_learns(ade20k):
    settings = make(epochs=30, augment=False, learning_rate=3e-3, layer_decay=1.0)
    curve = running.train(build_config(settings, "random", ade20k, 0), 0).curve
    assert [epoch for epoch, _ in curve] == list(range(1, 31))
    assert curve[-1][1] < 0.5 * curve[0][1]


# bad input


def broken(ade20k: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(ade20k, tmp_path / "broken"))


DAMAGES = [  # what lies in an annotation's place -> what is said
    (None, "this image has no annotation"),
    (np.ones((9, 9), np.uint8), "its annotation (9, 9)"),
    (np.full((48, 48), 151, np.uint8), "has class 151"),
    (b"no picture", "this annotation cannot be read"),
]


def test_bad_pairs_are_left_out_and_counted(ade20k, tmp_path):
    root = broken(ade20k, tmp_path)
    for part in ("training", "validation"):
        for number, (label, _) in enumerate(DAMAGES):
            path = root / "annotations" / part / f"ADE_{number:04d}.png"
            path.unlink()
            if isinstance(label, bytes):
                path.write_bytes(label)
            elif label is not None:
                cv2.imwrite(str(path), label)
    summary = finetune(make(epochs=1, warmup_epochs=0), "random", tmp_path / "out", data=root)
    assert (summary["train_images"], summary["test_images"]) == (2, 1)
    assert summary["runs"][0]["per_image"]["image"] == ["ADE_0004"]
    config = Config.fromfile(tmp_path / "out" / "config.py")
    for part in ("train", "test"):
        for number, (found, (_, message)) in enumerate(zip(summary["skipped"][part], DAMAGES, strict=True)):
            assert f"ADE_{number:04d}" in found["where"] and message in found["what"]
        assert config[f"{part}_dataloader"].dataset.skip == [f"ADE_{number:04d}" for number in range(4)]


def test_left_out_images_are_those_of_a_set_that_never_had_them(ade20k, tmp_path):
    root = broken(ade20k, tmp_path)
    for part, name in (("training", "ADE_0001"), ("validation", "ADE_0002")):
        path = root / "images" / part / f"{name}.jpg"
        path.write_bytes(path.read_bytes()[:-40])
    settings = make(train_images=4, epochs=1, warmup_epochs=0)
    found = finetune(settings, "random", tmp_path / "cut", data=root)
    for part, name in (("training", "ADE_0001"), ("validation", "ADE_0002")):
        (root / "images" / part / f"{name}.jpg").unlink()
        (root / "annotations" / part / f"{name}.png").unlink()
    expected = finetune(settings, "random", tmp_path / "gone", data=root)
    assert [len(samples) for samples in found.pop("skipped").values()] == [1, 1]
    assert expected.pop("skipped") == {"train": [], "test": []} and found == expected


def test_a_test_set_without_labels_is_refused(ade20k, tmp_path):
    root = broken(ade20k, tmp_path)
    for path in (root / "annotations" / "validation").iterdir():
        cv2.imwrite(str(path), np.zeros_like(cv2.imread(str(path), cv2.IMREAD_UNCHANGED)))
    with pytest.raises(MimicError, match="no test sample can be used"):
        finetune(make(epochs=2), "random", tmp_path / "out", data=root)
    assert not (tmp_path / "out").exists()


def test_settings_that_do_not_fit_are_refused(ade20k, encoder_file, tmp_path):
    for changes, weights, key in [
        ({"train_images": 7}, "random", "finetune.train_images"),
        ({"image_size": 40}, encoder_file, "finetune.image_size"),
        ({}, tmp_path / "none.safetensors", "none.safetensors"),
    ]:
        with pytest.raises(MimicError) as caught:
            finetune(make(**changes), weights, tmp_path, data=ade20k)
        assert key in caught.value.where
    with pytest.raises(MimicError, match="no dataset is named"):
        finetune(make(), "random", tmp_path)


@pytest.mark.parametrize(
    ("changes", "where"),
    [
        ({"mode": "half"}, "finetune.mode"),
        ({"train_images": 0}, "finetune.train_images"),
        ({"workers": -1}, "finetune.workers"),
        ({"head": {"predictions": 8}}, "finetune.head.predictions"),
        ({"head": {"width": 100}}, "finetune.head.width"),
        ({"head": {"depth": -1}}, "finetune.head.depth"),
        ({"warmup_epochs": 2}, "finetune.warmup_epochs"),
        ({"stride": 3}, "finetune.stride"),
    ],
)
def test_a_value_out_of_range_names_its_key(changes, where):
    with pytest.raises(MimicError) as caught:
        make(**changes)
    assert caught.value.where == where


def test_the_loss_is_mmsegs_without_the_accuracy(ade20k):
    config = build_config(make(), "random", ade20k, 0)
    with DefaultScope.overwrite_default_scope("mmseg"):
        head = MODELS.build(config.model.decode_head)
    items = [dataset(make(), ade20k, "train")[row]["data_samples"] for row in (0, 3)]
    scores = torch.randn(2, 150, 4, 4, generator=torch.Generator().manual_seed(0))
    theirs = super(MimicConvNeXtHead, head).loss_by_feat(scores, items)
    ours = head.loss_by_feat(scores, items)
    assert list(ours) == ["loss_ce"] and ours["loss_ce"] == theirs["loss_ce"]
    truth = torch.cat([item.gt_sem_seg.data for item in items]).long()
    assert (truth == IGNORED).any()
    full = torch.nn.functional.interpolate(scores, size=truth.shape[1:], mode="bilinear", align_corners=False)
    expected = torch.nn.functional.cross_entropy(full, truth, ignore_index=IGNORED)  # mean over the labelled pixels
    assert ours["loss_ce"].item() == pytest.approx(expected.item(), rel=1e-5)


def test_the_defaults_are_the_papers():
    settings = SegmentationSettings("segmentation", "whole", "random")
    recipe = (settings.learning_rate, settings.layer_decay, settings.weight_decay, settings.batch_size, settings.epochs)
    assert recipe == (5e-4, 0.75, 0.05, 16, 64)
    config = build_config(settings, "random", "nowhere", 0)
    assert config.model.test_cfg == {"mode": "slide", "crop_size": (512, 512), "stride": (341, 341)}
    assert (config.model.decode_head.width, config.model.decode_head.predictions) == (6144, 16)
