"""The rule of table 4: what it reads of the config's files that may come later."""

from mimic_core.config import wiring


def inputs_of(inception: str) -> dict:
    """Inputs of one model's job."""
    reconstruction = {
        "dataset": "held-out",
        "encoders": ["croco"],
        "frechet_encoder": "",
        "inception": inception,
    }
    datasets = {"held-out": {"include": [], "pairs": {"gibson": "all"}}}
    sources = {"gibson": {"shards": 1}}
    config = {"reconstruction": reconstruction, "baselines": {}, "datasets": datasets, "sources": sources}
    return wiring.reconstruction.files(config, "croco")


def test_inceptions_weights_are_an_input_once_they_are_there(tmp_path):
    weights = tmp_path / "inception.pth"
    before = inputs_of(str(weights))
    assert before["model"] == "results/pretrain/croco/model.safetensors" and "inception" not in before
    weights.write_bytes(b"weights")
    assert inputs_of(str(weights)) == {**before, "inception": str(weights)}
    assert inputs_of("") == before
