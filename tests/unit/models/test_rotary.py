"""Rotary positions by their laws: no released CroCo v2 is at hand to compare with."""

import pytest
import torch

from mimic_core.kit.errors import MimicError
from mimic_core.models import ViTSettings, build_encoder, load_pretrained, save_encoder
from mimic_core.models.attention import rotation_table, turn

CHANNELS = 16
SIZES = {
    "image_size": 64,
    "width": 32,
    "depth": 2,
    "heads": 2,
    "class_token": False,
    "positions": "rope",
}


def draw(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


@pytest.fixture(scope="module")
def encoder():
    return build_encoder(SIZES, seed=1).eval()


def test_nothing_turns_at_place_zero_and_no_length_changes():
    queries = draw(2, 3, 30, CHANNELS)
    turned = turn(queries, rotation_table(5, 6, CHANNELS)[:, None, None])
    assert torch.equal(turned[:, :, 0], queries[:, :, 0])
    assert not torch.allclose(turned[:, :, 1:], queries[:, :, 1:])
    assert torch.allclose(turned.norm(dim=-1), queries.norm(dim=-1), atol=1e-5)


def test_scores_depend_on_relative_places_only():
    rows, columns = 7, 9
    table = rotation_table(rows, columns, CHANNELS)[:, None, None]
    query, key = (draw(1, 1, 1, CHANNELS, seed=seed).expand(1, 1, rows * columns, -1) for seed in (1, 2))
    scores = (turn(query, table) @ turn(key, table).transpose(-2, -1)).reshape(rows, columns, rows, columns)
    assert torch.allclose(scores[:-2, :-3, :-2, :-3], scores[2:, 3:, 2:, 3:], atol=1e-4)
    assert not torch.allclose(scores[0, 0, 1, 0], scores[0, 0, 0, 1], atol=1e-4)
    assert not torch.allclose(scores[0, 0, 1, 0], scores[1, 0, 0, 0], atol=1e-4)


def test_the_first_half_turns_with_rows_and_the_second_with_columns_at_base_100():
    table = rotation_table(3, 4, CHANNELS).reshape(2, 3, 4, 2, 2, CHANNELS // 4)  # axis, halves of it, planes
    assert torch.equal(table[:, :, :, :, 0], table[:, :, :, :, 1])
    rows, columns = table[:, :, :, 0, 0], table[:, :, :, 1, 0]
    assert torch.equal(rows[:, :, 0], rows[:, :, 3]) and torch.equal(columns[:, 0], columns[:, 2])
    frequencies = torch.tensor([1.0, 100 ** (-1 / 4), 100 ** (-2 / 4), 100 ** (-3 / 4)])
    assert torch.allclose(rows[0, 2, 0], torch.cos(2 * frequencies), atol=1e-6)
    assert torch.allclose(columns[1, 0, 3], torch.sin(3 * frequencies), atol=1e-6)


def test_rotate_half_pairs_a_channel_with_the_one_half_an_axis_further():
    one = torch.zeros(1, 1, 1, CHANNELS)
    one[..., 0] = 1.0  # of the row's half: its partner is channel 4
    table = rotation_table(2, 1, CHANNELS)[:, None, None, 1:]
    turned = turn(one, table)[0, 0, 0]
    assert turned[0] == pytest.approx(torch.cos(torch.tensor(1.0)))
    assert turned[4] == pytest.approx(torch.sin(torch.tensor(1.0)))
    assert turned.count_nonzero() == 2


def test_a_shift_of_the_image_shifts_the_tokens_of_what_stays_alone(encoder):
    image = draw(1, 3, 64, 64)
    keep = torch.tensor([[0, 1, 4, 5]])  # a 2x2 square, here and one row and two columns further on
    moved = torch.roll(image, (16, 32), (2, 3))
    with torch.no_grad():
        assert torch.allclose(encoder(image, keep), encoder(moved, keep + 6), atol=1e-5)
        scattered = encoder(image, torch.tensor([[0, 1, 4, 10]]))
        assert not torch.allclose(scattered[:, :3], encoder(image, keep)[:, :3], atol=1e-3)


def test_tokens_know_their_places_without_added_positions(encoder):
    assert "pos_embed" not in encoder.state_dict() and "cls_token" not in encoder.state_dict()
    assert encoder.prefix_tokens == 0
    flat = torch.ones(1, 3, 64, 64)
    wide = draw(1, 3, 32, 96)
    with torch.no_grad():
        assert encoder(flat).shape == (1, 16, 32)
        assert encoder.forward_layers(wide, [0, 1])[1].shape == (1, 12, 32)
        layers = encoder.forward_layers(wide, [1])
        assert torch.equal(encoder.norm(layers[0]), encoder(wide))


def test_a_class_token_is_not_turned():
    encoder = build_encoder(SIZES | {"class_token": True}, seed=1).eval()
    rotation = encoder.rotation(torch.zeros(1, 3, 32, 32))["rotation"]
    assert rotation.shape == (2, 1, 1, 5, CHANNELS)
    assert torch.equal(rotation[0, 0, 0, 0], torch.ones(CHANNELS)) and rotation[1, 0, 0, 0].abs().max() == 0
    assert encoder(torch.zeros(2, 3, 32, 32), torch.tensor([[0, 1], [2, 3]])).shape == (2, 3, 32)


def test_half_precision_stays_half_precision():
    table = rotation_table(3, 3, CHANNELS)[:, None, None]
    assert turn(draw(1, 1, 9, CHANNELS).bfloat16(), table).dtype == torch.bfloat16


def test_round_trip(encoder, tmp_path):
    save_encoder(tmp_path / "rope.safetensors", encoder, {})
    loaded = load_pretrained(tmp_path / "rope.safetensors")
    assert loaded.settings == encoder.settings
    assert torch.equal(loaded(draw(1, 3, 64, 64)), encoder(draw(1, 3, 64, 64)))


def navers_names(encoder):
    theirs = {"blocks": "enc_blocks", "norm": "enc_norm"}
    named = {
        ".".join([theirs.get(n.split(".")[0], n.split(".")[0]), *n.split(".")[1:]]): v
        for n, v in encoder.state_dict().items()
    }
    decoder = {
        "mask_token": torch.zeros(1, 1, 8),
        "decoder_embed.weight": torch.zeros(8, 32),
        "dec_blocks.0.norm1.weight": torch.zeros(8),
        "prediction_head.bias": torch.zeros(768),
    }
    return named | decoder


def test_navers_v2_file_is_read(encoder, tmp_path):
    options = {"enc_num_heads": 2, "enc_embed_dim": 32, "pos_embed": "RoPE100", "img_size": (64, 64)}
    torch.save({"croco_kwargs": options, "model": navers_names(encoder)}, tmp_path / "CroCo_V2.pth")
    loaded = load_pretrained(tmp_path / "CroCo_V2.pth")
    assert loaded.settings == encoder.settings
    assert torch.equal(loaded(draw(1, 3, 64, 64)), encoder(draw(1, 3, 64, 64)))
    torch.save({"croco_kwargs": options | {"pos_embed": "RoPE50"}, "model": navers_names(encoder)}, tmp_path / "b.pth")
    with pytest.raises(MimicError, match="RoPE50"):
        load_pretrained(tmp_path / "b.pth")
    torch.save({"model": navers_names(encoder)}, tmp_path / "c.pth")
    with pytest.raises(MimicError, match="no positions"):
        load_pretrained(tmp_path / "c.pth", heads=2)
    torch.save({"croco_kwargs": {"enc_num_heads": "many"}, "model": navers_names(encoder)}, tmp_path / "d.pth")
    with pytest.raises(MimicError, match="not a dict of sizes"):
        load_pretrained(tmp_path / "d.pth")


def test_heads_that_cannot_turn_are_refused():
    with pytest.raises(MimicError, match="6 channels of a head"):
        ViTSettings(64, 16, 24, 1, 4, positions="rope")
