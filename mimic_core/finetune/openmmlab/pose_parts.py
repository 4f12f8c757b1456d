"""What a pose config names: the dataset, the counts and the epochs. Importing this module registers them."""

from __future__ import annotations

import contextlib
import io
import random
from collections.abc import Mapping, Sequence
from typing import Any

import mmpose.models  # noqa: F401 - registers the estimator and its head
import numpy as np
from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmpose.datasets import CocoDataset
from mmpose.evaluation.metrics import CocoMetric
from mmpose.registry import DATASETS, HOOKS, METRICS
from numpy.typing import NDArray
from xtcocotools.cocoeval import COCOeval

from mimic_core.evaluation.pose import Matches, pose_metrics
from mimic_core.finetune.layouts.coco import PARTS, CocoKeypoints
from mimic_core.seeding import seed_for


@DATASETS.register_module()
class MimicCoco(CocoDataset):
    """mmpose's COCO over exactly the people that our reader lists, or over a detector's boxes.

    Args:
        data_root: folder of the images' folders and ``annotations/``.
        part: ``train`` or ``test``.
        seed: decides the augmentation of every person in every epoch, whatever the number of workers.
        options: of mmpose's dataset; ``indices`` counts in the reader's order.

    Attributes:
        epoch: set by :class:`EpochOfPeople`.
    """

    def __init__(self, data_root: str, part: str, seed: int = 0, **options: Any) -> None:
        self.part, self.seed, self.epoch = part, seed, 0
        file = f"annotations/person_keypoints_{PARTS[part]}.json"
        prefix = {"img": f"{PARTS[part]}/"}
        super().__init__(data_root=data_root, ann_file=file, data_prefix=prefix, data_mode="topdown", **options)

    def load_data_list(self) -> list[dict[str, Any]]:
        """One entry a person, by number; one a box where a detector's are used."""
        with contextlib.redirect_stdout(io.StringIO()):
            listed = super().load_data_list()
        if self.bbox_file:
            return listed
        own = {int(entry["id"]): entry for entry in listed}
        return [own[person.number] for person in CocoKeypoints(self.data_root, self.part).annotations]

    def prepare_data(self, idx: int) -> Any:
        """A person through the pipeline, whose transforms draw from the global generators."""
        if not self.test_mode:
            seed = seed_for(self.seed, "augment", self.epoch, idx) % 2**32
            random.seed(seed)
            np.random.seed(seed)
        return super().prepare_data(idx)


@HOOKS.register_module()
class EpochOfPeople(Hook):
    """Tells the training set which epoch it is. Workers start anew every epoch (no ``persistent_workers``)."""

    def before_train_epoch(self, runner: Runner) -> None:
        """Set ``epoch``."""
        runner.train_dataloader.dataset.epoch = runner.epoch


@METRICS.register_module()
class CocoMatches(CocoMetric):
    """mmpose's COCO metric, which also keeps how the predictions of every image fared.

    Attributes:
        images: one entry an image of the annotation file, by number, after the evaluation.
        numbers: the images' numbers.
        predictions: number of a person (of a box, where a detector's are used) to joints (17, 2) in the whole image.
    """

    default_prefix = "mimic"

    def __init__(self, **options: Any) -> None:
        with contextlib.redirect_stdout(io.StringIO()):
            super().__init__(**options)
        self.images: list[Matches] = []
        self.numbers: list[int] = []
        self.predictions: dict[int, NDArray[np.float32]] = {}

    def process(self, data_batch: Any, data_samples: Sequence[Mapping[str, Any]]) -> None:
        """Keep one batch."""
        for sample in data_samples:
            self.predictions[int(sample["id"])] = np.asarray(sample["pred_instances"]["keypoints"][0], np.float32)
        super().process(data_batch, data_samples)

    def compute_metrics(self, results: list[Any]) -> dict[str, float]:
        """COCO's figures; its prints are left out."""
        with contextlib.redirect_stdout(io.StringIO()):
            return super().compute_metrics(results)

    def _do_python_keypoint_eval(self, outfile_prefix: str) -> list[tuple[str, float]]:
        """COCO's evaluation on what mmpose wrote, whose entries of the whole area range are kept."""
        found = self.coco.loadRes(f"{outfile_prefix}.keypoints.json")
        evaluation = COCOeval(self.coco, found, self.iou_type, self.dataset_meta["sigmas"], self.use_area)
        evaluation.params.useSegm = None
        evaluation.evaluate()
        self.numbers = [int(number) for number in evaluation.params.imgIds]
        self.images = [Matches.of(entry) for entry in evaluation.evalImgs[: len(self.numbers)]]  # all areas come first
        return list(pose_metrics(self.images).items())
