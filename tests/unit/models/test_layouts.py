"""Files of other projects: their layouts, and files that are none."""

import argparse
import json
import os
import pickle
from pathlib import Path

import numpy as np
import pytest
import timm
import torch
from safetensors.torch import save_file
from timm.models.vision_transformer import VisionTransformer

from mimic_core.kit.errors import MimicError
from mimic_core.models import load_pretrained
from mimic_core.models.weights.architecture import choose_heads
from mimic_core.models.weights.pickles import NumberType, number, read_pickle

GOLDEN = Path(__file__).parents[2] / "golden"
SIZES = {"image_size": 32, "width": 16, "depth": 2, "heads": 2, "mlp_ratio": 3}


def images(size=32):
    return torch.randn(2, 3, size, size, generator=torch.Generator().manual_seed(0))


@pytest.fixture
def path(tmp_path):
    return tmp_path / "checkpoint-199.pth"


def vit(seed=0, **options):
    """A ViT of timm's whose biases, norms and positions are not at their initial values."""
    sizes = {"img_size": 32, "embed_dim": 16, "depth": 2, "num_heads": 2, "mlp_ratio": 3, "num_classes": 5}
    model = VisionTransformer(**sizes | options).eval()
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.1 * torch.randn(parameter.shape, generator=generator))
    return model


def tokens_of(model, batch):
    with torch.no_grad():
        return model.forward_features(batch)


def same_tokens(encoder, model, batch):
    with torch.no_grad():
        assert (encoder(batch) - tokens_of(model, batch)).abs().max() < 1e-5


@pytest.mark.parametrize("name", ["mae", "mimic_croco"])
@pytest.mark.parametrize("legacy", [False, True])
def test_training_checkpoints_of_mae_and_mimic(path, name, legacy):
    with np.load(GOLDEN / f"{name}.npz", allow_pickle=False) as file:
        golden = {key: torch.from_numpy(file[key]) for key in file.files}
    weights = {key.removeprefix("weights/"): value for key, value in golden.items() if key.startswith("weights/")}
    assert any(key.startswith("decoder_blocks") for key in weights)
    content = {
        "model": weights,
        "optimizer": {"state": {0: {"step": 3, "exp_avg": torch.zeros(4)}}, "param_groups": [{"lr": np.float64(1e-4)}]},
        "epoch": np.int64(199),
        "scaler": {"scale": 65536.0},
        "args": argparse.Namespace(model="mae_vit_base_patch16", output_dir=Path("out"), mask_ratio=0.75),
    }
    torch.save(content, path, _use_new_zipfile_serialization=not legacy)
    loaded = load_pretrained(path, heads=2)
    assert (loaded.width, loaded.depth, loaded.patch_size, loaded.grid, loaded.prefix_tokens) == (24, 2, 16, 4, 1)
    assert loaded.settings.positions == "sincos" and loaded.settings.mlp_ratio == 4
    assert not loaded.training
    if "encoder_full_img2" in golden:
        with torch.no_grad():
            assert (loaded(golden["img2"]) - golden["encoder_full_img2"]).abs().max() < 1e-5
    assert torch.equal(loaded.blocks[1].mlp.fc1.weight, weights["blocks.1.mlp.fc1.weight"])


def test_encoder_alone_as_mae_fine_tunes_it(encoder, path):
    torch.save({"model": encoder.state_dict()}, path)
    loaded = load_pretrained(path, heads=2, drop_path=0.2)
    assert loaded.settings == encoder.settings
    assert loaded.blocks[1].drop_path1.drop_prob == pytest.approx(0.2)
    assert torch.equal(loaded(images()), encoder(images()))


def test_files_in_half_precision_keep_their_kind_of_positions(encoder, path):
    torch.save({name: value.half() for name, value in encoder.state_dict().items()}, path)
    loaded = load_pretrained(path, heads=2)
    assert loaded.settings == encoder.settings
    assert loaded.norm.weight.dtype == torch.float32


def test_dinos_training_checkpoint_gives_its_teacher(path):
    teacher, student = vit(1, num_classes=0), vit(2, num_classes=0)
    head = {"head.mlp.0.weight": torch.zeros(8, 16), "head.last_layer.weight_g": torch.ones(8, 1)}
    content = {
        "student": {f"module.backbone.{name}": value for name, value in student.state_dict().items()},
        "teacher": {f"backbone.{name}": value for name, value in teacher.state_dict().items()} | head,
        "epoch": 100,
        "args": argparse.Namespace(arch="vit_base"),
    }
    torch.save(content, path)
    loaded = load_pretrained(path, heads=2)
    assert loaded.settings.positions == "learned" and loaded.pos_embed.requires_grad
    same_tokens(loaded, teacher, images())
    content["teacher"] = {f"module.{name}": value for name, value in content["teacher"].items()}
    torch.save(content, path)
    same_tokens(load_pretrained(path, heads=2), teacher, images())
    content["teacher"]["norm.bias"] = content["teacher"]["module.backbone.norm.bias"]
    torch.save(content, path)
    with pytest.raises(MimicError, match="holds some parameters twice"):
        load_pretrained(path, heads=2)


def test_dinos_backbone_alone(path):
    model = vit(num_classes=0)
    torch.save(model.state_dict(), path)
    same_tokens(load_pretrained(path, heads=2), model, images())


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"class_token": False, "global_pool": "avg", "fc_norm": False},
        {"no_embed_class": True},
        {"patch_size": 8},
    ],
)
def test_timms_classifier(tmp_path, options):
    model = vit(**options)
    save_file(model.state_dict(), tmp_path / "model.safetensors")
    torch.save({"state_dict": model.state_dict()}, tmp_path / "model.pth")
    for name in ("model.safetensors", "model.pth"):
        loaded = load_pretrained(tmp_path / name, heads=2)
        assert loaded.prefix_tokens == options.get("class_token", True)
        same_tokens(loaded, model, images())


def test_timms_pooled_norm_takes_the_place_of_the_last_norm(path):
    model = vit(global_pool="avg")
    torch.save(model.state_dict(), path)
    loaded = load_pretrained(path, heads=2)
    assert torch.equal(loaded.norm.weight, model.fc_norm.weight)
    with torch.no_grad():
        assert (loaded.forward_layers(images(), [1])[0] - tokens_of(model, images())).abs().max() < 1e-5


def test_timms_config_states_heads_and_input(tmp_path):
    model = vit()
    save_file(model.state_dict(), tmp_path / "model.safetensors")
    looks = {"mean": [0.5, 0.4, 0.5], "std": [0.5, 0.5, 0.6]}
    config = {"architecture": "vit_base_patch16_224", "model_args": {"num_heads": 2}, "pretrained_cfg": looks}
    (tmp_path / "config.json").write_text(json.dumps(config))
    loaded = load_pretrained(tmp_path / "model.safetensors")
    assert loaded.settings.heads == 2
    colours = torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))

    def normalised(mean, std):
        return (colours - torch.tensor(mean).view(3, 1, 1)) / torch.tensor(std).view(3, 1, 1)

    theirs = tokens_of(model, normalised(**looks))
    ours = loaded(normalised((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)))
    assert (ours - theirs).abs().max() < 1e-5
    (tmp_path / "config.json").write_text("{")
    with pytest.raises(MimicError, match=r"timm's config\.json"):
        load_pretrained(tmp_path / "model.safetensors")


def test_heads_of_an_architecture_that_timm_knows(tmp_path):
    (tmp_path / "config.json").write_text(json.dumps({"architecture": "vit_base_patch16_224"}))
    torch.save(vit(embed_dim=24, num_heads=12).state_dict(), tmp_path / "pytorch_model.bin")
    assert load_pretrained(tmp_path / "pytorch_model.bin").settings.heads == 12


def test_heads_by_width():
    known = {width: choose_heads(width, None, None, Path()) for width in (192, 384, 512, 768, 1024, 1280)}
    assert known == {192: 3, 384: 6, 512: 8, 768: 12, 1024: 16, 1280: 16}
    for width in (24, 1408):
        with pytest.raises(MimicError, match=f"how many heads the {width}") as caught:
            choose_heads(width, None, None, Path())
        assert "heads=" in caught.value.remedy
    for name, width in (("vit_tiny", 192), ("vit_large", 1024), ("vit_base", 768)):
        model = timm.create_model(f"{name}_patch16_224", device="meta")
        assert model.blocks[0].attn.num_heads == known[width]


class Trap:
    """Makes a folder when it is unpickled by the standard library."""

    def __init__(self, folder):
        self.folder = folder

    def __reduce__(self):
        return os.mkdir, (str(self.folder),)


@pytest.mark.parametrize("legacy", [False, True])
@pytest.mark.parametrize("place", ["args", "model"])
def test_code_in_a_checkpoint_is_not_run(encoder, path, tmp_path, legacy, place):
    weights = dict(encoder.state_dict())
    content = {"model": weights, "args": argparse.Namespace()}
    if place == "args":
        content["args"].output_dir = Trap(tmp_path / "sprung")
    else:
        weights["norm.bias"] = Trap(tmp_path / "sprung")
    torch.save(content, path, _use_new_zipfile_serialization=not legacy)
    with pytest.raises(MimicError, match=r"holds (posix|nt)\.mkdir, which could run code") as caught:
        load_pretrained(path, heads=2)
    assert not (tmp_path / "sprung").exists()
    assert "only the parameters" in caught.value.remedy
    torch.load(path, weights_only=False)
    assert (tmp_path / "sprung").exists()  # the trap works


def test_a_bare_pickle_is_not_run(path, tmp_path):
    path.write_bytes(pickle.dumps(Trap(tmp_path / "sprung"), protocol=2))
    with pytest.raises(MimicError):
        load_pretrained(path)
    assert not (tmp_path / "sprung").exists()


def test_numpy_arrays_and_objects_are_not_read(encoder, path):
    torch.save({"model": encoder.state_dict(), "epoch": np.zeros(2)}, path)
    with pytest.raises(MimicError, match=r"holds numpy\..*_reconstruct"):
        load_pretrained(path, heads=2)
    for code, order in (("O8", "|"), ("f8", "O")):
        kind = NumberType(code, False, True)
        kind.__setstate__((3, order, None, None, None, -1, -1, 0))
        with pytest.raises(pickle.UnpicklingError, match="object"):
            number(kind, bytes(8))


@pytest.mark.parametrize("scalar", [np.float64(1.5), np.int64(-3), np.bool_(True), np.float32(0.25)])
def test_numpy_scalars_are_plain_numbers(tmp_path, scalar):
    torch.save({"epoch": scalar}, tmp_path / "a.pth")
    assert read_pickle(tmp_path / "a.pth") == {"epoch": scalar.item()}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "empty"),
        (b"this is no pickle", "not a checkpoint that torch wrote"),
        (b"PK\x03\x04 nor a zip file", "not a checkpoint that torch wrote"),
        (b"\x80\x02", "not a checkpoint that torch wrote"),
    ],
)
def test_files_that_are_no_checkpoints(path, content, message):
    path.write_bytes(content)
    with pytest.raises(MimicError, match=message) as caught:
        load_pretrained(path)
    assert caught.value.where == str(path) and caught.value.remedy


@pytest.mark.parametrize("legacy", [False, True])
@pytest.mark.parametrize("share", [0.1, 0.5, 0.99])
def test_a_checkpoint_that_is_cut_off(encoder, path, legacy, share):
    torch.save({"model": encoder.state_dict()}, path, _use_new_zipfile_serialization=not legacy)
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(MimicError, match="cut off"):
        load_pretrained(path, heads=2)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"epoch": 3, "args": argparse.Namespace()}, "values that are not tensors: args, epoch"),
        ({"model": {}}, "no parameters"),
        ({}, "an empty dict"),
        ([torch.zeros(2)], "a list"),
        ({"model": {"layer1.0.conv1.weight": torch.zeros(2)}}, r"no known layout.*layer1\.0\.conv1\.weight"),
        ({"blocks.0.0.conv.weight": torch.zeros(2)}, r"patch_embed\.proj\.weight is missing"),
    ],
)
def test_checkpoints_that_are_no_encoders(path, content, message):
    torch.save(content, path)
    with pytest.raises(MimicError, match=message):
        load_pretrained(path)


def without(name):
    return lambda weights: weights.pop(name)


def put(name, *shape):
    return lambda weights: weights.update({name: torch.zeros(shape)})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (put("blocks.1.ls1.gamma", 16), r"unexpected blocks\.1\.ls1\.gamma"),
        (put("reg_token", 1, 4, 16), "unexpected reg_token"),
        (without("blocks.1.attn.qkv.bias"), r"missing blocks\.1\.attn\.qkv\.bias"),
        (without("norm.weight"), r"missing norm\.weight"),
        (put("blocks.1.mlp.fc2.weight", 16, 64), r"fc2\.weight has the shape \(16, 64\), not \(16, 48\)"),
        (put("patch_embed.proj.weight", 16, 1, 16, 16), r"\(16, 1, 16, 16\), not \(16, 3, 16, 16\)"),
        (put("pos_embed", 1, 7, 16), "6 positions do not form a square grid"),
        (put("pos_embed", 1, 5, 12), r"pos_embed has the shape \(1, 5, 12\), not \(1, 5, 16\)"),
        (put("pos_embed", 5), r"pos_embed has the shape \(5,\)"),
        (put("blocks.0.mlp.fc1.weight", 0, 16), r"fc1\.weight has the shape \(0, 16\)"),
        (without("pos_embed"), "no positions"),
    ],
)
def test_parameters_that_do_not_fit(encoder, path, change, message):
    weights = dict(encoder.state_dict())
    change(weights)
    torch.save({"model": weights}, path)
    with pytest.raises(MimicError, match=message):
        load_pretrained(path, heads=2)


def test_heads_have_to_be_stated_for_unusual_widths(encoder, path):
    torch.save({"model": encoder.state_dict()}, path)
    with pytest.raises(MimicError, match="how many heads the 16"):
        load_pretrained(path)
    with pytest.raises(MimicError, match="width, depth and heads"):
        load_pretrained(path, heads=0)
    with pytest.raises(MimicError, match="does not divide into 3 heads"):
        load_pretrained(path, heads=3)
