"""MIMIC: from plain videos and 3D scenes to pairs, datasets, pretrained encoders and the paper's tables.

Stages, each a file in rules/, a package in mimic_core/ and a block of config.yaml:
frames -> pairs -> datasets -> pretrain -> finetune, reconstruction -> report
"""

from pathlib import Path

from snakemake.utils import min_version

min_version("9.27")

BASE = Path(workflow.basedir)


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
    task="depth|normals|segmentation|pose|classification",
    encoder="[A-Za-z0-9][A-Za-z0-9_.@-]*",
    mode="frozen|whole",


# The menu: snakemake --cores all TARGET


rule all:
    default_target: True
    input:
        "results/table1.csv",
        "results/figures/figure2.png",
        expand("results/datasets/{name}/receipt.json", name=config["datasets"]),


rule sample:
    input:
        sample_files(),


rule frames:
    input:
        shard_files("frames", SOURCES, "receipt.json"),


rule pairs:
    input:
        shard_files("pairs", SOURCES, "receipt.json"),


rule datasets:
    input:
        expand("results/datasets/{name}/receipt.json", name=config["datasets"]),
        "results/report/sources.csv",


rule pretrain:
    input:
        expand("results/pretrain/{run}/receipt.json", run=config["pretrain"]["runs"]),


rule finetune:
    input:
        finetune_results("metrics.json"),


rule tables:
    input:
        expand("results/table{number}.csv", number=[1, 2, 3, 4, 7]),


rule report:
    input:
        expand("results/table{number}.csv", number=[1, 2, 3, 4, 7]),
        "results/figures/figure3a.png" if epoch_encoders() else [],
        "results/figures/figure3b.png",
        "results/report/pretraining.md",
        "results/report/sources.csv",
        "results/figures/figure2.png",
