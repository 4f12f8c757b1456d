"""The encoder as a backbone: the same tokens, as maps, frozen where it should be."""

import pytest
import torch

from mimic_core.finetune.openmmlab import require_openmmlab
from mimic_core.kit.errors import MimicError
from mimic_core.models import build_encoder, load_pretrained, save_encoder

require_openmmlab()
from mimic_core.finetune.openmmlab.backbone import MimicBackbone  # noqa: E402

TINY = {"image_size": 32, "patch_size": 16, "width": 24, "depth": 3, "heads": 2}
IMAGES = torch.randn(2, 3, 48, 80, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("class_token", [True, False])
def test_maps_are_the_encoders_tokens_in_their_places(class_token):
    architecture = {**TINY, "class_token": class_token}
    backbone = MimicBackbone(architecture=architecture, seed=3, hooks=(0, -1)).eval()
    encoder = build_encoder(architecture, 3).eval()
    with torch.no_grad():
        maps = backbone(IMAGES)
        layers = encoder.forward_layers(IMAGES, [0, 2])
    assert [tuple(part.shape) for part in maps] == [(2, 24, 3, 5)] * 2
    for part, tokens in zip(maps, layers, strict=True):
        for row, column in ((0, 0), (1, 3), (2, 4)):
            patch = encoder.prefix_tokens + row * 5 + column
            assert torch.equal(part[:, :, row, column], tokens[:, patch])


def test_the_norm_is_the_encoders_own():
    backbone = MimicBackbone(architecture=TINY, norm=True).eval()
    with torch.no_grad():
        expected = build_encoder(TINY, 0).eval()(IMAGES)[:, 1:]
        assert torch.equal(backbone(IMAGES)[0].flatten(2).transpose(1, 2), expected)


def test_a_file_is_read_strictly(tmp_path):
    path = tmp_path / "encoder.safetensors"
    save_encoder(path, build_encoder(TINY, 9), {})
    backbone, expected = MimicBackbone(weights=str(path)), load_pretrained(path).state_dict()
    assert all(torch.equal(value, expected[name]) for name, value in backbone.encoder.state_dict().items())
    backbone.init_weights()  # mmengine calls it before it trains
    assert all(torch.equal(value, expected[name]) for name, value in backbone.encoder.state_dict().items())
    with pytest.raises(MimicError, match="no weights file"):
        MimicBackbone(weights=str(tmp_path / "other.safetensors"))


def test_a_frozen_encoder_takes_no_gradient_and_stays_in_evaluation_mode():
    backbone = MimicBackbone(architecture=TINY, frozen=True, drop_path=0.9).train()
    assert backbone.training and not any(module.training for module in backbone.encoder.modules())
    assert not any(parameter.requires_grad for parameter in backbone.parameters())
    first, second = backbone(IMAGES)[0], backbone(IMAGES)[0]
    assert torch.equal(first, second) and not first.requires_grad


def test_a_whole_encoder_learns():
    backbone = MimicBackbone(architecture=TINY, drop_path=0.9).train()
    assert backbone.encoder.training
    backbone(IMAGES)[0].sum().backward()
    assert backbone.encoder.patch_embed.proj.weight.grad.abs().sum() > 0


def test_autocast_changes_digits_and_not_the_type():
    exact, rounded = (MimicBackbone(architecture=TINY, bf16=bf16).eval()(IMAGES)[0] for bf16 in (False, True))
    assert exact.dtype == rounded.dtype == torch.float32
    assert not torch.equal(exact, rounded)
    torch.testing.assert_close(exact, rounded, atol=0.1, rtol=0.1)


def test_an_input_that_patches_do_not_fill_is_refused():
    with pytest.raises(MimicError, match="48x70 pixels"):
        MimicBackbone(architecture=TINY)(IMAGES[..., :70])


@pytest.mark.parametrize("library", ["mmseg", "mmpose"])
def test_both_libraries_build_it(library):
    registry = pytest.importorskip(f"{library}.registry")
    built = registry.MODELS.build({"type": "MimicBackbone", "architecture": TINY})
    assert isinstance(built, MimicBackbone)
