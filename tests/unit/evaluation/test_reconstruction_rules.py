"""The rule of table 4: what it reads of the config's files that may come later."""

import os
from pathlib import Path
from types import SimpleNamespace

from support import REPOSITORY


def inputs_of(inception: str) -> dict:
    """Inputs of one model's job: the functions above the rule, run with a config."""
    functions = (REPOSITORY / "rules/reconstruction.smk").read_text().partition("\nrule ")[0]
    given = {
        "config": {
            "reconstruction": {
                "dataset": "held-out",
                "encoders": ["croco"],
                "frechet_encoder": "",
                "inception": inception,
            }
        },
        "BASELINES": {},
        "FOUND_BASELINES": [],
        "DATASET_SOURCES": {"held-out": ["gibson"]},
        "Path": Path,
        "os": os,
        "shard_files": lambda stage, sources, suffix: [f"{stage}.{suffix}"],
    }
    exec(functions, given)  # noqa: S102 - they are the project's own
    return given["model_files"](SimpleNamespace(encoder="croco"))


def test_inceptions_weights_are_an_input_once_they_are_there(tmp_path):
    weights = tmp_path / "inception.pth"
    before = inputs_of(str(weights))
    assert before["model"] == "results/pretrain/croco/model.safetensors" and "inception" not in before
    weights.write_bytes(b"weights")
    assert inputs_of(str(weights)) == {**before, "inception": str(weights)}
    assert inputs_of("") == before
