import json
import runpy
from pathlib import Path

import pandas as pd
import pytest
import torch
from unit.pretrain.conftest import OPTIONS

from mimic_core.kit.errors import MimicError
from mimic_core.kit.program import run
from mimic_core.models import load_pretrained
from mimic_core.models.weights import read_header
from mimic_core.objectives import load_model

SCRIPT = Path(__file__).parents[3] / "workflow_scripts" / "pretrain_run.py"

main = runpy.run_path(str(SCRIPT))["main"]


def arguments(manifest, folder, block, seed=0):
    return [
        *("--manifest", str(manifest), "--out", str(folder / "out"), "--checkpoints", str(folder / "checkpoints")),
        *("--settings", json.dumps(block), "--seed", str(seed)),
    ]


@pytest.mark.parametrize("model", ["mae", "croco", "dino"])
def test_the_command_leaves_encoder_metrics_and_receipt(manifest, tmp_path, block, model):
    block |= {"model": model, "epochs": 2, "options": OPTIONS.get(model, {})}
    main(arguments(manifest, tmp_path, block))
    out = tmp_path / "out"
    assert {path.name for path in out.iterdir()} == {
        "encoder.safetensors",
        "model.safetensors",
        "metrics.csv",
        "receipt.json",
        "tensorboard",
    }
    encoder = load_pretrained(out / "encoder.safetensors")
    whole = load_model(out / "model.safetensors")
    assert type(whole).__name__.lower() == model
    for name, value in whole.encoder().state_dict().items():
        assert torch.equal(value, encoder.state_dict()[name]), name
    assert encoder(torch.zeros(1, 3, 32, 32)).shape == (1, 17, 16)
    assert read_header(out / "encoder.safetensors")["metadata"]["model"] == model

    receipt = json.loads((out / "receipt.json").read_text())
    found = receipt["statistics"]
    assert receipt["stage"] == "pretrain"
    assert list(receipt["inputs"]) == [str(manifest)]
    assert len(receipt["outputs"]) == 3
    assert (found["pairs"], found["training_pairs"], found["validation_pairs"]) == (16, 12, 4)
    assert (found["model"], found["dataset"], found["epochs"]) == (model, "tiny", 2)
    table = pd.read_csv(out / "metrics.csv")
    assert found["iterations"] == table["iteration"].iloc[-1]
    assert found["last_loss"] == pytest.approx(table["loss"].iloc[-1], rel=1e-4)
    assert found["val_loss_first"] == pytest.approx(table["val_loss"].iloc[0], rel=1e-4)
    assert (found["cross_view_gain"] is not None) == (model == "croco")
    assert found["parameters"] > 0
    assert found["pairs_per_second"] > 0


def test_same_seed_same_bytes(manifest, tmp_path, block):
    block |= {"epochs": 1}
    for name in ("first", "second"):
        main(arguments(manifest, tmp_path / name, block))
    for file in ("encoder.safetensors", "model.safetensors"):
        first, second = (tmp_path / name / "out" / file for name in ("first", "second"))
        assert first.read_bytes() == second.read_bytes()


def test_a_failed_command_says_why_and_leaves_nothing(manifest, tmp_path, block, capsys):
    with pytest.raises(SystemExit) as caught:
        run(main, arguments(manifest, tmp_path, block | {"epochz": 2}))
    assert caught.value.code == 1
    said = capsys.readouterr().err
    assert "unknown key 'epochz'" in said
    assert "did you mean 'epochs'?" in said
    assert "Traceback" not in said
    assert list(tmp_path.iterdir()) == []


def test_a_finished_run_is_done_again_on_other_data(manifest, tmp_path, block, write_manifest):
    block |= {"epochs": 1}
    other = write_manifest(tmp_path / "other", count=12)
    main(arguments(manifest, tmp_path, block))
    main(arguments(other, tmp_path, block))
    main(arguments(other, tmp_path / "alone", block))
    encoders = [folder / "out" / "encoder.safetensors" for folder in (tmp_path, tmp_path / "alone")]
    assert encoders[0].read_bytes() == encoders[1].read_bytes()


def test_an_image_that_cannot_be_read_is_named(tmp_path, block, write_manifest):
    manifest = write_manifest(tmp_path / "dataset")
    shard = tmp_path / "dataset" / "shard.tar"
    shard.write_bytes(shard.read_bytes()[:2000])
    with pytest.raises(MimicError, match=r"pair \d+ .* cannot be read") as caught:
        main(arguments(manifest, tmp_path, block))
    assert caught.value.where == str(shard)
    assert not (tmp_path / "out" / "receipt.json").exists()
