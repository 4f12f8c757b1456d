"""Settings from Python have the bounds that the config has."""

import pytest
import torch

from mimic_core.evaluation.reconstruction import ReconstructionSettings
from mimic_core.finetune import SETTINGS, HeadSettings
from mimic_core.finetune.tasks.segmentation import ConvNeXtSettings
from mimic_core.kit.errors import MimicError
from mimic_core.models import DecoderSettings, Encoder, ViTSettings, build_encoder, load_pretrained, save_encoder
from mimic_core.models.convnext import ConvNeXtHead
from mimic_core.models.dpt import DPTHead
from mimic_core.objectives.dino.model import DINOSettings
from mimic_core.pretrain.settings import PretrainSettings

NAN, INFINITE = float("nan"), float("inf")
NO_COUNT = (0, -1, True, 1.5, NAN, INFINITE, "2", None, [2])
NO_NUMBER = (-1, True, NAN, INFINITE, "2", [2])
JOB = {"mode": "frozen", "encoder": "random"}
TASKS = SETTINGS


def each(kind, names, values, **given):
    return [(kind, given | {name: value}, name) for name in names for value in values]


def of_tasks(names, values, tasks=TASKS):
    return [pair for task in tasks for pair in each(TASKS[task], names, values, task=task, **JOB)]


SMALL = {"image_size": 32, "width": 16, "depth": 1, "heads": 2}
RUN = {"model": "mae", "dataset": "d", "encoder": ViTSettings()}
WRONG = [
    *each(ViTSettings, ("width", "depth", "heads", "patch_size", "image_size"), NO_COUNT),
    *each(ViTSettings, ("mlp_ratio",), (0, *NO_NUMBER, None)),
    *each(ViTSettings, ("class_token",), (1, "no", None)),
    *each(ViTSettings, ("positions",), ("none", None, ["sincos"])),
    *each(DecoderSettings, ("width", "depth", "heads"), NO_COUNT),
    *each(DINOSettings, ("prototypes", "hidden", "bottleneck"), NO_COUNT),
    *each(DINOSettings, ("student_temperature", "teacher_momentum"), NO_NUMBER),
    *each(DPTHead, ("width", "channels", "feature"), NO_COUNT, width=8, channels=1, layer_dims=[8] * 4, feature=8),
    *each(DPTHead, ("layer_dims",), ([8, 8, 8, 0], [8, 8, 8, NAN]), width=8, channels=1, feature=8),
    *each(ConvNeXtHead, ("width", "classes", "embed", "predictions"), NO_COUNT[:-1], width=8, classes=2),
    *each(ConvNeXtHead, ("drop_path",), (1, *NO_NUMBER), width=8, classes=2),
    *each(ConvNeXtHead, ("depth",), (-1, True, "2"), width=8, classes=2),
    *each(HeadSettings, ("feature",), NO_COUNT),
    *each(HeadSettings, ("layer_dims",), ([1, 2, 3], [1, 2, 3, 0], "abcd", None)),
    *each(HeadSettings, ("hooks",), ([0, 1, 2, -1], "all", None)),
    *each(ConvNeXtSettings, ("width", "predictions"), NO_COUNT),
    *each(ConvNeXtSettings, ("depth",), (-1, True, NAN)),
    *of_tasks(("batch_size", "epochs", "threads"), NO_COUNT),
    *of_tasks(("image_size",), NO_COUNT[:-1]),
    *of_tasks(("weight_decay",), NO_NUMBER),
    *of_tasks(("seeds",), ([], [1, 1], [-1], [NAN], [True], ["0"], 3, None)),
    *of_tasks(("train_images",), NO_COUNT[:-2]),
    *of_tasks(("augment",), (1, "no", None)),
    *of_tasks(("learning_rate", "layer_decay", "drop_path"), NO_NUMBER, ("depth", "segmentation", "pose")),
    *of_tasks(("drop_path",), (1, 2), ("depth", "segmentation", "pose")),
    *of_tasks(("betas",), ([0.9], [0.9, NAN], [0.9, 2], 0.9), ("depth", "segmentation", "pose")),
    *of_tasks(("warmup_epochs",), NO_NUMBER, ("depth", "classification", "segmentation")),
    *of_tasks(("base_lr", "momentum"), NO_NUMBER, ("classification",)),
    *of_tasks(("encode_batch",), NO_COUNT, ("classification",)),
    *of_tasks(("sigma", "clip_gradient"), (0, *NO_NUMBER), ("pose",)),
    *of_tasks(("deconv_channels",), NO_COUNT, ("pose",)),
    *of_tasks(("milestones",), ([0], [2, 1], [NAN], 3), ("pose",)),
    *of_tasks(("workers",), (-1, True, NAN), ("segmentation", "pose")),
    *each(PretrainSettings, ("base_lr", "weight_decay", "checkpoint_minutes", "warmup_epochs"), NO_NUMBER, **RUN),
    *each(PretrainSettings, ("validation_share", "clip_gradient", "mask_ratio"), NO_NUMBER, **RUN),
    *each(PretrainSettings, ("epochs", "batch_size", "threads"), NO_COUNT, **RUN),
    *each(ReconstructionSettings, ("mask_ratio",), (0, 1, *NO_NUMBER), dataset="d", encoder="e"),
    *each(ReconstructionSettings, ("batch_size", "threads"), NO_COUNT, dataset="d", encoder="e"),
]


OTHER_WORDS = {  # by which a message names a key
    "image_size": ("size", "image_size", "images"),
    "patch_size": ("patches of",),
    "embed": ("width",),
    "learning_rate": ("rate",),
    "base_lr": ("rate", "base_lr"),
}


def test_settings_out_of_range_are_refused_by_name():
    accepted, nameless = [], []
    for kind, given, name in WRONG:
        try:
            kind(**given)
        except MimicError as error:
            if not any(word in str(error) for word in (name, name.replace("_", " "), *OTHER_WORDS.get(name, ()))):
                nameless.append((kind.__name__, given, str(error)))
        else:
            accepted.append((kind.__name__, given))
    assert not accepted
    assert not nameless


@pytest.mark.parametrize("rate", [2, 1, -0.1, NAN, INFINITE, "0.1", True, None])
def test_stochastic_depth_is_a_share_below_one(tmp_path, rate):
    path = tmp_path / "encoder.safetensors"
    save_encoder(path, build_encoder(SMALL, seed=0), {})
    for make in (
        lambda: load_pretrained(path, drop_path=rate),
        lambda: build_encoder(SMALL, seed=0, drop_path=rate),
        lambda: Encoder(ViTSettings(**SMALL), rate),
    ):
        with pytest.raises(MimicError, match="drop_path is"):
            make()


@pytest.mark.parametrize("block", [[1], "vit_base", None, {"name": ["vit_base"]}, {"name": 3}, {"name": "x" * 10**6}])
def test_blocks_of_settings_that_are_none(block):
    with pytest.raises(MimicError) as caught:
        build_encoder(block, seed=0)
    assert len(str(caught.value)) < 1000


def test_loading_draws_what_it_drew_before(tmp_path):
    """The shapes that are compared first cost no random numbers."""
    path = tmp_path / "encoder.safetensors"
    encoder = build_encoder(SMALL, seed=0)
    save_encoder(path, encoder, {})
    torch.manual_seed(0)
    Encoder(encoder.settings)
    expected = torch.rand(3)
    torch.manual_seed(0)
    load_pretrained(path)
    assert torch.equal(torch.rand(3), expected)
