import pytest
import torch

from mimic_core.kit.errors import MimicError
from mimic_core.models import Encoder, ViTSettings, build_encoder, named_vit
from mimic_core.models.vit import sincos_positions

SETTINGS = ViTSettings(image_size=64, patch_size=16, width=24, depth=3, heads=2)


@pytest.fixture(scope="module")
def encoder():
    sizes = {"image_size": 64, "patch_size": 16, "width": 24, "depth": 3, "heads": 2}
    return build_encoder(sizes, seed=1).eval()


@pytest.fixture(scope="module")
def images():
    return torch.randn(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))


def test_attributes_and_shapes(encoder, images):
    assert (encoder.width, encoder.depth, encoder.patch_size, encoder.grid) == (24, 3, 16, 4)
    assert encoder(images).shape == (2, 17, 24)


def test_positions_start_with_nothing_and_tell_rows_from_columns():
    positions = sincos_positions(8, 2, 3)[0]
    assert positions.shape == (7, 8)
    assert positions[0].abs().max() == 0
    column, row = positions[1:].reshape(2, 3, 2, 4).unbind(2)
    assert torch.equal(column[0], column[1])
    assert torch.equal(row[:, 0], row[:, 2])
    assert not torch.equal(row[0], row[1])


def test_kept_patches_see_only_each_other(encoder, images):
    keep = torch.tensor([[5, 2, 9], [0, 1, 15]])
    tokens = encoder(images, keep)
    assert tokens.shape == (2, 4, 24)
    other = images.clone()
    other[0, :, :16, :16] = 7.0  # patch 0: hidden in the first image
    assert torch.equal(encoder(other, keep), tokens)
    other[0, :, 16:32, 16:32] = 7.0  # patch 5: seen
    assert not torch.allclose(encoder(other, keep)[0], tokens[0])


def test_layers_are_the_blocks_outputs(encoder, images):
    first, last = encoder.forward_layers(images, [0, 2])
    assert first.shape == last.shape == (2, 17, 24)
    assert torch.allclose(encoder.norm(last), encoder(images))
    assert torch.allclose(encoder.blocks[2](encoder.blocks[1](first)), last)
    with pytest.raises(MimicError, match="no block 3"):
        encoder.forward_layers(images, [0, 3])


def test_another_grid_gets_resized_positions(encoder):
    wide = torch.randn(1, 3, 64, 96, generator=torch.Generator().manual_seed(0))
    assert encoder.forward_layers(wide, [0])[0].shape == (1, 1 + 24, 24)
    positions = encoder.positions(8, 8)[0, 1:].reshape(8, 8, 24)
    assert encoder.positions(8, 8)[0, 0].abs().max() == 0
    assert (positions.mean((0, 1)) - encoder.pos_embed[0, 1:].mean(0)).abs().max() < 0.05
    with pytest.raises(MimicError, match="60x64"):
        encoder(torch.zeros(1, 3, 60, 64))


def test_random_weights_follow_the_seed(encoder):
    again = build_encoder({"image_size": 64, "width": 24, "depth": 3, "heads": 2}, seed=1)
    other = build_encoder({"image_size": 64, "width": 24, "depth": 3, "heads": 2}, seed=2)
    for (name, value), same, different in zip(
        encoder.named_parameters(), again.parameters(), other.parameters(), strict=True
    ):
        assert torch.equal(value, same), name
        if value.ndim > 1 and name != "pos_embed":
            assert not torch.equal(value, different), name
    bound = (6 / (24 + 72)) ** 0.5
    assert 0.9 * bound < encoder.blocks[0].attn.qkv.weight.abs().max() <= bound


def test_positions_are_not_trained(encoder):
    assert not encoder.pos_embed.requires_grad
    assert encoder.cls_token.requires_grad


def test_drop_path_grows_with_depth_and_acts_in_training_only(images):
    encoder = Encoder(SETTINGS, drop_path=0.5)
    rates = [getattr(block.drop_path1, "drop_prob", 0.0) for block in encoder.blocks]
    assert rates == [0.0, 0.25, 0.5]
    encoder.eval()
    assert torch.equal(encoder(images), encoder(images))
    encoder.train()
    torch.manual_seed(0)
    assert not torch.equal(encoder(images), encoder(images))


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"image_size": 100}, "image_size"),
        ({"width": 25}, "encoder.width"),
        ({"depth": 0}, "encoder.depth"),
        ({"mlp_ratio": 0}, "encoder.mlp_ratio"),
        ({"head": 2}, "encoder.head"),
        ({"positions": "cosine"}, "encoder.positions"),
    ],
)
def test_impossible_sizes_are_named(change, where):
    with pytest.raises(MimicError) as caught:
        build_encoder({"image_size": 64, "width": 24, "depth": 1, "heads": 2, **change}, seed=0)
    assert caught.value.where == where
    assert caught.value.remedy


def test_without_a_class_token_all_tokens_are_patches(images):
    encoder = build_encoder({"image_size": 64, "width": 24, "depth": 2, "heads": 2, "class_token": False}, seed=1)
    assert encoder.prefix_tokens == 0
    assert encoder(images).shape == encoder.forward_layers(images, [1])[0].shape == (2, 16, 24)
    assert encoder(images, torch.tensor([[3, 1], [0, 2]])).shape == (2, 2, 24)
    assert encoder(images[:, :, :32]).shape == (2, 8, 24)
    assert torch.equal(encoder.pos_embed, sincos_positions(24, 4, 4)[:, 1:])


def test_learned_positions_learn(images):
    encoder = build_encoder({"image_size": 64, "width": 24, "depth": 1, "heads": 2, "positions": "learned"}, seed=1)
    assert encoder.prefix_tokens == 1
    assert encoder.pos_embed.std().item() == pytest.approx(0.02, rel=0.2)
    encoder(images[:, :, :32]).sum().backward()
    assert encoder.pos_embed.grad.abs().max() > 0


def test_vits_have_names():
    sizes = ViTSettings()
    assert named_vit("vit_base") == {"width": sizes.width, "depth": sizes.depth, "heads": sizes.heads}
    assert Encoder(ViTSettings(**named_vit("vit_tiny"))).width == 192
    for name in ("vit_tiny", "vit_small", "vit_base", "vit_large", "vit_huge"):
        ViTSettings(**named_vit(name))
    with pytest.raises(MimicError, match="no encoder named 'vit_bas'") as caught:
        named_vit("vit_bas")
    assert "vit_base" in caught.value.remedy
    with pytest.raises(MimicError):
        named_vit("resnet50")
