"""What a segmentation config names: the head, the dataset and the counts. Importing this module registers them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmcv.transforms import BaseTransform
from mmengine.evaluator import BaseMetric
from mmseg.datasets import ADE20KDataset
from mmseg.models.decode_heads.decode_head import BaseDecodeHead
from mmseg.models.utils import resize
from mmseg.registry import DATASETS, METRICS, MODELS, TRANSFORMS
from numpy.typing import NDArray
from torch import Tensor, nn

from mimic_core.evaluation.segmentation import Counts, confusion_counts, segmentation_metrics
from mimic_core.finetune.augment import JITTERED, OF_ADE20K, jitter_colours
from mimic_core.finetune.layouts.ade20k import ADE20K
from mimic_core.finetune.openmmlab.epochs import SeededDataset
from mimic_core.kit.seeding import seed_for
from mimic_core.models.convnext import ConvNeXtHead


@MODELS.register_module()
class MimicConvNeXtHead(BaseDecodeHead):
    """:class:`mimic_core.models.convnext.ConvNeXtHead` as a decode head; takes one map of tokens.

    Args:
        in_channels: width of the encoder's tokens.
        num_classes: number of classes.
        width, predictions, depth: ``embed``, ``predictions`` and ``depth`` of the head.
        drop_path: stochastic depth at its last block.
        seed: decides its random weights.
        bf16: run under bf16 autocast; the scores are float32 again.
        options: of mmseg's ``BaseDecodeHead``.
    """

    def __init__(
        self,
        in_channels: int,
        num_classes: int,
        width: int = 6144,
        predictions: int = 16,
        depth: int = 4,
        drop_path: float = 0.0,
        seed: int = 0,
        bf16: bool = False,
        **options: Any,
    ) -> None:
        super().__init__(in_channels, width, num_classes=num_classes, dropout_ratio=0.0, init_cfg=None, **options)
        self.conv_seg = nn.Identity()  # mmseg's own classifier, whose place final_layer takes
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed_for(seed, "head"))
            self.head = ConvNeXtHead(in_channels, num_classes, width, predictions, depth, drop_path)
        self.bf16 = bf16

    def forward(self, inputs: Sequence[Tensor]) -> Tensor:
        """Class scores (B, classes, side * h, side * w) from maps whose last is (B, in_channels, h, w)."""
        maps = self._transform_inputs(inputs)
        with torch.autocast(maps.device.type, torch.bfloat16, enabled=self.bf16):
            scores = self.head(maps.flatten(2).transpose(1, 2), (maps.shape[2], maps.shape[3]))
        return scores.float()

    def loss_by_feat(self, seg_logits: Tensor, batch_data_samples: Sequence[Any]) -> dict[str, Tensor]:
        """mmseg's loss without its training accuracy, which takes a fifth of the time with 150 classes.

        Args:
            seg_logits: (B, classes, h, w), as :meth:`forward` gives them.
            batch_data_samples: B samples with the true classes.
        """
        truth = self._stack_batch_gt(batch_data_samples)
        scores = resize(seg_logits, truth.shape[2:], mode="bilinear", align_corners=self.align_corners)
        return {"loss_ce": self.loss_decode(scores, truth.squeeze(1), ignore_index=self.ignore_index)}


@TRANSFORMS.register_module()
class MimicColourJitter(BaseTransform):
    """The colour jitter of the released MultiMAE on ADE20K, of half of the images."""

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Change ``img`` (H, W, 3) uint8 BGR."""
        rng = np.random.default_rng(np.random.randint(2**31))
        if rng.random() < JITTERED:
            image = jitter_colours(results["img"][..., ::-1].copy(), rng, OF_ADE20K)
            results["img"] = np.ascontiguousarray(image[..., ::-1])
        return results


@TRANSFORMS.register_module()
class MimicMeasureHere(BaseTransform):
    """A test is measured at the size that the image has here, and not at that of its file."""

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Give the image's own size as that of its file."""
        results["ori_shape"] = results["img"].shape[:2]
        return results


@DATASETS.register_module()
class MimicADE20K(SeededDataset, ADE20KDataset):
    """mmseg's ADE20K over exactly the images that our reader lists.

    Args:
        data_root: ``ADEChallengeData2016``, or the folder that holds it.
        part: ``train`` or ``test``.
        seed: decides the augmentation of every image in every epoch, whatever the number of workers.
        skip: names of images, without the suffix, that are left out.
        options: of mmseg's dataset; ``indices`` counts in the reader's order.
    """

    def __init__(self, data_root: str, part: str, seed: int = 0, skip: Sequence[str] = (), **options: Any) -> None:
        self.reader, self.seed = ADE20K(data_root, part, skip), seed
        super().__init__(**options)

    def load_data_list(self) -> list[dict[str, Any]]:
        """One entry an image, as mmseg's transforms want it."""
        common = {"label_map": self.label_map, "reduce_zero_label": self.reduce_zero_label}
        return [
            {
                "img_path": str(path),
                "seg_map_path": str(self.reader.annotations / f"{path.stem}.png"),
                "seg_fields": [],
                **common,
            }
            for path in self.reader.images
        ]


@METRICS.register_module()
class ConfusionCounts(BaseMetric):
    """Keeps the counts of every image, and the whole prediction of a few.

    Args:
        kept: numbers of the images whose prediction is kept, for a picture.

    Attributes:
        counts: (N, 3, classes), after the evaluation.
        images: N names of images, without the suffix.
        predictions: number of an image to its classes (H, W) uint8.
    """

    default_prefix = "mimic"

    def __init__(self, kept: Sequence[int] = (), **options: Any) -> None:
        super().__init__(**options)
        self.kept = set(kept)
        self.counts: Counts = np.zeros((0, 3, 0), np.int64)
        self.images: list[str] = []
        self.predictions: dict[int, NDArray[np.uint8]] = {}

    def process(self, data_batch: Any, data_samples: Sequence[Mapping[str, Any]]) -> None:
        """Count one batch."""
        classes = len(self.dataset_meta["classes"])
        for sample in data_samples:
            prediction, truth = (sample[key]["data"].squeeze(0).cpu().numpy() for key in ("pred_sem_seg", "gt_sem_seg"))
            if len(self.results) in self.kept:
                self.predictions[len(self.results)] = prediction.astype(np.uint8)
            name = Path(str(sample["img_path"])).stem
            self.results.append((name, confusion_counts(prediction, truth, classes)))

    def compute_metrics(self, results: list[tuple[str, Counts]]) -> dict[str, float]:
        """``miou``, ``macc``, ``aacc``, percent."""
        self.images = [name for name, _ in results]
        self.counts = np.stack([counts for _, counts in results])
        return segmentation_metrics(self.counts.sum(axis=0))
