# pretrain: train one encoder per run. Checkpoints are params, not outputs, so that Snakemake keeps them after a crash.

RUNTIME = 10080  # minutes: half of MIMIC-3M on 8 GPUs; the same for each attempt, which resumes from a checkpoint


rule pretrain_run:
    input:
        unpack(lambda wildcards: wiring.pretrain.files(config, wildcards.run)),
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
    threads: lambda wildcards: wiring.pretrain.threads(config, wildcards.run)
    resources:
        # resources rather than params, so that an edit does not rerun a finished run
        nodes=1,
        processes=lambda wildcards: wiring.pretrain.processes(config, wildcards.run),
        gpu=lambda wildcards: wiring.pretrain.gpus_per_node(config, wildcards.run),
        mem_mb=lambda wildcards, attempt: wiring.pretrain.memory(config, wildcards.run, attempt),
        runtime=RUNTIME,
    params:
        script=untracked(SCRIPTS / "pretrain_run.py"),
        gpus=untracked(config["gpus"]),
        folder="results/pretrain/{run}",
        checkpoints="results/checkpoints/{run}",
        settings=lambda wildcards: as_json(wiring.pretrain.deciding_settings(config, wildcards.run)),
        seed=lambda wildcards: wiring.pretrain.seed(config, wildcards.run),
        handling=untracked(wiring.pretrain.handling(config)),
        allowed_changes=untracked(wiring.pretrain.allowed_changes(config)),
    message:
        "Pretraining {wildcards.run}"
    shell:
        "python -m mimic_core.machine.gpus --gpus {resources.gpu:q} --of {params.gpus:q} -- python -m mimic_core.machine.launch"
        " --nodes {resources.nodes:q} --processes {resources.processes:q} --cpus {threads:q} -- {params.script:q}"
        " --manifest {input.manifest:q} --out {params.folder:q} --checkpoints {params.checkpoints:q}"
        " --settings {params.settings:q} --seed {params.seed:q} --epoch-of {input.epoch_of:q} --run {wildcards.run:q}"
        " --handling {params.handling:q} --allow-changed {params.allowed_changes:q} > {log:q} 2>&1"


# The SLURM executor requires these names of resources.
use rule pretrain_run as pretrain_on_nodes with:
    wildcard_constraints:
        run=wiring.pretrain.runs_on_nodes(config),
    resources:
        mpi="srun",  # the job calls srun itself
        nodes=lambda wildcards: wiring.pretrain.nodes(config, wildcards.run),
        tasks=lambda wildcards: wiring.pretrain.nodes(config, wildcards.run),
        tasks_per_gpu=0,  # otherwise the executor derives it from tasks
        slurm_extra=lambda wildcards: wiring.pretrain.slurm_extra(config, wildcards.run),
        processes=lambda wildcards: wiring.pretrain.processes(config, wildcards.run),
        gpu=lambda wildcards: wiring.pretrain.gpus_of_all_nodes(config, wildcards.run),
        mem_mb=lambda wildcards, attempt: wiring.pretrain.memory(config, wildcards.run, attempt),  # of each node
        runtime=RUNTIME,


ruleorder: pretrain_on_nodes > pretrain_run
