# finetune: one task from one encoder in one mode, once a seed; and the constant prediction as the floor.

TASKS = config["finetune"]["tasks"]


def finetune_results(file):
    """A file of every fine-tuning result and of every constant baseline."""
    return expand(
        "results/finetune/{task}/{encoder}-{mode}/" + file,
        task=TASKS,
        encoder=config["finetune"]["encoders"],
        mode=config["finetune"]["modes"],
    ) + expand("results/finetune/{task}/constant/" + file, task=TASKS)


def encoder_files(wildcards):
    """The pretrained encoder and its receipt; random weights need neither."""
    if wildcards.encoder == "random":
        return {}
    folder = f"results/pretrain/{wildcards.encoder}"
    return {
        "encoder": f"{folder}/encoder.safetensors",
        "encoder_receipt": f"{folder}/receipt.json",
    }


def task_files(wildcards):
    """Receipt of the task's data where the sample world writes it."""
    return sample_task_files(wildcards.task) if TASKS[wildcards.task]["origin"] == "sample" else []


def task_settings(wildcards):
    """Settings of one job: the task's own, those all tasks share, and the shape of an encoder with random weights."""
    shared = {key: config["finetune"][key] for key in ("seeds", "precision", "threads")}
    task = {key: value for key, value in TASKS[wildcards.task].items() if key not in ("origin", "root")}
    names = {
        "task": wildcards.task,
        "mode": wildcards.mode,
        "encoder": wildcards.encoder,
    }
    architecture = {
        **config["pretrain"]["encoder"],
        "image_size": config["pretrain"]["image_size"],
    }
    return as_json(
        shared,
        task,
        names,
        architecture=architecture if wildcards.encoder == "random" else {},
    )


rule finetune_run:
    input:
        unpack(encoder_files),
        data=task_files,
    output:
        metrics="results/finetune/{task}/{encoder}-{mode}/metrics.json",
        predictions="results/finetune/{task}/{encoder}-{mode}/predictions.png",
        receipt="results/finetune/{task}/{encoder}-{mode}/receipt.json",
    log:
        "results/logs/finetune/{task}-{encoder}-{mode}.log",
    benchmark:
        "results/benchmarks/finetune/{task}-{encoder}-{mode}.tsv"
    conda:
        "../envs/pretrain.yaml"
    threads: config["finetune"]["threads"]
    resources:
        mem_mb=4000,  # every image of the task at its training size, and the features of a frozen encoder
        runtime=1440,  # minutes: 2000 epochs of NYUv2 on one GPU
        gpu=1 if config["scale"] == "paper" else 0,
    params:
        folder="results/finetune/{task}/{encoder}-{mode}",
        encoder=lambda wildcards, input: input.get("encoder", "random"),
        root=lambda wildcards: TASKS[wildcards.task]["root"],
        settings=task_settings,
        seed=config["seed"],
    message:
        "Fine-tuning {wildcards.encoder} ({wildcards.mode}) on {wildcards.task}"
    shell:
        "python {SCRIPTS}/finetune_run.py --encoder {params.encoder} --data {params.root:q} --out {params.folder}"
        " --settings {params.settings:q} --seed {params.seed} > {log} 2>&1"


rule constant_baseline:
    input:
        data=task_files,
    output:
        metrics="results/finetune/{task}/constant/metrics.json",
        receipt="results/finetune/{task}/constant/receipt.json",
    log:
        "results/logs/finetune/{task}-constant.log",
    benchmark:
        "results/benchmarks/finetune/{task}-constant.tsv"
    conda:
        "../envs/pretrain.yaml"
    resources:
        mem_mb=3000,  # every training target
        runtime=60,  # minutes
    params:
        folder="results/finetune/{task}/constant",
        root=lambda wildcards: TASKS[wildcards.task]["root"],
        settings=lambda wildcards: as_json(image_size=TASKS[wildcards.task]["image_size"], seed=config["seed"]),
    message:
        "Finding the best constant prediction for {wildcards.task}"
    shell:
        "python {SCRIPTS}/constant_baseline.py --task {wildcards.task} --data {params.root:q} --out {params.folder}"
        " --settings {params.settings:q} > {log} 2>&1"
