"""A flipped bit in what one stage wrote and another reads."""

from __future__ import annotations

import json
from pathlib import Path

from cases.base import Seen, case, seen
from cases.running import call, script

IMPORTED = ("mimic_core.finetune.run", "mimic_core.pretrain", "timm")

# --- P3: a flipped bit ------------------------------------------------------------------------------------------------


def save_run(folder: Path) -> None:
    """In a worker: an encoder with the receipt of the pretraining that wrote it, and a small NYUv2."""
    from unit.finetune.tiny import write_nyuv2

    from mimic_core.kit.receipts import Receipt
    from mimic_core.models import save_encoder
    from mimic_core.models.weights import build_encoder

    run = folder / "results" / "pretrain" / "x"
    run.mkdir(parents=True)
    small = {"image_size": 32, "patch_size": 16, "width": 16, "depth": 4, "heads": 2, "mlp_ratio": 2}
    save_encoder(run / "encoder.safetensors", build_encoder(small, 0), {})
    Receipt("pretrain", {}).write(run / "receipt.json", [run / "encoder.safetensors"])
    write_nyuv2(folder / "nyuv2")


def finetune(folder: Path, encoder: str, out: str) -> tuple[int, str]:
    """In a worker: the script of the rule finetune_run."""
    settings = {"task": "depth", "mode": "frozen", "encoder": "x", "image_size": 32, "epochs": 1, "warmup_epochs": 0}
    settings |= {"batch_size": 4, "precision": "fp32", "head": {"feature": 8, "layer_dims": [8, 8, 8, 8]}}
    words = ["--encoder", encoder, "--data", folder / "nyuv2", "--out", folder / out]
    return script("finetune_run", *words, "--settings", json.dumps(settings))


@case(
    "P3",
    "encoder.safetensors of a pretraining with one bit flipped, fine-tuned from (finetune_run)",
    right="refused by name: it does not match its receipt; unchanged, it is read",
    write=lambda folder: call(save_run, folder),
)
def encoder_flip(folder: Path) -> Seen:
    encoder = folder / "results" / "pretrain" / "x" / "encoder.safetensors"
    whole = call(finetune, folder, str(encoder), "whole").value or (None, "lost")
    data = bytearray(encoder.read_bytes())
    data[-4001 % len(data)] ^= 64
    encoder.write_bytes(data)
    code, said = call(finetune, folder, str(encoder), "flipped").value or (None, "lost")
    return seen(
        f"whole: rc {whole[0]}; flipped: rc {code}, {said[-400:]}",
        whole_is_read=whole[0] == 0 and (folder / "whole" / "metrics.json").is_file(),
        flipped_is_refused=code == 1 and not (folder / "flipped" / "metrics.json").is_file(),
        it_is_named=str(encoder) in said and "receipt" in said,
        no_traceback="Traceback" not in said,
    )


# --- P2: a flipped bit in what pretraining reads ----------------------------------------------------------------------


def save_dataset(folder: Path) -> None:
    """In a worker: a small dataset, its manifest and its shard with the receipts of the jobs that wrote them."""
    from unit.pretrain.conftest import make_manifest

    from mimic_core.kit.receipts import Receipt

    manifest = make_manifest(folder / "d1", count=8)
    Receipt("datasets", {}).write(folder / "d1" / "receipt.json", [manifest])
    Receipt("pairs", {}).write(folder / "d1" / "shard.receipt.json", [folder / "d1" / "shard.tar"])


def pretrain(folder: Path, out: str) -> tuple[int, str]:
    """In a worker: the script of the rule pretrain_run."""
    from unit.pretrain.conftest import BLOCK

    block = {**BLOCK, "epochs": 1, "warmup_epochs": 0, "validation_every": 1}
    where = ["--manifest", folder / "d1" / "manifest.parquet", "--out", folder / out]
    where += ["--checkpoints", folder / out / "checkpoints", "--seed", 0]
    return script("pretrain_run", *where, "--settings", json.dumps(block))


def judge_flipped(folder: Path, name: str) -> Seen:
    """Pretrain on the dataset as it was written, and with a bit in the middle of a file flipped."""
    path = folder / "d1" / name
    whole = call(pretrain, folder, "whole").value or (None, "lost")
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    code, said = call(pretrain, folder, "flipped").value or (None, "lost")
    return seen(
        f"whole: rc {whole[0]}; flipped: rc {code}, {said[-400:]}",
        whole_is_read=whole[0] == 0 and (folder / "whole" / "encoder.safetensors").is_file(),
        flipped_is_refused=code == 1 and not (folder / "flipped" / "encoder.safetensors").is_file(),
        it_is_named=str(path) in said and "receipt" in said,
        no_traceback="Traceback" not in said,
    )


@case(
    "P2",
    "manifest.parquet of a dataset with one bit flipped, pretrained on (pretrain_run)",
    right="refused by name: it does not match its receipt; unchanged, it is read",
    write=lambda folder: call(save_dataset, folder),
)
def manifest_flip(folder: Path) -> Seen:
    return judge_flipped(folder, "manifest.parquet")


@case(
    "P2b",
    "a shard's tar with one bit flipped, pretrained on (pretrain_run)",
    right="refused by name: it does not match its receipt; unchanged, it is read",
    write=lambda folder: call(save_dataset, folder),
)
def shard_flip(folder: Path) -> Seen:
    return judge_flipped(folder, "shard.tar")
