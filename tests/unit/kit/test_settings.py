"""Numbers of the Python API's settings: out of range, they are refused as in the config."""

import dataclasses
import fractions

import numpy as np
import pytest
from support import REPOSITORY

from mimic_core.evaluation.reconstruction import ReconstructionSettings
from mimic_core.finetune.constant import ConstantSettings
from mimic_core.finetune.openmmlab.pose_settings import PoseSettings
from mimic_core.finetune.openmmlab.segmentation_settings import ConvNeXtSettings, SegmentationSettings
from mimic_core.finetune.probe_settings import ProbeSettings
from mimic_core.finetune.settings import FinetuneSettings, HeadSettings
from mimic_core.foreign.yaml_files import load_yaml
from mimic_core.frames.images import ImageSettings
from mimic_core.frames.scene import SceneSettings
from mimic_core.frames.video import VideoSettings
from mimic_core.kit.errors import MimicError
from mimic_core.kit.settings import Bounds
from mimic_core.models import ViTSettings
from mimic_core.models.convnext import ConvNeXtHead
from mimic_core.models.vit import make_blocks
from mimic_core.pairs.folder import FolderSettings
from mimic_core.pairs.rules import RULES
from mimic_core.pairs.settings import MiningSettings
from mimic_core.pretrain.settings import PretrainSettings
from mimic_core.sampledata.film.camera import CameraSettings

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
    FinetuneSettings: {"task": "depth", **JOB},
    SegmentationSettings: {"task": "segmentation", **JOB},
    PoseSettings: {"task": "pose", **JOB},
    ProbeSettings: {"task": "classification", **JOB},
    ConstantSettings: {"task": "depth"},
    ReconstructionSettings: {"encoder": "a", "dataset": "b"},
    PretrainSettings: {"model": "croco", "dataset": "a", "encoder": SMALL},
    **{rule: {} for rule in RULES.values()},
}


def numeric(kind: type) -> list[str]:
    """Fields that are numbers, or lists of them."""
    given = KINDS[kind]
    fields = [field for field in dataclasses.fields(kind) if field.name not in given]
    types = {field.name: str(field.type) for field in fields}
    return [name for name, told in types.items() if ("int" in told or "float" in told) and "Mapping" not in told]


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
        (FinetuneSettings, {"drop_path": 2}),
        (FinetuneSettings, {"betas": (0.9, 1.0)}),
        (FinetuneSettings, {"weight_decay": -1}),
        (FinetuneSettings, {"seeds": (-1,)}),
        (FinetuneSettings, {"augment": 1}),
        (SegmentationSettings, {"drop_path": 2}),
        (PoseSettings, {"drop_path": 2}),
        (PoseSettings, {"milestones": (0,)}),
        (PoseSettings, {"image_size": (64, 0)}),
        (ProbeSettings, {"momentum": 1}),
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
    block = load_yaml(REPOSITORY / "rules/schemas/config.schema.yaml")["properties"]["pairs"]["properties"]
    for name, bounds in block.items():
        bounds = {"share": {"minimum": 0, "maximum": 1}}.get(bounds.get("$ref", "").rpartition("/")[2], bounds)
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
    assert str(Bounds(1, whole=True, or_none=True)) == "a whole number of 1 or more, or null"
    assert str(Bounds(above=0, most=1)) == "a number above 0 and of at most 1"
