"""Human pose on COCO, trained and tested by MMPose (paper section 4.3, appendix D).

Top-down: each person is cropped by a box, and joints are read from heatmaps. The metrics are COCO's AP and AR.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Annotated, Any, Literal

from annotated_types import Len

from mimic_core.finetune.settings import OpenMMLabSettings, check
from mimic_core.finetune.tasks.base import ImageCounts, Metric, OpenMMLabTask
from mimic_core.kit.settings import key, settings
from mimic_core.kit.values import AboveZero, BelowOne, Count, Flag, FullText, NotNegative, Positive
from mimic_core.models import convolution

if TYPE_CHECKING:
    from PIL.Image import Image

    from mimic_core.evaluation import Matches
    from mimic_core.finetune.data import Skipped
    from mimic_core.finetune.layouts import CocoKeypoints
    from mimic_core.finetune.tasks.base import BaseMetric, Config, Label, Picture, Rows

Sides = Annotated[Sequence[Positive], Len(2, 2)]
JOINTS = 17
BONES = (  # pairs of COCO's joints to connect: face, arms, trunk, legs
    *((0, 1), (0, 2), (1, 3), (2, 4)),
    *((5, 7), (7, 9), (6, 8), (8, 10)),
    *((5, 6), (5, 11), (6, 12), (11, 12)),
    *((11, 13), (13, 15), (12, 14), (14, 16)),
)
LEFT, RIGHT, MIDDLE = (60, 200, 90), (240, 130, 30), (70, 150, 255)  # colours; left and right as the person sees them


@settings("finetune")
class PoseSettings(OpenMMLabSettings):
    """Settings of pose; the defaults are the paper's (appendix D), else ViTPose's (Xu et al., 2022)."""

    task: Literal["pose"]
    image_size: Positive | Sides = key(
        "size of the crop around a person: side, or [height, width]", default=(256, 192), unit="pixels"
    )
    deconv_channels: Positive = key("width of the head's two deconvolutions", default=256)
    codec: Literal["udp", "msra"] = key(
        "heatmap encoding: udp (unbiased data processing) or msra (with unbiased decoding)", default="udp"
    )
    sigma: AboveZero = key("standard deviation of a joint's Gaussian", default=2.0, unit="pixels of the heatmap")
    flip_test: Flag = key("average predictions over the image and its mirror image in tests", default=True)
    boxes: FullText | None = key(
        "file of a person detector's boxes on the test images (COCO result format); null: the true boxes", default=None
    )
    warmup_iterations: Count = key("iterations of linear warm-up, from a thousandth of the learning rate", default=500)
    milestones: Sequence[Positive] = key(
        "epochs, in ascending order, at which the learning rate is divided by 10", default=(170, 200)
    )
    clip_gradient: AboveZero = key("largest gradient norm", default=1.0)
    learning_rate: AboveZero = 5e-4
    weight_decay: NotNegative = 0.1
    batch_size: Positive = 512
    epochs: Positive = 210
    drop_path: BelowOne = 0.3
    augment: Flag = True

    def __post_init__(self) -> None:
        super().__post_init__()
        rising = list(self.milestones) == sorted(set(self.milestones))
        check(rising, f"the milestones are {list(self.milestones)}", "milestones", "give epochs in ascending order")

    @property
    def protocol_description(self) -> str:
        """Which boxes people are cropped by and the size of the crop, for tables."""
        boxes = "the true boxes" if self.boxes is None else f"a detector's boxes ({PurePath(self.boxes).name})"
        return f"{boxes}, {self.size[0]}x{self.size[1]}"

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of the input, pixels."""
        sides = [self.image_size] if isinstance(self.image_size, int) else list(self.image_size)
        return sides[0], sides[-1]


class Pose(OpenMMLabTask):
    """Positions of the 17 joints of a person."""

    name = "pose"
    settings = PoseSettings
    dataset = "COCO"
    layout = "coco"
    metrics = (Metric("ap", "pose AP"), Metric("ar", "pose AR"))
    tables = (2,)
    minutes = 8640
    sample_images = "pose_images"
    packages = ("mmdet", "mmpose", "xtcocotools.coco")
    no_result = ("no test image has a person with joints", "check the annotation file")

    def open(self, root: Path, part: str, splits: Mapping[str, str]) -> CocoKeypoints:
        """Open a part of COCO's person keypoints."""
        from mimic_core.finetune.layouts import CocoKeypoints

        return CocoKeypoints(root, part)

    def evaluation_files(self, root: Path, splits: Mapping[str, str]) -> Sequence[Path]:
        """Return the files of the test images."""
        people = self.open(root, "test", {})
        return [people.folder / name for name in people.names.values()]

    def head_operations(self, settings: PoseSettings, patches: float, width: int) -> float:
        """Estimate the forward operations of the head: two transposed 4x4 convolutions of stride 2, and heatmaps."""
        made = settings.deconv_channels
        return 2 * 16 * made * (patches * width + 4 * patches * made) + convolution(16 * patches, 1, made, JOINTS)

    def extra_files(self, settings: PoseSettings) -> list[Path]:
        """Return the file of a detector's boxes, if there is one."""
        return [] if settings.boxes is None else [Path(settings.boxes)]

    def check_extra_files(self, settings: PoseSettings, test: CocoKeypoints) -> None:
        """Check a detector's boxes, and add unusable ones to ``test.skipped``."""
        if settings.boxes is not None:
            test.skipped += check_boxes(settings.boxes, test)

    def config(
        self,
        settings: PoseSettings,
        weights: str | Path,
        root: Path,
        seed: int,
        splits: Mapping[str, CocoKeypoints],
        **options: Any,
    ) -> Config:
        """Return the config of one training run and its test."""
        from mimic_core.finetune.openmmlab.pose import build_config

        skip = {
            part: {"skip": sorted(split.left_out), "skip_images": sorted(split.bad_images)}
            for part, split in splits.items()
        }
        return build_config(settings, weights, root, seed, skip=skip, **options)

    def collect_counts(self, settings: PoseSettings, metrics: Sequence[BaseMetric]) -> ImageCounts:
        """Collect image ids, their matches, and joints by person; no joints if a detector's boxes are used."""
        metric = metrics[0]
        return ImageCounts(metric.numbers, metric.images, {} if settings.boxes else metric.predictions)

    def measure(self, counts: Sequence[Matches], rows: Rows | None = None) -> dict[str, float]:
        """Compute COCO's AP and AR."""
        from mimic_core.evaluation import pose_metrics

        return pose_metrics(counts, rows)

    def per_image(self, counts: Sequence[Matches]) -> dict[str, list[Any]]:
        """Return the matches of every image."""
        from mimic_core.evaluation import pack_matches

        return pack_matches(counts)

    def draw(
        self,
        path: Path,
        settings: PoseSettings,
        test: CocoKeypoints,
        predictions: Mapping[int, Label],
        title: str,
    ) -> None:
        """Draw a few people of the test images with their true and predicted joints."""
        import numpy as np

        from mimic_core.finetune.pictures import Sheet, shown_rows

        poses = test.load(shown_rows(len(test)), max(settings.size))
        subtitle = "green: the person's left, orange: right; joints of the truth that have a label"
        sheet = Sheet(title, len(poses), subtitle=subtitle, least=3, below=0)
        for column, number in enumerate(poses.annotation_ids.tolist()):
            image, truth = poses.images[column], poses.keypoints[column]
            labelled = np.flatnonzero(truth[:, 2] > 0).tolist()
            sheet.paste(column, 0, skeleton(image, truth, ()))
            sheet.paste(column, 1, skeleton(image, truth, labelled))
            found = predictions.get(number)
            if found is not None:
                left, top, side = poses.windows[column]
                found = (found - (left, top) + 0.5) * max(settings.size) / side - 0.5
            sheet.paste(
                column, 2, skeleton(image, truth if found is None else found, () if found is None else labelled)
            )
        sheet.save(path)


def check_boxes(path: str, split: CocoKeypoints) -> list[Skipped]:
    """Check a detector's boxes on the test images; return the unusable boxes and images.

    Raises:
        MimicError: the file is missing, or not in COCO's result format.
    """
    from mimic_core.finetune.data import run_check
    from mimic_core.finetune.layouts.coco_boxes import read_boxes
    from mimic_core.kit.progress import track

    boxes, skipped = read_boxes(Path(path), split.names, split.category)
    images = sorted({box["image_id"] for box in boxes})
    checks = (run_check(split.check_image, number) for number in track(images, "images of boxes"))
    return [*skipped, *(found for found in checks if found is not None)]


def side_colour(*joints: int) -> tuple[int, int, int]:
    """Return the colour of joints: odd ones are on the left, even ones on the right, except the nose (0)."""
    sides = {LEFT if joint % 2 else RIGHT for joint in joints if joint}
    return sides.pop() if len(sides) == 1 else MIDDLE


def skeleton(image: Picture, joints: Label, drawn: Iterable[int]) -> Image:
    """Draw some joints, and the bones between them, on a crop resized to a tile."""
    from PIL import Image, ImageDraw

    from mimic_core.finetune.pictures import TILE

    picture = Image.fromarray(image).resize((TILE, TILE), Image.Resampling.BICUBIC)
    draw = ImageDraw.Draw(picture)
    drawn, places = list(drawn), (joints[:, :2] + 0.5) * (TILE / image.shape[0])
    for one, other in BONES:
        if one in drawn and other in drawn:
            draw.line([tuple(places[one]), tuple(places[other])], fill=side_colour(one, other), width=3)
    for joint in drawn:
        x, y = places[joint]
        draw.ellipse((x - 3, y - 3, x + 3, y + 3), fill=side_colour(joint), outline="white")
    return picture
