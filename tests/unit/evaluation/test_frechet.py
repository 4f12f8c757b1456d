"""Laws of the Frechet distance, and the same number as torchmetrics gives for the same features."""

import importlib.util
import os

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mimic_core.evaluation.frechet import frechet_distance
from mimic_core.evaluation.reconstruction_features import FID, why_no_fid
from mimic_core.kit.errors import MimicError


class AsTheyAre(torch.nn.Module):
    """Takes images (B, D) for features."""

    num_features = 6

    def forward(self, images):
        return images


def features(seed, count=40, width=6):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(count, width)) @ rng.normal(size=(width, width)) + rng.normal(size=width)


def diagonal(mean, deviations):
    """Vectors of exactly this mean and this diagonal covariance."""
    width = len(deviations)
    steps = np.diag(np.asarray(deviations) * np.sqrt((2 * width - 1) / 2))
    return np.concatenate([steps, -steps]) + np.asarray(mean)


sets = st.tuples(st.integers(0, 1000), st.integers(2, 20), st.integers(1, 12))


@settings(max_examples=40, deadline=None)
@given(sets, st.integers(0, 1000), st.integers(2, 20), st.floats(-5, 5))
def test_laws(first, seed, count, move):
    one, other = features(*first), features(seed, count, first[2])
    scale = np.square(one).sum() + np.square(other).sum()
    distance = frechet_distance(one, other)
    assert distance >= 0
    assert frechet_distance(other, one) == pytest.approx(distance, abs=1e-12 * scale)
    assert frechet_distance(one, one) == pytest.approx(0, abs=1e-12 * scale)
    assert frechet_distance(one[::-1], other) == pytest.approx(distance, abs=1e-12 * scale)
    assert frechet_distance(one, one + move) == pytest.approx(move**2 * one.shape[1], abs=1e-12 * (scale + 1e3))
    assert frechet_distance(3 * one, 3 * other) == pytest.approx(9 * distance, abs=1e-11 * scale)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(*[st.floats(-9, 9)] * 2, *[st.floats(0, 9)] * 2), min_size=1, max_size=6))
def test_diagonal_gaussians_have_a_closed_form(axes):
    mean1, mean2, std1, std2 = np.array(axes).T
    expected = np.square(mean1 - mean2).sum() + np.square(std1 - std2).sum()
    assert frechet_distance(diagonal(mean1, std1), diagonal(mean2, std2)) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize(("count", "tolerance"), [(60, 1e-9), (4, 1e-5)])  # 4: their covariances are singular
def test_torchmetrics_gives_the_same(count, tolerance):
    from torchmetrics.image.fid import FrechetInceptionDistance  # takes seconds

    one, other = features(0, count), features(1, count)
    metric = FrechetInceptionDistance(AsTheyAre(), normalize=True)
    metric.update(torch.from_numpy(one), real=True)
    metric.update(torch.from_numpy(other), real=False)
    assert frechet_distance(one, other) == pytest.approx(metric.compute().item(), rel=tolerance)


def test_fewer_vectors_than_features_lose_no_digits():
    one = features(0, 5, 300)
    assert frechet_distance(one, one) < 1e-9
    assert frechet_distance(one, one[:, ::-1]) > 1


@pytest.mark.parametrize(
    ("one", "other", "words"),
    [
        (np.zeros((1, 3)), np.zeros((5, 3)), "1 and 5 images"),
        (np.zeros((5, 3)), np.zeros((5, 4)), "shapes"),
        (np.full((5, 3), np.nan), np.zeros((5, 3)), "not finite"),
    ],
)
def test_bad_features_are_refused(one, other, words):
    with pytest.raises(MimicError, match=words):
        frechet_distance(one, other)


def test_why_there_is_no_fid(tmp_path, monkeypatch):
    assert why_no_fid("") == "no file of Inception's weights is given"
    assert "absent.pth of Inception's weights is not there" in why_no_fid(tmp_path / "absent.pth")
    (tmp_path / "inception.pth").write_bytes(b"")
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert why_no_fid(tmp_path / "inception.pth") == "torch-fidelity is not installed"
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: object())
    assert why_no_fid(tmp_path / "inception.pth") == ""


@pytest.fixture
def inception(tmp_path, monkeypatch):
    """A file of random weights as torch-fidelity's Inception has them."""
    fidelity = pytest.importorskip("torch_fidelity.feature_extractor_inceptionv3")
    torch.manual_seed(0)
    with monkeypatch.context() as patch:
        patch.setattr(fidelity, "load_state_dict_from_url", lambda *_, **__: {})
        patch.setattr(fidelity.FeatureExtractorInceptionV3, "load_state_dict", lambda *_: None)
        model = fidelity.FeatureExtractorInceptionV3("inception-v3-compat", ["2048"])
    torch.save(model.state_dict(), tmp_path / "inception.pth")
    return tmp_path / "inception.pth"


def test_fid_of_a_local_file(inception, tmp_path):
    images = torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    fid = FID(inception, torch.device("cpu"))
    fid.add(images, 1 - images)
    true, painted = (
        fid.metric.inception((part * 255).round().to(torch.uint8)).double().numpy() for part in (images, 1 - images)
    )
    assert fid.value() == pytest.approx(frechet_distance(true, painted), rel=1e-3)
    torch.save({"Conv2d_1a_3x3.conv.weight": torch.zeros(2)}, tmp_path / "other.pth")
    with pytest.raises(MimicError, match="not Inception's weights"):
        FID(tmp_path / "other.pth", torch.device("cpu"))


@pytest.mark.parametrize("what", ["pipe", "folder", "numbers as names", "values that are not stored", "NaN", "damaged"])
def test_files_of_inceptions_weights_that_are_none(tmp_path, what):
    pytest.importorskip("torch_fidelity")
    path, name = tmp_path / "inception.pth", "Conv2d_1a_3x3.conv.weight"
    if what == "pipe":
        os.mkfifo(path)
    elif what == "folder":
        path.mkdir()
    elif what == "numbers as names":
        torch.save({3: torch.zeros(2)}, path)
    elif what == "values that are not stored":
        torch.save({name: torch.zeros(1).expand(1 << 40)}, path)
    elif what == "NaN":
        torch.save({name: torch.full((4,), float("nan"))}, path)
    else:
        torch.save({name: torch.ones(1000)}, path)
        path.write_bytes(path.read_bytes().replace(b"\0\0\x80\x3f" * 2, b"\0\0\x80\x3e" * 2, 1))
    with pytest.raises(MimicError, match="checksum" if what == "damaged" else "."):
        FID(path, torch.device("cpu"))
