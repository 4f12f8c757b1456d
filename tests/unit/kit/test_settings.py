"""Numbers of the Python API's settings: out of range, they are refused as in the config."""

import dataclasses
import fractions
from collections.abc import Mapping
from typing import Literal

import numpy as np
import pytest
from support import REPOSITORY

from mimic_core.config.checking import read_schema
from mimic_core.evaluation.settings import ReconstructionSettings
from mimic_core.finetune.constant import ConstantSettings
from mimic_core.finetune.settings import DenseSettings, HeadSettings
from mimic_core.finetune.tasks.classification import ClassificationSettings
from mimic_core.finetune.tasks.pose import PoseSettings
from mimic_core.finetune.tasks.segmentation import ConvNeXtSettings, SegmentationSettings
from mimic_core.frames.settings import ImageSettings, SceneSettings, VideoSettings
from mimic_core.kit.errors import MimicError
from mimic_core.kit.schemas import in_words
from mimic_core.kit.settings import key, schema_of, settings
from mimic_core.kit.values import FullText, Positive
from mimic_core.models import ViTSettings
from mimic_core.models.convnext import ConvNeXtHead
from mimic_core.models.vit import make_blocks
from mimic_core.pairs.folder import FolderSettings
from mimic_core.pairs.rules import RULES
from mimic_core.pairs.settings import MiningSettings
from mimic_core.pretrain.settings import PretrainSettings
from mimic_core.sampledata.settings import CameraSettings

NAN, INF = float("nan"), float("inf")
SMALL = ViTSettings(32, 16, 24, 2, 2)
JOB = {"mode": "frozen", "encoder": "random"}
KINDS = {  # each kind of settings with what it cannot do without
    MiningSettings: {},
    FolderSettings: {},
    VideoSettings: {},
    ImageSettings: {},
    SceneSettings: {},
    CameraSettings: {},
    HeadSettings: {},
    ConvNeXtSettings: {},
    DenseSettings: {"task": "depth", **JOB},
    SegmentationSettings: {"task": "segmentation", **JOB},
    PoseSettings: {"task": "pose", **JOB},
    ClassificationSettings: {"task": "classification", **JOB},
    ConstantSettings: {"task": "depth"},
    ReconstructionSettings: {"encoder": "a", "dataset": "b"},
    PretrainSettings: {"model": "croco", "dataset": "a", "encoder": SMALL},
    **{rule: {} for rule in RULES.values()},
}


def numeric(kind: type) -> list[str]:
    """Fields that are numbers, or lists of them."""
    if not hasattr(kind, "__pydantic_fields__"):
        types = {field.name: str(field.type) for field in dataclasses.fields(kind)}
        found = [name for name, told in types.items() if ("int" in told or "float" in told) and "Mapping" not in told]
    else:
        found = [name for name, schema in schema_of(kind)["properties"].items() if is_numeric(schema)]
    return [name for name in found if name not in KINDS[kind]]


def is_numeric(schema: dict) -> bool:
    """Whether a schema lets a number pass, or a list of them."""
    if "anyOf" in schema:
        return any(map(is_numeric, schema["anyOf"]))
    return schema.get("type") in ("integer", "number") or ("items" in schema and is_numeric(schema["items"]))


EVERY = [(kind, name) for kind in KINDS for name in numeric(kind)]


@pytest.mark.parametrize(("kind", "name"), EVERY, ids=lambda part: part if isinstance(part, str) else part.__name__)
def test_no_setting_takes_what_is_no_number(kind, name):
    usual = getattr(kind(**KINDS[kind]), name)
    for value in (NAN, INF, -INF, 1e300, 10**4000, True, "1", b"1", {}, 1j):
        many = [value] * len(usual) if isinstance(usual, tuple) and usual else value
        with pytest.raises(MimicError) as caught:
            kind(**KINDS[kind], **{name: many})
        assert name in str(caught.value) and caught.value.remedy, value


def test_every_kind_is_here():
    assert len(EVERY) > 80
    assert set(RULES.values()) <= set(KINDS)


@pytest.mark.parametrize(
    ("kind", "change"),
    [
        (MiningSettings, {"ratio": -1}),
        (MiningSettings, {"ratio": 0}),
        (MiningSettings, {"ratio": 1.1}),
        (MiningSettings, {"min_matches": -1}),
        (MiningSettings, {"min_matches": 2.5}),
        (MiningSettings, {"reprojection_threshold": 0}),
        (MiningSettings, {"points_per_patch": 0}),
        (MiningSettings, {"min_overlap": -0.1}),
        (MiningSettings, {"max_overlap": 1.1}),
        (MiningSettings, {"min_overlap": 0.8}),
        (MiningSettings, {"min_blur_variance": -1}),
        (MiningSettings, {"near_duplicate_bits": -2}),
        (MiningSettings, {"near_duplicate_bits": 65}),
        (FolderSettings, {"interval": -1}),
        (FolderSettings, {"seed": 0.5}),
        (VideoSettings, {"interval": -1}),
        (VideoSettings, {"min_seconds": -1}),
        (VideoSettings, {"crop_bottom": 1}),
        (VideoSettings, {"max_motion": -1}),
        (VideoSettings, {"resize": "squeeze"}),
        (ImageSettings, {"resize": "squeeze"}),
        (SceneSettings, {"samples_per_scene": 0}),
        (SceneSettings, {"min_island_radius": -1}),
        (SceneSettings, {"up_axis": "x"}),
        (CameraSettings, {"vignette": 1.5}),
        (HeadSettings, {"feature": 0}),
        (HeadSettings, {"layer_dims": (1, 2, 3)}),
        (HeadSettings, {"hooks": (0, 1, 2, -1)}),
        (DenseSettings, {"drop_path": 2}),
        (DenseSettings, {"betas": (0.9, 1.0)}),
        (DenseSettings, {"weight_decay": -1}),
        (DenseSettings, {"seeds": (-1,)}),
        (DenseSettings, {"augment": 1}),
        (SegmentationSettings, {"drop_path": 2}),
        (PoseSettings, {"drop_path": 2}),
        (PoseSettings, {"milestones": (0,)}),
        (PoseSettings, {"image_size": (64, 0)}),
        (ClassificationSettings, {"momentum": 1}),
        (ConstantSettings, {"image_size": 0}),
        (ReconstructionSettings, {"mask_ratio": 1}),
        (PretrainSettings, {"compile": "yes"}),
        (RULES["neighbours"], {"look_further": 2}),
        (RULES["groups"], {"keep": "some"}),
        (RULES["random_walk"], {"pairs_per_sample": 0}),
    ],
)
def test_what_is_out_of_range_is_named(kind, change):
    with pytest.raises(MimicError) as caught:
        kind(**KINDS[kind], **change)
    assert next(iter(change)) in str(caught.value) and caught.value.remedy


def test_blocks_skip_no_more_than_all():
    for value in (2, 1, -0.1, NAN):
        with pytest.raises(MimicError, match="drop_path is"):
            make_blocks(24, 2, 2, drop_path=value)
        with pytest.raises(MimicError, match="drop_path is"):
            ConvNeXtHead(24, 3, 32, 4, 1, drop_path=value)


def test_bounds_are_the_configs():
    """What the config's schema takes at its limits, settings take too."""
    block = read_schema(REPOSITORY)["properties"]["pairs"]["properties"]
    for name, bounds in block.items():
        for limit in ("minimum", "maximum"):
            if limit in bounds:
                other = {"min_overlap": {"max_overlap": 1.0}, "max_overlap": {"min_overlap": 0.0}}.get(name, {})
                beyond = bounds[limit] + (1 if limit == "maximum" else -1)
                with pytest.raises(MimicError):
                    MiningSettings(**{name: beyond, **other})
                if not other or (name == "min_overlap") == (limit == "minimum"):
                    MiningSettings(**{name: bounds[limit], **other})


def test_numbers_of_numpy_are_numbers():
    made = MiningSettings(ratio=np.float32(0.5), min_matches=np.int64(3), min_overlap=fractions.Fraction(1, 2))
    assert made.min_matches == 3
    assert isinstance(made.min_matches, int) and made.ratio == 0.5
    assert (
        in_words(schema_of(PretrainSettings)["properties"]["effective_batch"]) == "a whole number of 1 or more, or null"
    )
    assert in_words(schema_of(MiningSettings)["properties"]["ratio"]) == "a number above 0, up to 1"


@settings("block")
class Base:
    """Has keys."""

    epochs: Positive = key("passes", default=3, unit="epochs")
    mode: FullText = key("how")
    files: Mapping[Literal["train", "test"], FullText] = key("by part", default_factory=dict)


@settings("block")
class Longer(Base):
    """Has another default, and a narrower type."""

    epochs: Positive = 9
    mode: Literal["frozen"]


def test_a_subclass_keeps_what_its_base_declares():
    made = Longer(mode="frozen")
    assert (made.epochs, Base(mode="x").epochs) == (9, 3)
    epochs, mode = (schema_of(Longer)["properties"][name] for name in ("epochs", "mode"))
    assert (epochs["description"], epochs["x-unit"], epochs["default"]) == ("passes", "epochs", 9)
    assert (mode["description"], mode["const"]) == ("how", "frozen")
    with pytest.raises(MimicError, match="mode is 'whole'") as caught:
        Longer(mode="whole")
    assert caught.value.remedy == "give 'frozen'"


@pytest.mark.parametrize(
    ("files", "where", "remedy"),
    [
        ({"tran": "a"}, "block.files.tran", "did you mean 'train'?"),
        ({"other": "a"}, "block.files.other", "the keys are: train, test"),
        ({"train": ""}, "block.files.train", "give a non-empty string"),
        ("a", "block.files", "give a block of keys"),
    ],
)
def test_a_block_of_names_says_which_one_is_wrong(files, where, remedy):
    with pytest.raises(MimicError) as caught:
        Base(mode="x", files=files)
    assert (caught.value.where, caught.value.remedy) == (where, remedy)
