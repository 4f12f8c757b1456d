"""Parameters behind prefixes and in other places, positions that may be read in two ways, what files say beside."""

import argparse
import json
import zipfile

import pytest
import torch
from timm.models.vision_transformer import VisionTransformer

from mimic_core.kit.errors import MimicError
from mimic_core.models import DecoderSettings, build_encoder, load_pretrained
from mimic_core.models.weights.facts import LONGEST_CALL, literal_arguments
from mimic_core.objectives import load_model
from mimic_core.objectives.dino.model import DINO, DINOSettings
from mimic_core.objectives.mae.model import MAE

SIZES = {"image_size": 32, "width": 16, "depth": 2, "heads": 2, "mlp_ratio": 3}


def under(prefix, weights):
    return {prefix + name: value for name, value in weights.items()}


def same(loaded, encoder):
    expected = encoder.state_dict()
    return all(torch.equal(value, expected[name]) for name, value in loaded.state_dict().items())


PREFIXES = [
    *("_orig_mod.", "module._orig_mod.", "_orig_mod.module.", "module.module.", "model._orig_mod.", "model."),
    *("encoder.", "backbone.", "module.backbone.", "model.encoder.", "_fsdp_wrapped_module.", "student.backbone."),
    *(
        "teacher.backbone.",
        "module.student._orig_mod.",
        "ema.",
        "ema_model.module.",
        "model_ema._orig_mod.",
        "net.model.",
    ),
]


@pytest.mark.parametrize("prefix", PREFIXES)
def test_what_wrapped_a_model_is_taken_off(encoder, path, prefix):
    for place in ("model", "state_dict"):
        torch.save({place: under(prefix, encoder.state_dict()), "epoch": 3}, path)
        assert same(load_pretrained(path, heads=2), encoder)


@pytest.mark.parametrize("place", ["state_dict_ema", "model_ema", "module", "student", "teacher"])
def test_places_of_parameters(encoder, path, place):
    torch.save({"epoch": 3, "optimizer": {}, place: encoder.state_dict()}, path)
    assert same(load_pretrained(path, heads=2), encoder)
    torch.save({"model": {place: encoder.state_dict()}}, path)
    assert same(load_pretrained(path, heads=2), encoder)


def test_an_average_goes_before_what_it_is_the_average_of(encoder, path):
    other, own = build_encoder(SIZES, seed=1).state_dict(), encoder.state_dict()
    dino = under("student.backbone.", other) | under("teacher.backbone.", own) | {"center": torch.zeros(3)}
    for content in (
        {"state_dict": other, "state_dict_ema": own, "arch": "vit"},
        {"model": other, "model_ema": under("module.", own)},
        {"state_dict": dino},
        {"state_dict": under("model.", other) | under("model_ema.module.", own)},
        {"state_dict": own, "state_dict_ema": None},
    ):
        torch.save(content, path)
        assert same(load_pretrained(path, heads=2), encoder)


def test_our_own_dinos_checkpoint_gives_its_teacher(path):
    settings = build_encoder(SIZES, seed=0).settings
    model = DINO(settings, DINOSettings(prototypes=8, hidden=8, bottleneck=4), 3)
    model.initialise(0)
    with torch.no_grad():
        model.student.backbone.norm.bias.fill_(3)
    torch.save({"format": 3, "model": model.state_dict()}, path)
    assert same(load_pretrained(path, heads=2), model.encoder())


def test_wrapped_whole_models(path):
    model = MAE(build_encoder(SIZES, seed=0).settings, DecoderSettings(16, 1, 2))
    model.initialise(0)
    torch.save({"model": under("module._orig_mod.", model.state_dict())}, path)
    assert same(load_model(path, heads=2, decoder_heads=2), model)


@pytest.mark.parametrize("suffix", [".pth.tar", ".tar", ".ckpt", ".pkl", ".weights", ""])
@pytest.mark.parametrize("legacy", [False, True])
def test_files_are_known_by_their_content(encoder, tmp_path, suffix, legacy):
    path = tmp_path / f"model_best{suffix}"
    content = {"state_dict": encoder.state_dict(), "arch": "vit", "args": argparse.Namespace(lr=1)}
    torch.save(content, path, _use_new_zipfile_serialization=not legacy)
    assert same(load_pretrained(path, heads=2), encoder)
    path.write_bytes(b"something else")
    with pytest.raises(MimicError, match="a weights file") as caught:
        load_pretrained(path, heads=2)
    assert ".safetensors" in caught.value.remedy


def test_a_torch_file_that_is_called_safetensors(encoder, tmp_path):
    torch.save(encoder.state_dict(), tmp_path / "model.safetensors")
    assert same(load_pretrained(tmp_path / "model.safetensors", heads=2), encoder)


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
@pytest.mark.parametrize("legacy", [False, True])
def test_every_protocol_of_pickles(encoder, path, protocol, legacy):
    weights = dict(encoder.state_dict())
    weights["norm.bias"] = torch.nn.Parameter(weights["norm.bias"])
    weights["norm.weight"].note = "an attribute"
    weights["cls_token"] = torch.zeros(3, 1, 1, 16)[1]  # part of a larger storage
    weights["blocks.0.mlp.fc1.weight"] = weights["blocks.0.mlp.fc1.weight"].t().contiguous().t()
    content = {"model": weights, "seen": {1, 2}, "raw": b"bytes", "place": torch.device("cpu"), "size": torch.Size([2])}
    torch.save(content, path, pickle_protocol=protocol, _use_new_zipfile_serialization=not legacy)
    loaded = load_pretrained(path, heads=2).state_dict()
    assert all(torch.equal(loaded[name], value) for name, value in weights.items())


def test_big_endian_archives(encoder, path):
    torch.save(encoder.state_dict(), path)
    plain = load_pretrained(path, heads=2)
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(path.with_suffix(".pt"), "w") as new:
        for name in old.namelist():
            data = old.read(name)
            if name.endswith("byteorder"):
                data = b"big"
            elif "/data/" in name:
                data = b"".join(data[i : i + 4][::-1] for i in range(0, len(data), 4))
            new.writestr(name, data)
    assert same(load_pretrained(path.with_suffix(".pt"), heads=2), plain)


def vit(**options):
    sizes = {"embed_dim": 16, "depth": 1, "num_heads": 2, "num_classes": 0}
    return VisionTransformer(**sizes | options)


@pytest.mark.parametrize("rows", [(48, 80), (32, 64), (208, 240)])
def test_positions_of_a_class_token_and_of_a_grid_that_is_no_square(tmp_path, rows):
    path = tmp_path / "model.pth"
    torch.save(vit(img_size=rows).state_dict(), path)
    with pytest.raises(MimicError, match=r"positions fit .* patches without the class token, or "):
        load_pretrained(path, heads=2)
    config = {"architecture": "vit_base_patch16_224", "model_args": {"img_size": list(rows), "num_heads": 2}}
    (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(MimicError, match="square"):
        load_pretrained(path, heads=2)


def test_positions_without_the_class_tokens_where_the_file_says_so(tmp_path):
    model = vit(img_size=64, no_embed_class=True)
    torch.save(model.state_dict(), tmp_path / "model.pth")
    with pytest.raises(MimicError, match=r"16 positions fit 4x4 patches"):
        load_pretrained(tmp_path / "model.pth", heads=2)
    for config in ({"model_args": {"no_embed_class": True}}, {"architecture": "flexivit_small"}):
        (tmp_path / "config.json").write_text(
            json.dumps(config | {"model_args": {"num_heads": 2} | config.get("model_args", {})})
        )
        loaded = load_pretrained(tmp_path / "model.pth")
        assert torch.equal(loaded.pos_embed[:, 1:], model.pos_embed) and not loaded.pos_embed[:, 0].any()


def test_fixed_positions_tell_their_grid(path):
    encoder = build_encoder(SIZES | {"image_size": 64}, seed=0)
    torch.save(encoder.state_dict() | {"pos_embed": encoder.pos_embed[:, 1:]}, path)
    assert load_pretrained(path, heads=2).settings == encoder.settings


@pytest.mark.parametrize(
    "config",
    [
        *({"model_args": {"num_heads": heads}} for heads in (float("inf"), 0, -1, True, "2", [2], {})),
        *({"mean": value} for value in ([1, 2], "abc", [1, 2, "3"], [1, 2, float("nan")], 5)),
        *({"std": value} for value in ([0, 1, 1], [-1, 1, 1])),
        *({"model_args": {"img_size": value}} for value in ("32", [32], [32, -1], 0)),
        {"model_args": {"no_embed_class": 1}},
        {"architecture": ["vit"]},
        [],
        "text",
        3,
    ],
    ids=str,
)
def test_a_config_beside_the_file_that_is_not_timms(encoder, tmp_path, config):
    torch.save(encoder.state_dict(), tmp_path / "model.pth")
    (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(MimicError, match=r"timm's config\.json") as caught:
        load_pretrained(tmp_path / "model.pth", heads=2)
    assert caught.value.where == str(tmp_path / "config.json")


def test_a_config_beside_the_file_that_is_no_document(encoder, tmp_path):
    torch.save(encoder.state_dict(), tmp_path / "model.pth")
    config = tmp_path / "config.json"
    for content in (b"[" * 100_000, b" " * (1 << 21), b"\xff\xfe", b""):
        config.write_bytes(content)
        with pytest.raises(MimicError, match=r"timm's config\.json"):
            load_pretrained(tmp_path / "model.pth", heads=2)
    config.unlink()
    config.symlink_to("/dev/zero")
    with pytest.raises(MimicError, match=r"timm's config\.json"):
        load_pretrained(tmp_path / "model.pth", heads=2)


@pytest.mark.parametrize(
    "options",
    [
        *({"enc_num_heads": value} for value in (float("inf"), 0, True, "2", None)),
        *({"img_size": value} for value in ("32", (32,), (32, None), 0, 1.5, [[32], [32]])),
        *({"pos_embed": value} for value in ("x" * 10**6, ["cosine"], None)),
        [1],
        "text",
    ],
    ids=lambda value: str(value)[:40],
)
def test_settings_of_navers_that_are_none(path, options):
    encoder = build_encoder(SIZES | {"class_token": False}, seed=0)
    names = {"blocks.": "enc_blocks.", "norm.": "enc_norm.", "pos_embed": "enc_pos_embed"}
    weights = {
        next((new + name.removeprefix(old) for old, new in names.items() if name.startswith(old)), name): value
        for name, value in encoder.state_dict().items()
    }
    torch.save({"model": weights, "croco_kwargs": options}, path)
    with pytest.raises(MimicError, match=r"croco_kwargs|unknown positions") as caught:
        load_pretrained(path, heads=2)
    assert len(str(caught.value)) < 1000


def test_navers_call_in_text_is_bounded():
    assert literal_arguments("CroCoNet(enc_num_heads=2, norm=partial(x), a=9**9**9)") == {"enc_num_heads": 2}
    for call in (
        "CroCoNet(" + "(" * 5000,
        "CroCoNet(a=" + "-" * 9000 + "1)",
        "x" * LONGEST_CALL * 2,
        "CroCoNet(a={[]: 1})",
    ):
        assert literal_arguments(call) == {}


@pytest.mark.parametrize("heads", [float("inf"), float("nan"), True, 0, -1, "2", 2.0, [2]])
def test_heads_are_whole_numbers(encoder, path, heads):
    torch.save(encoder.state_dict(), path)
    for read in (load_pretrained, load_model):
        with pytest.raises(MimicError, match="heads"):
            read(path, heads=heads)
