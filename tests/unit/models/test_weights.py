import json

import pytest
import torch
from safetensors.torch import load_file, save_file

from mimic_core.kit.errors import MimicError
from mimic_core.models import build_encoder, load_pretrained, save_encoder
from mimic_core.models.weights import HEADER, read_header

SIZES = {"image_size": 32, "width": 16, "depth": 2, "heads": 2, "mlp_ratio": 2}


@pytest.fixture
def saved(tmp_path):
    encoder = build_encoder(SIZES, seed=0).eval()
    path = tmp_path / "encoder.safetensors"
    save_encoder(path, encoder, {"dataset": "mimic-1m", "epochs": 3})
    return encoder, path


def rewrite(path, change, header=True):
    weights = load_file(path)
    change(weights)
    save_file(weights, path, {HEADER: json.dumps(read_header(path))} if header else None)


def test_round_trip(saved):
    encoder, path = saved
    loaded = load_pretrained(path)
    assert loaded.settings == encoder.settings
    assert not loaded.training
    images = torch.randn(1, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    assert torch.equal(loaded(images), encoder(images))
    assert read_header(path)["metadata"] == {"dataset": "mimic-1m", "epochs": 3}
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_same_encoder_same_bytes(saved, tmp_path):
    encoder, path = saved
    save_encoder(tmp_path / "again.safetensors", encoder, {"epochs": 3, "dataset": "mimic-1m"})
    assert (tmp_path / "again.safetensors").read_bytes() == path.read_bytes()


def test_every_parameter_that_does_not_fit_is_named(saved):
    _, path = saved

    def change(weights):
        weights["blocks.7.norm1.weight"] = weights.pop("blocks.1.norm1.weight")
        weights["cls_token"] = torch.zeros(1, 1, 8)

    rewrite(path, change)
    with pytest.raises(MimicError) as caught:
        load_pretrained(path)
    assert "missing blocks.1.norm1.weight" in caught.value.what
    assert "unexpected blocks.7.norm1.weight" in caught.value.what
    assert "cls_token has the shape (1, 1, 8), not (1, 1, 16)" in caught.value.what


def test_files_that_are_not_ours(saved, tmp_path):
    _, path = saved
    rewrite(path, lambda weights: None, header=False)
    with pytest.raises(MimicError, match="not an encoder that MIMIC wrote"):
        read_header(path)
    for content in (b"\x80\x04not a safetensors file", b""):
        path.write_bytes(content)
        with pytest.raises(MimicError, match="not an encoder that MIMIC wrote"):
            read_header(path)
        with pytest.raises(MimicError, match="not a safetensors file") as caught:
            load_pretrained(path)
        assert caught.value.where == str(path)
    (tmp_path / "mae.ckpt").write_bytes(b"")
    with pytest.raises(MimicError, match=r"\.ckpt") as caught:
        load_pretrained(tmp_path / "mae.ckpt")
    assert ".safetensors" in caught.value.remedy
    with pytest.raises(MimicError, match="no weights file"):
        load_pretrained(tmp_path / "absent.safetensors")


def test_a_file_of_ours_that_is_cut_off(saved):
    _, path = saved
    path.write_bytes(path.read_bytes()[:-1000])
    with pytest.raises(MimicError, match="cut off"):
        load_pretrained(path)


def test_a_header_without_the_later_settings_is_read_as_before(saved):
    encoder, path = saved
    header = read_header(path)
    for name in ("class_token", "positions"):
        del header["architecture"][name]
    save_file(load_file(path), path, {HEADER: json.dumps(header)})
    assert load_pretrained(path).settings == encoder.settings


@pytest.mark.parametrize("change", [{"class_token": False}, {"positions": "learned"}])
def test_round_trip_of_other_kinds(tmp_path, change):
    encoder = build_encoder(SIZES | change, seed=0).eval()
    save_encoder(tmp_path / "encoder.safetensors", encoder, {})
    loaded = load_pretrained(tmp_path / "encoder.safetensors")
    assert loaded.settings == encoder.settings
    images = torch.randn(1, 3, 48, 32, generator=torch.Generator().manual_seed(0))
    assert torch.equal(loaded(images), encoder(images))


def test_heads_that_contradict_the_file(saved):
    assert load_pretrained(saved[1], heads=2).settings.heads == 2
    with pytest.raises(MimicError, match="says 2 heads, but heads is 4"):
        load_pretrained(saved[1], heads=4)


def test_a_format_of_the_future_is_refused(saved):
    _, path = saved
    header = read_header(path) | {"format": 99}
    save_file(load_file(path), path, {HEADER: json.dumps(header)})
    with pytest.raises(MimicError, match="format 99"):
        load_pretrained(path)


def test_drop_path_for_fine_tuning(saved):
    assert load_pretrained(saved[1], drop_path=0.2).blocks[1].drop_path1.drop_prob == pytest.approx(0.2)
