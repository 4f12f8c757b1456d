# pretrain: one encoder a run. Checkpoints lie in a folder named in params, where a crash cannot take them.

import re


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
    "nodes",
    "pictures_every",
    "processes",
    "threads",
)


def deciding_settings(run):
    """Settings that decide what comes out, beside the seed: an edit of one makes the run anew."""
    return {key: value for key, value in run_settings(run).items() if key not in (*HANDLED, "seed", "epoch_of")}


def handling(run):
    """Settings of a run's handling that its command line takes."""
    passed = set(HANDLED) - {"nodes", "processes", "allow_changed"}
    return {key: value for key, value in run_settings(run).items() if key in passed}


def processes(wildcards):
    """Processes of a run on each of its nodes."""
    return run_settings(wildcards.run)["processes"]


def nodes(wildcards):
    """Nodes that a run shares its work over."""
    return run_settings(wildcards.run)["nodes"]


def training_memory(wildcards, attempt):
    """Memory of a run on each of its nodes, in MB: of a process, its model, what CUDA holds, and its held images."""
    own = (6000 if ON_GPUS else 3000) + run_settings(wildcards.run)["cache_mib"]
    return attempt * processes(wildcards) * own + SNAKEMAKES


RUNTIME = 10080  # minutes: half of MIMIC-3M on 8 GPUs; not more with every attempt, which goes on from a checkpoint
RUNS_ON_NODES = [run for run in config["pretrain"]["runs"] if run_settings(run)["nodes"] > 1]

# No params: an edit of these makes no finished run run again.
HANDLING = as_json({run: handling(run) for run in config["pretrain"]["runs"]})
ALLOWED_CHANGES = config["pretrain"].get("allow_changed", [])


def dataset_files(wildcards):
    """The manifest a run reads, its receipt, the tars its rows point into, and whose pairs are an epoch."""
    run = run_settings(wildcards.run)
    dataset = run["dataset"]
    return {
        "epoch_of": [f"results/datasets/{run['epoch_of']}/receipt.json"] if "epoch_of" in run else [],
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
    threads: lambda wildcards: run_settings(wildcards.run)["threads"] * processes(wildcards)
    resources:
        # no params, as an edit makes no finished run run again
        nodes=1,
        processes=processes,
        gpu=lambda wildcards: processes(wildcards) * ON_GPUS,
        mem_mb=training_memory,
        runtime=RUNTIME,
    params:
        folder="results/pretrain/{run}",
        checkpoints="results/checkpoints/{run}",
        settings=lambda wildcards: as_json(deciding_settings(wildcards.run)),
        seed=lambda wildcards: run_settings(wildcards.run).get("seed", config["seed"]),
    message:
        "Pretraining {wildcards.run}"
    shell:
        "{LEASE} {resources.gpu:q} -- python -m mimic_core.machine.launch --nodes {resources.nodes:q}"
        " --processes {resources.processes:q} --cpus {threads:q} -- {SCRIPTS:q}/pretrain_run.py"
        " --manifest {input.manifest:q} --out {params.folder:q} --checkpoints {params.checkpoints:q}"
        " --settings {params.settings:q} --seed {params.seed:q} --epoch-of {input.epoch_of:q}"
        " --run {wildcards.run:q} --handling {HANDLING:q} --allow-changed {ALLOWED_CHANGES:q} > {log:q} 2>&1"


# The names of these resources are those that the SLURM executor reads.
use rule pretrain_run as pretrain_on_nodes with:
    wildcard_constraints:
        run="|".join(map(re.escape, RUNS_ON_NODES)) or "(?!)",
    resources:
        mpi="srun",  # the job starts its own srun
        nodes=nodes,
        tasks=nodes,
        tasks_per_gpu=0,  # the executor would make it of tasks
        slurm_extra=lambda wildcards: f"--gpus-per-node={processes(wildcards)}" if ON_GPUS else "",
        processes=processes,
        gpu=lambda wildcards: nodes(wildcards) * processes(wildcards) * ON_GPUS,
        mem_mb=training_memory,  # of each node
        runtime=RUNTIME,


ruleorder: pretrain_on_nodes > pretrain_run
