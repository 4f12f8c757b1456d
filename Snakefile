"""MIMIC: from plain videos and 3D scenes to pairs, datasets, pretrained encoders and the paper's tables.

Each stage is a file in rules/, a package in mimic_core/ and a block of config.yaml:
frames -> pairs -> datasets -> pretrain -> finetune, reconstruction -> report
"""

from pathlib import Path

from snakemake.utils import min_version

min_version("9.27")

SNAKEFILE = workflow.snakefile
BASE = Path(workflow.current_basedir.get_path_or_uri(secret_free=True))  # also correct in a module


configfile: BASE / "config.yaml"


include: "rules/common.smk"
include: "rules/sample.smk"
include: "rules/frames.smk"
include: "rules/pairs.smk"
include: "rules/datasets.smk"
include: "rules/pretrain.smk"
include: "rules/finetune.smk"
include: "rules/reconstruction.smk"
include: "rules/report.smk"


wildcard_constraints:
    source="[A-Za-z0-9][A-Za-z0-9_-]*",
    shard="[0-9]+",
    dataset="[A-Za-z0-9][A-Za-z0-9_.-]*",
    run="[A-Za-z0-9][A-Za-z0-9_.-]*",
    task="|".join(TASKS),
    encoder="[A-Za-z0-9][A-Za-z0-9_.@-]*",
    mode="frozen|whole",


# Targets: snakemake --cores all TARGET


rule all:
    default_target: True
    input:
        "results/table1.csv",
        "results/figures/figure2.png",
        wiring.datasets.receipts(config["datasets"]),


rule sample:
    input:
        wiring.sample.every_file(config),


rule frames:
    input:
        wiring.datasets.every_shard(config, "frames", "receipt.json"),


rule pairs:
    input:
        wiring.datasets.every_shard(config, "pairs", "receipt.json"),


rule datasets:
    input:
        wiring.datasets.receipts(config["datasets"]),
        "results/report/sources.csv",


rule pretrain:
    input:
        wiring.pretrain.receipts(config["pretrain"]["runs"]),


rule finetune:
    input:
        wiring.finetune.every_result(config, "metrics.json"),


rule tables:
    input:
        expand("results/table{number}.csv", number=TABLES),


rule report:
    input:
        expand("results/table{number}.csv", number=TABLES),
        "results/figures/figure3a.png" if wiring.finetune.epoch_encoders(config) else [],
        "results/figures/figure3b.png",
        "results/report/pretraining.md",
        "results/report/sources.csv",
        "results/figures/figure2.png",
