"""Run the stage ``pretrain``: read a manifest; write the encoder, the full model, the metrics and a receipt."""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from mimic_core.datasets import PairDataset
from mimic_core.kit.files import file_hash
from mimic_core.kit.receipts import Receipt
from mimic_core.kit.verify import SHA256, InputCheck, with_receipts
from mimic_core.machine.devices import PRECISIONS, cpu_threads
from mimic_core.objectives import save_model
from mimic_core.pretrain.distributed import processes
from mimic_core.pretrain.loop import Trainer
from mimic_core.pretrain.metrics import measured, summary, write_metrics
from mimic_core.pretrain.recorder import epoch_encoder
from mimic_core.pretrain.settings import PretrainSettings

log = logging.getLogger("mimic")


def pretrain(
    manifest: str | Path,
    out_dir: str | Path,
    checkpoint_dir: str | Path,
    settings: Mapping[str, Any],
    seed: int,
    allow_changed: Collection[str] = (),
) -> None:
    """Pretrain on a dataset of pairs.

    Write ``encoder.safetensors``, ``model.safetensors`` (with the decoder), ``metrics.csv`` and, last,
    ``receipt.json``. Called again with the same arguments, an interrupted run resumes from its newest checkpoint.

    Args:
        manifest: the dataset's ``manifest.parquet``.
        out_dir: folder of the four files.
        checkpoint_dir: folder of the checkpoints; it may be deleted once the receipt exists.
        settings: the config block that :meth:`PretrainSettings.from_dict` reads.
        seed: the config's seed.
        allow_changed: dotted keys in which an unfinished run may differ from its checkpoint (``settings.epochs``).

    The manifest and the shards are checked against their receipts. The main process checks the shards in a background
    thread; training stops if one is damaged.

    Raises:
        MimicError: invalid settings, checkpoints of another run, a loss that is not finite, a stop signal, or an input
            that does not match its receipt.
    """
    chosen = PretrainSettings.from_dict(settings)
    out_dir = Path(out_dir)
    with cpu_threads(chosen.threads), processes() as world:
        receipt = Receipt("pretrain", {**chosen.to_dict(), "seed": seed}, [manifest])
        receipt.check_written([manifest])
        dataset = PairDataset(manifest)
        data_hash = receipt.read.get(Path(manifest), "").removeprefix(SHA256) or file_hash(manifest)
        shards = InputCheck(with_receipts(dataset.shards) if world.main else [])
        metrics = out_dir / "metrics.csv"
        trainer = Trainer(dataset, chosen, seed, world, Path(checkpoint_dir), metrics, data_hash, allow_changed, shards)
        trainer.run()
        receipt.read |= world.agree(shards.finish)
        if world.main:
            receipt.inputs += list(shards.found)
            receipt.statistics = statistics(trainer)
            write_outputs(trainer, receipt, out_dir)
        world.wait()


def statistics(trainer: Trainer) -> dict[str, Any]:
    """Return the statistics of a finished run that the report needs."""
    rows, settings, batches = trainer.state.rows, trainer.settings, trainer.batches
    rates = measured(rows, "pairs_per_s")
    return {
        "model": settings.model,
        "dataset": settings.dataset,
        "pairs": len(trainer.dataset),
        "training_pairs": len(batches.training),
        "validation_pairs": len(batches.held_out),
        "epochs": settings.epochs,
        "iterations": trainer.iterations,
        "effective_batch": batches.effective_batch,
        "processes": trainer.world.count,
        "device": trainer.world.device.type,
        "precision": next(name for name, kind in PRECISIONS.items() if kind == trainer.precision),
        "first_loss": trainer.state.first_loss,
        **summary(rows),
        "pairs_per_second": sum(rates) / len(rates),
        "training_seconds": trainer.state.seconds,
        "parameters": sum(parameter.numel() for parameter in trainer.model.parameters()),
    }


def write_outputs(trainer: Trainer, receipt: Receipt, out_dir: Path) -> None:
    """Write the encoder, the full model, the metrics (again, since a finished run may be called again) and the receipt.

    The receipt also lists the encoders that were saved during training.
    """
    encoder, model, metrics = (out_dir / name for name in ("encoder.safetensors", "model.safetensors", "metrics.csv"))
    names = ("model", "dataset", "training_pairs", "epochs", "iterations", "effective_batch")
    about = {name: receipt.statistics[name] for name in names}
    trainer.objective.save_encoder(encoder, trainer.model.encoder(), about)
    save_model(model, trainer.model, about)
    write_metrics(metrics, trainer.state.rows)
    asked = [epoch_encoder(metrics, epoch) for epoch in trainer.settings.save_encoders_at]
    epochs = [path for path in asked if path.is_file()]  # missing if requested after the run had finished
    receipt.write(out_dir / "receipt.json", [encoder, model, metrics, *epochs], trainer.state.encoders)
    found = receipt.statistics
    log.info("loss %.4f -> %.4f", found["first_loss"], found["last_loss"])
    if found["cross_view_gain"] is not None:
        log.info("validation %.4f, cross-view gain %.4f", found["val_loss"], found["cross_view_gain"])
