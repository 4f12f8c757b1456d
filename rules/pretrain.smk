# pretrain: one encoder a run. Checkpoints lie in a folder named in params, where a crash cannot take them.

import shlex


def run_settings(run):
    """Settings of a run: the shared ones, with what the run overrides."""
    shared = {key: value for key, value in config["pretrain"].items() if key != "runs"}
    return {**shared, **config["pretrain"]["runs"][run]}


# Settings that change how a run is handled and not what comes out of it.
HANDLED = (
    "allow_changed",
    "cache_mib",
    "checkpoint_minutes",
    "keep_checkpoints",
    "pictures_every",
    "processes",
    "threads",
)


def deciding_settings(run):
    """Settings that decide what comes out: an edit of one makes the run anew."""
    return {key: value for key, value in run_settings(run).items() if key not in HANDLED}


def handling(run):
    """Settings of a run's handling that its command line takes."""
    passed = set(HANDLED) - {"processes", "allow_changed"}
    return {key: value for key, value in run_settings(run).items() if key in passed}


def launcher(wildcards):
    """One process is started plainly, several by torchrun, which marks each line of the log with its process."""
    processes = run_settings(wildcards.run)["processes"]
    torchrun = f"python -m torch.distributed.run --standalone --nproc_per_node={processes} --tee=3"
    return "python" if processes == 1 else torchrun


# No params: an edit of these makes no finished run run again.
HANDLING = shlex.quote(as_json({run: handling(run) for run in config["pretrain"]["runs"]}))
ALLOWED_CHANGES = " ".join(map(shlex.quote, config["pretrain"].get("allow_changed", [])))


def dataset_files(wildcards):
    """The manifest a run reads, its receipt, and the tars its rows point into."""
    dataset = config["pretrain"]["runs"][wildcards.run]["dataset"]
    return {
        "manifest": f"results/datasets/{dataset}/manifest.parquet",
        "dataset_receipt": f"results/datasets/{dataset}/receipt.json",
        "tars": shard_files("pairs", DATASET_SOURCES[dataset], "tar"),
    }


rule pretrain_run:
    input:
        unpack(dataset_files),
    output:
        encoder="results/pretrain/{run}/encoder.safetensors",
        model="results/pretrain/{run}/model.safetensors",
        metrics="results/pretrain/{run}/metrics.csv",
        receipt="results/pretrain/{run}/receipt.json",
    log:
        "results/logs/pretrain/{run}.log",
    benchmark:
        "results/benchmarks/pretrain/{run}.tsv"
    conda:
        "../envs/pretrain.yaml"
    threads: lambda wildcards: run_settings(wildcards.run)["threads"] * run_settings(wildcards.run)["processes"]
    resources:
        mem_mb=lambda wildcards: 3000 + run_settings(wildcards.run)["cache_mib"],  # the model's own, and held images
        runtime=7200,  # minutes: 3.1 million pairs, 200 epochs on 8 GPUs
        gpu=lambda wildcards: (run_settings(wildcards.run)["processes"] if config["scale"] == "paper" else 0),
    params:
        folder="results/pretrain/{run}",
        checkpoints="results/checkpoints/{run}",
        launcher=launcher,
        settings=lambda wildcards: as_json(deciding_settings(wildcards.run)),
        seed=config["seed"],
    message:
        "Pretraining {wildcards.run}"
    shell:
        "{LEASE} {resources.gpu} -- {params.launcher} {SCRIPTS}/pretrain_run.py"
        " --manifest {input.manifest} --out {params.folder} --checkpoints {params.checkpoints}"
        " --settings {params.settings:q} --seed {params.seed}"
        " --run {wildcards.run} --handling {HANDLING} --allow-changed {ALLOWED_CHANGES} > {log} 2>&1"
