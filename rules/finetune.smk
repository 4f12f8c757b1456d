# finetune: one task from one encoder in one mode, once a seed; few-shot; and the constant prediction as the floor.

TASKS = config["finetune"]["tasks"]
DENSE = ("depth", "normals")  # tasks of table 1, with a constant baseline
OBJECT = ("segmentation", "pose", "classification")  # tasks of table 2
PIXELWISE = ("depth", "segmentation", "normals")  # tasks of table 3
OPENMMLAB = ("segmentation", "pose")  # tasks that MMSegmentation and MMPose train
# Minutes: half as long again as whole training at the paper's scale on one GPU, by `mimic plan`
TASK_MINUTES = {"depth": 2400, "normals": 1440, "segmentation": 3600, "pose": 8640, "classification": 10080}
BASELINES = config["baselines"]
FEW_SHOT_ENCODERS = config["finetune"]["few_shot"]["encoders"]
FOUND_BASELINES = [
    name for name, baseline in BASELINES.items() if baseline["path"] and os.path.isfile(baseline["path"])
]


def modes(task):
    """Modes of a task: its own, else those of all tasks."""
    return TASKS[task].get("modes", config["finetune"]["modes"])


def compared_encoders():
    """The encoders of tables 1 and 2: those of the config, and every baseline whose file is there."""
    return [*config["finetune"]["encoders"], *FOUND_BASELINES]


def results(file, tasks, encoders=None, only=None):
    """A file of the results of tasks from encoders, in the modes of each task (of these, ``only``)."""
    return [
        f"results/finetune/{task}/{encoder}-{mode}/{file}"
        for task in tasks
        if task in TASKS
        for encoder in (compared_encoders() if encoders is None else encoders)
        for mode in modes(task)
        if only is None or mode in only
    ]


def constant_results(file):
    """A file of every constant baseline."""
    return expand("results/finetune/{task}/constant/" + file, task=[task for task in DENSE if task in TASKS])


def finetune_results(file):
    """A file of every fine-tuning result and of every constant baseline."""
    return results(file, TASKS) + constant_results(file)


def few_shot_encoders():
    """Encoders of figure 3b; of baselines, those whose file is there."""
    return [name for name in FEW_SHOT_ENCODERS if name not in BASELINES or name in FOUND_BASELINES]


def few_shot_results(file):
    """A file of every few-shot result."""
    few_shot = config["finetune"]["few_shot"]
    return expand(
        "results/few_shot/{task}/{encoder}-{images}/" + file,
        task=few_shot["tasks"],
        encoder=few_shot_encoders(),
        images=few_shot["train_images"],
    )


def epoch_encoders():
    """Encoders of figure 3a: every run that keeps those of single epochs, and its last."""
    kept = {run: run_settings(run)["save_encoders_at"] for run in config["pretrain"]["runs"]}
    return [name for run, epochs in kept.items() if epochs for name in (*(f"{run}@{epoch}" for epoch in epochs), run)]


def encoder_path(encoder):
    """File of an encoder: a baseline's own, a run's last, or that of one epoch (``run@epoch``)."""
    if encoder in BASELINES:
        return BASELINES[encoder]["path"]
    run, _, epoch = encoder.partition("@")
    return f"results/pretrain/{run}/" + (
        f"encoder-epoch-{int(epoch):04d}.safetensors" if epoch else "encoder.safetensors"
    )


def encoder_files(wildcards):
    """The pretrained encoder and its run's receipt; random weights need neither, a single epoch's only the receipt."""
    if wildcards.encoder == "random":
        return {}
    if wildcards.encoder in BASELINES:
        return {"encoder": encoder_path(wildcards.encoder)}
    run, _, epoch = wildcards.encoder.partition("@")
    receipt = {"encoder_receipt": f"results/pretrain/{run}/receipt.json"}
    return receipt if epoch else {"encoder": encoder_path(run), **receipt}


def task_files(wildcards):
    """Receipt of the task's data where the sample world writes it."""
    return sample_task_files(wildcards.task) if TASKS[wildcards.task]["origin"] == "sample" else []


def task_settings(task, encoder, mode, **more):
    """Settings of one job: the task's own, those all tasks share, and the shape of an encoder with random weights."""
    shared = {key: config["finetune"][key] for key in ("seeds", "precision", "threads")}
    own = {key: value for key, value in TASKS[task].items() if key not in ("origin", "root", "modes")}
    names = {"task": task, "mode": mode, "encoder": encoder}
    architecture = {**config["pretrain"]["encoder"], "image_size": config["pretrain"]["image_size"]}
    return as_json(shared, own, names, architecture=architecture if encoder == "random" else {}, **more)


def same_images(task):
    """The settings of a dense task that say which images it has and how they are cut out."""
    return {key: TASKS[task][key] for key in ("image_size", "protocol", "splits", "limits") if key in TASKS[task]}


rule test_hashes:
    input:
        data=task_files,
    output:
        hashes="results/finetune/{task}/test_hashes.parquet",
        receipt="results/finetune/{task}/test_hashes.receipt.json",
    log:
        "results/logs/finetune/{task}-test_hashes.log",
    benchmark:
        "results/benchmarks/finetune/{task}-test_hashes.tsv"
    conda:
        "../envs/pretrain.yaml"
    resources:
        mem_mb=memory(1500),  # a few hundred images of NYUv2, or COCO's annotations
        runtime=minutes(120),
    params:
        root=lambda wildcards: TASKS[wildcards.task]["root"],
        splits=lambda wildcards: as_json(TASKS[wildcards.task].get("splits", {})),
    message:
        "Hashing the test images of {wildcards.task}"
    shell:
        "python {SCRIPTS:q}/test_hashes.py --task {wildcards.task:q} --data={params.root:q} --splits {params.splits:q}"
        " --data-receipts {input.data:q} --hashes {output.hashes:q} --receipt {output.receipt:q} > {log:q} 2>&1"


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
    wildcard_constraints:
        task="depth|normals|classification",
    conda:
        "../envs/pretrain.yaml"
    threads: config["finetune"]["threads"]
    resources:
        mem_mb=memory(4000),  # every image of the task at its training size, and the features of a frozen encoder
        runtime=lambda wildcards, attempt: attempt * TASK_MINUTES[wildcards.task],
        gpu=1 if ON_GPUS else 0,
    params:
        folder="results/finetune/{task}/{encoder}-{mode}",
        encoder=lambda wildcards: "random" if wildcards.encoder == "random" else encoder_path(wildcards.encoder),
        root=lambda wildcards: TASKS[wildcards.task]["root"],
        settings=lambda wildcards: task_settings(wildcards.task, wildcards.encoder, wildcards.mode),
        seed=config["seed"],
    message:
        "Fine-tuning {wildcards.encoder} ({wildcards.mode}) on {wildcards.task}"
    shell:
        "{LEASE} {resources.gpu:q} -- python {SCRIPTS:q}/finetune_run.py --encoder={params.encoder:q}"
        " --data={params.root:q} --out {params.folder:q} --settings {params.settings:q} --seed {params.seed:q}"
        " --data-receipts {input.data:q} > {log:q} 2>&1"


use rule finetune_run as finetune_openmmlab with:
    output:
        metrics="results/finetune/{task}/{encoder}-{mode}/metrics.json",
        predictions="results/finetune/{task}/{encoder}-{mode}/predictions.png",
        config="results/finetune/{task}/{encoder}-{mode}/config.py",
        receipt="results/finetune/{task}/{encoder}-{mode}/receipt.json",
    wildcard_constraints:
        task="|".join(OPENMMLAB),
    conda:
        "../envs/openmmlab.yaml"


use rule finetune_run as few_shot_run with:
    output:
        metrics="results/few_shot/{task}/{encoder}-{images}/metrics.json",
        predictions="results/few_shot/{task}/{encoder}-{images}/predictions.png",
        receipt="results/few_shot/{task}/{encoder}-{images}/receipt.json",
    log:
        "results/logs/few_shot/{task}-{encoder}-{images}.log",
    benchmark:
        "results/benchmarks/few_shot/{task}-{encoder}-{images}.tsv"
    wildcard_constraints:
        task="depth|normals|classification|segmentation|pose",
        images="[0-9]+",
    conda:
        "../envs/openmmlab.yaml"
    params:
        folder="results/few_shot/{task}/{encoder}-{images}",
        encoder=lambda wildcards: "random" if wildcards.encoder == "random" else encoder_path(wildcards.encoder),
        root=lambda wildcards: TASKS[wildcards.task]["root"],
        settings=lambda wildcards: task_settings(
            wildcards.task,
            wildcards.encoder,
            "frozen",
            seeds=list(range(config["finetune"]["few_shot"]["draws"])),
            train_images=int(wildcards.images),
        ),
        seed=config["seed"],
    message:
        "Fine-tuning {wildcards.encoder} (frozen) on {wildcards.images} images of {wildcards.task}"


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
        # every training image and target: of Taskonomy's 800 at 384 pixels, 5,670 MB
        mem_mb=lambda wildcards, attempt: memory(3000 if TASKS[wildcards.task]["origin"] == "sample" else 7000)(
            wildcards, attempt
        ),
        runtime=minutes(240),  # 54,514 test images of Taskonomy are read twice: once to see that they can be
    params:
        folder="results/finetune/{task}/constant",
        root=lambda wildcards: TASKS[wildcards.task]["root"],
        settings=lambda wildcards: as_json(same_images(wildcards.task), seed=config["seed"]),
    message:
        "Finding the best constant prediction for {wildcards.task}"
    shell:
        "python {SCRIPTS:q}/constant_baseline.py --task {wildcards.task:q} --data={params.root:q}"
        " --out {params.folder:q} --settings {params.settings:q} --data-receipts {input.data:q} > {log:q} 2>&1"
