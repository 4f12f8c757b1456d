"""MMPose config of a pose job, and the dataset and metric that it names.

Importing this module, which needs MMPose, registers them.
"""

from __future__ import annotations

import contextlib
import io
import json
import tempfile
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import mmpose.models  # noqa: F401 - registers the estimator and its head
import numpy as np
from mmengine.config import Config
from mmpose.datasets import CocoDataset
from mmpose.evaluation.metrics import CocoMetric
from mmpose.registry import DATASETS, METRICS
from numpy.typing import NDArray
from xtcocotools.cocoeval import COCOeval

from mimic_core.evaluation import Matches, pose_metrics
from mimic_core.finetune.job import encoder_sizes
from mimic_core.finetune.layouts.coco import JOINTS, PARTS, CocoKeypoints
from mimic_core.finetune.layouts.coco_boxes import read_boxes
from mimic_core.finetune.layouts.coco_file import read_categories, read_document, read_images, usable_document
from mimic_core.finetune.openmmlab.config import backbone_config, pixel_statistics, run_config
from mimic_core.finetune.openmmlab.epochs import SeededDataset
from mimic_core.finetune.tasks.pose import PoseSettings
from mimic_core.models import ViTSettings

NO_SKIPS: Mapping[str, Mapping[str, Sequence[int]]] = {"train": {}, "test": {}}
LOAD_IMAGE = {"type": "LoadImage", "color_type": "color_ignore_orientation"}  # joints fit the stored pixels
FINER = 4  # heatmap pixels along a patch's side: two deconvolutions, each doubling it


def codec_config(settings: PoseSettings, sizes: ViTSettings) -> dict[str, Any]:
    """Return the config of the heatmap codec; mmpose's sizes are (width, height)."""
    height, width = settings.size
    heatmap = tuple(side // sizes.patch_size * FINER for side in (width, height))
    common = {"input_size": (width, height), "heatmap_size": heatmap, "sigma": settings.sigma}
    return (
        {"type": "UDPHeatmap", **common}
        if settings.codec == "udp"
        else {"type": "MSRAHeatmap", "unbiased": True} | common
    )


def pipelines(settings: PoseSettings, codec: dict[str, Any]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Return the pipelines of training and test images."""
    window = {"type": "GetBBoxCenterScale"}
    cut = {"type": "TopdownAffine", "input_size": codec["input_size"], "use_udp": settings.codec == "udp"}
    drawn = [
        {"type": "RandomFlip", "direction": "horizontal"},
        {"type": "RandomHalfBody"},
        {"type": "RandomBBoxTransform"},
    ]
    target, pack = {"type": "GenerateTarget", "encoder": codec}, {"type": "PackPoseInputs"}
    return [LOAD_IMAGE, window, *(drawn if settings.augment else []), cut, target, pack], [
        LOAD_IMAGE,
        window,
        cut,
        pack,
    ]


def model_config(
    settings: PoseSettings, weights: str | Path, seed: int, codec: dict[str, Any], width: int
) -> dict[str, Any]:
    """Return the config of the encoder with ViTPose's classic head."""
    channels = int(settings.deconv_channels)
    return {
        "type": "TopdownPoseEstimator",
        "data_preprocessor": {"type": "PoseDataPreprocessor", "bgr_to_rgb": True, **pixel_statistics()},
        "backbone": backbone_config(settings, weights, seed, norm=True),
        "head": {
            "type": "HeatmapHead",
            "in_channels": width,
            "out_channels": JOINTS,
            "deconv_out_channels": (channels, channels),
            "deconv_kernel_sizes": (4, 4),
            "loss": {"type": "KeypointMSELoss", "use_target_weight": True},
            "decoder": codec,
        },
        "test_cfg": {
            "flip_test": settings.flip_test,
            "flip_mode": "heatmap",
            "shift_heatmap": settings.codec == "msra",
        },
    }


def schedule(settings: PoseSettings) -> list[dict[str, Any]]:
    """Return linear warm-up, and a tenfold reduction of the learning rate at each milestone."""
    warmup = {
        "type": "LinearLR",
        "begin": 0,
        "end": settings.warmup_iterations,
        "start_factor": 0.001,
        "by_epoch": False,
    }
    steps = {
        "type": "MultiStepLR",
        "begin": 0,
        "end": settings.epochs,
        "milestones": [int(epoch) for epoch in settings.milestones],
        "gamma": 0.1,
        "by_epoch": True,
    }
    return [warmup, steps] if settings.warmup_iterations else [steps]


def build_config(
    settings: PoseSettings,
    weights: str | Path,
    root: str | Path,
    seed: int,
    *,
    indices: Sequence[int] | None = None,
    skip: Mapping[str, Mapping[str, Sequence[int]]] = NO_SKIPS,
) -> Config:
    """Return the config of a job; see :meth:`mimic_core.finetune.tasks.OpenMMLabTask.config`.

    Args:
        settings, weights, root, seed: as there.
        indices: rows of the training people in the reader's order; None: all.
        skip: ids to leave out by part, as ``skip`` (people) and ``skip_images``.

    Raises:
        MimicError: there is no such encoder, or it does not fit the input size.
    """
    sizes = encoder_sizes(settings.architecture, weights, settings.size)
    left_out = {part: {key: list(numbers) for key, numbers in block.items()} for part, block in skip.items()}
    codec = codec_config(settings, sizes)
    training, testing = pipelines(settings, codec)
    truth = str(Path(root) / "annotations" / f"person_keypoints_{PARTS['test']}.json")
    return run_config(
        settings,
        seed,
        library="mmpose",
        registered="pose",
        model=model_config(settings, weights, seed, codec, sizes.width),
        data={"type": "MimicCoco", "data_root": str(root)},
        training={**left_out["train"], "pipeline": training},
        test={**left_out["test"], "test_mode": True, "bbox_file": settings.boxes, "pipeline": testing},
        test_batch=min(settings.batch_size, 64),
        test_sampler={"round_up": False},
        indices=None if indices is None else [int(row) for row in indices],
        schedule=schedule(settings),
        evaluator=[{"type": "CocoMatches", "ann_file": truth, **left_out["test"]}],
        clip_gradient=settings.clip_gradient,
    )


@contextlib.contextmanager
def usable_file(path: str, skip: Collection[int], skip_images: Collection[int]) -> Iterator[str]:
    """Yield the path of the annotation file, or of a temporary cleaned copy; see :func:`usable_document`."""
    document = usable_document(Path(path), skip, skip_images)
    if document is None:
        yield path
        return
    with temporary_json(document, Path(path).name) as usable:
        yield usable


@contextlib.contextmanager
def temporary_json(value: Any, name: str) -> Iterator[str]:
    """Yield the path of a temporary JSON file that holds a value."""
    with tempfile.TemporaryDirectory(prefix="mimic-pose-") as folder:
        path = Path(folder) / name
        path.write_text(json.dumps(value), encoding="utf-8")
        yield str(path)


@DATASETS.register_module()
class MimicCoco(SeededDataset, CocoDataset):
    """mmpose's COCO dataset, restricted to the people that our reader lists or to a detector's boxes.

    Args:
        data_root: folder that holds the image folders and ``annotations/``.
        part: ``train`` or ``test``.
        seed: seed of the augmentation.
        skip: annotation ids of people to leave out.
        skip_images: ids of images to leave out.
        options: arguments of mmpose's dataset; ``indices`` are rows in the reader's order.
    """

    ann_file: str
    bbox_file: str

    def __init__(
        self,
        data_root: str,
        part: str,
        seed: int = 0,
        skip: Sequence[int] = (),
        skip_images: Sequence[int] = (),
        **options: Any,
    ) -> None:
        self.part, self.seed, self.skip, self.skip_images = part, seed, list(skip), set(skip_images)
        self.file = f"annotations/person_keypoints_{PARTS[part]}.json"
        prefix = {"img": f"{PARTS[part]}/"}
        super().__init__(data_root=data_root, ann_file=self.file, data_prefix=prefix, data_mode="topdown", **options)

    def load_data_list(self) -> list[dict[str, Any]]:
        """List one entry per person, by annotation id, or one per box of a detector."""
        file = self.ann_file
        images = self.skip_images if not self.bbox_file else ()  # mmpose looks up the image of every box
        with usable_file(file, self.skip, images) as self.ann_file, contextlib.redirect_stdout(io.StringIO()):
            listed = super().load_data_list()
        self.ann_file = file
        if self.bbox_file:
            return [entry for entry in listed if entry["img_id"] not in self.skip_images]
        own = {int(entry["id"]): entry for entry in listed}
        return [own[person.number] for person in CocoKeypoints(self.data_root, self.part, self.skip).annotations]

    def _load_detection_results(self) -> list[dict[str, Any]]:
        """List mmpose's entries of the usable boxes, from a ``.json`` copy as mmpose goes by a file's suffix."""
        path = Path(self.data_root) / self.file
        document = read_document(path)
        category = int(read_categories(document, path)[0]["id"])
        file, (boxes, _) = self.bbox_file, read_boxes(Path(self.bbox_file), read_images(document, path)[0], category)
        with temporary_json(boxes, "boxes.json") as self.bbox_file:
            listed: list[dict[str, Any]] = super()._load_detection_results()
        self.bbox_file = file
        return listed


@METRICS.register_module()
class CocoMatches(CocoMetric):
    """mmpose's COCO metric, which also keeps the matches of every image.

    Args:
        ann_file: the annotation file.
        skip: annotation ids of people whom the evaluation ignores.
        skip_images: ids of images to leave out.
        options: arguments of mmpose's metric.

    Attributes:
        images: matches of every image of the annotation file, by image id, after the evaluation.
        numbers: the image ids.
        predictions: joints (17, 2) in pixels of the image, by id of the person or of a detector's box.
    """

    default_prefix = "mimic"

    def __init__(
        self, ann_file: str, skip: Sequence[int] = (), skip_images: Sequence[int] = (), **options: Any
    ) -> None:
        with usable_file(ann_file, skip, skip_images) as usable, contextlib.redirect_stdout(io.StringIO()):
            super().__init__(ann_file=usable, **options)
        self.ann_file = ann_file
        self.images: list[Matches] = []
        self.numbers: list[int] = []
        self.predictions: dict[int, NDArray[np.float32]] = {}

    def process(self, data_batch: Any, data_samples: Sequence[Mapping[str, Any]]) -> None:
        """Keep the predictions of one batch."""
        for sample in data_samples:
            self.predictions[int(sample["id"])] = np.asarray(sample["pred_instances"]["keypoints"][0], np.float32)
        super().process(data_batch, data_samples)

    def compute_metrics(self, results: list[Any]) -> dict[str, float]:
        """Compute COCO's metrics without its printed output."""
        with contextlib.redirect_stdout(io.StringIO()):
            figures: dict[str, float] = super().compute_metrics(results)
            return figures

    def _do_python_keypoint_eval(self, outfile_prefix: str) -> list[tuple[str, float]]:
        """Run COCO's evaluation on the file that mmpose wrote, and keep the matches over all area sizes."""
        found = self.coco.loadRes(f"{outfile_prefix}.keypoints.json")
        evaluation = COCOeval(self.coco, found, self.iou_type, self.dataset_meta["sigmas"], self.use_area)
        evaluation.params.useSegm = None
        evaluation.evaluate()
        self.numbers = [int(number) for number in evaluation.params.imgIds]
        self.images = [Matches.of(entry) for entry in evaluation.evalImgs[: len(self.numbers)]]  # "all" comes first
        return list(pose_metrics(self.images).items())
