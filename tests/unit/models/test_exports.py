"""Our encoders as other projects read them."""

import json

import pytest
import timm
import torch
from safetensors.torch import load_file
from timm.models.vision_transformer import Block, VisionTransformer

from mimic_core.kit.errors import MimicError
from mimic_core.models import ViTSettings, build_encoder, export_multimae, export_timm, load_pretrained, named_vit
from mimic_core.models.settings import NAMED
from mimic_core.models.vit import Norm
from mimic_core.models.weights.exports import timm_model

SIZES = {"image_size": 32, "width": 16, "depth": 2, "heads": 2, "mlp_ratio": 3}
KINDS = [{}, {"class_token": False}, {"positions": "learned"}]


def make(change):
    encoder = build_encoder(SIZES | change, seed=0).eval()
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in encoder.parameters():
            if parameter.requires_grad:
                parameter.add_(0.1 * torch.randn(parameter.shape, generator=generator))
    return encoder


def images():
    return torch.randn(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("change", KINDS)
def test_timms_vit_of_the_same_sizes_gives_the_same_tokens(tmp_path, change):
    encoder = make(change)
    export_timm(encoder, tmp_path)
    token = encoder.settings.class_token
    model = VisionTransformer(
        32, 16, 3, 0, "token" if token else "avg", 16, 2, 2, 3, class_token=token, fc_norm=False
    ).eval()
    model.load_state_dict(load_file(tmp_path / "model.safetensors"), strict=True)
    with torch.no_grad():
        assert (model.forward_features(images()) - encoder(images())).abs().max() < 1e-5


@pytest.mark.parametrize("change", KINDS)
def test_timm_builds_the_model_from_the_folder(tmp_path, change):
    encoder = make(change)
    export_timm(encoder, tmp_path / "a" / "b")
    model = timm.create_model(f"local-dir:{tmp_path / 'a' / 'b'}", pretrained=True).eval()
    with torch.no_grad():
        assert (model.forward_features(images()) - encoder(images())).abs().max() < 1e-5
    assert tuple(model.pretrained_cfg["input_size"]) == (3, 32, 32)
    assert sorted(file.name for file in (tmp_path / "a" / "b").iterdir()) == ["config.json", "model.safetensors"]


@pytest.mark.parametrize("change", KINDS)
def test_what_was_exported_is_read_back(tmp_path, change):
    encoder = make(change)
    export_timm(encoder, tmp_path)
    loaded = load_pretrained(tmp_path / "model.safetensors")
    assert loaded.settings == encoder.settings
    assert torch.equal(loaded(images()), encoder(images()))


def test_the_config_is_timms(tmp_path):
    export_timm(make({}), tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    assert config["architecture"] == "vit_base_patch16_224" and config["num_classes"] == 0
    assert config["model_args"]["num_heads"] == 2 and config["model_args"]["img_size"] == 32
    assert config["pretrained_cfg"]["mean"] == [0.485, 0.456, 0.406]
    assert config["pretrained_cfg"]["std"] == [0.229, 0.224, 0.225]


@pytest.mark.parametrize("name", NAMED)
@pytest.mark.parametrize(("patch_size", "image_size"), [(16, 224), (14, 224), (16, 256), (16, 384)])
def test_named_sizes_are_timms_models(name, patch_size, image_size):
    settings = ViTSettings(image_size, patch_size, **named_vit(name))
    theirs, arguments = timm_model(settings)
    model = timm.create_model(theirs, device="meta", num_classes=0, **arguments)
    assert (model.embed_dim, len(model.blocks), model.blocks[0].attn.num_heads) == (
        settings.width,
        settings.depth,
        settings.heads,
    )
    assert model.patch_embed.grid_size == (settings.grid, settings.grid)
    assert model.blocks[0].mlp.fc1.out_features == 4 * settings.width


def test_the_common_case_is_named_after_itself():
    assert timm_model(ViTSettings()) == ("vit_base_patch16_224", {})
    assert timm_model(ViTSettings(**named_vit("vit_large"))) == ("vit_large_patch16_224", {})


@pytest.mark.parametrize("change", KINDS)
def test_multimaes_parameters_give_the_same_tokens(tmp_path, change):
    encoder = make(change)
    export_multimae(encoder, tmp_path / "encoder.pth")
    content = torch.load(tmp_path / "encoder.pth", weights_only=True)
    assert list(content) == ["model"]
    weights = content["model"]
    assert weights["input_adapters.rgb.pos_emb"].shape == (1, 16, 2, 2)
    assert weights["global_tokens"].shape == (1, encoder.prefix_tokens, 16)

    def project(batch):
        kernel, bias = (weights.pop(f"input_adapters.rgb.proj.{name}") for name in ("weight", "bias"))
        return torch.nn.functional.conv2d(batch, kernel, bias, stride=16)

    tokens = (project(images()) + weights.pop("input_adapters.rgb.pos_emb")).flatten(2).transpose(1, 2)
    tokens = torch.cat([tokens, weights.pop("global_tokens").expand(2, -1, -1)], dim=1)
    blocks = torch.nn.Sequential(*(Block(16, 2, 3, qkv_bias=True, norm_layer=Norm) for _ in range(2)))
    blocks.load_state_dict({name.removeprefix("encoder."): value for name, value in weights.items()}, strict=True)
    with torch.no_grad():
        output, expected = blocks(tokens), encoder.forward_layers(images(), [1])[0]
    assert (output[:, :4] - expected[:, encoder.prefix_tokens :]).abs().max() < 1e-5
    assert (output[:, 4:] - expected[:, : encoder.prefix_tokens]).abs().sum() < 1e-3


@pytest.mark.parametrize("export", [export_timm, export_multimae])
def test_rotary_encoders_have_no_place_there(tmp_path, export):
    with pytest.raises(MimicError, match="no rotary positions"):
        export(build_encoder(SIZES | {"positions": "rope"}, seed=0), tmp_path / "x")
    assert not (tmp_path / "x").exists()
