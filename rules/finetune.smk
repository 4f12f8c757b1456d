# finetune: train one task from one encoder in one mode, once per seed; few-shot runs; the constant prediction as floor.


rule test_hashes:
    input:
        data=lambda wildcards: wiring.finetune.data_files(config, wildcards.task),
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
        script=untracked(SCRIPTS / "test_hashes.py"),
        root=lambda wildcards: wiring.finetune.root(config, wildcards.task),
        splits=lambda wildcards: as_json(config["finetune"]["tasks"][wildcards.task].get("splits", {})),
    message:
        "Hashing the test images of {wildcards.task}"
    shell:
        "python {params.script:q} --task {wildcards.task:q} --data={params.root:q} --splits {params.splits:q}"
        " --data-receipts {input.data:q} --hashes {output.hashes:q} --receipt {output.receipt:q} > {log:q} 2>&1"


rule finetune_run:
    input:
        unpack(lambda wildcards: wiring.finetune.encoder_files(config, wildcards.encoder)),
        data=lambda wildcards: wiring.finetune.data_files(config, wildcards.task),
    output:
        metrics="results/finetune/{task}/{encoder}-{mode}/metrics.json",
        predictions="results/finetune/{task}/{encoder}-{mode}/predictions.png",
        receipt="results/finetune/{task}/{encoder}-{mode}/receipt.json",
    log:
        "results/logs/finetune/{task}-{encoder}-{mode}.log",
    benchmark:
        "results/benchmarks/finetune/{task}-{encoder}-{mode}.tsv"
    wildcard_constraints:
        task="|".join(task_names(openmmlab=False)),
    conda:
        "../envs/pretrain.yaml"
    threads: config["finetune"]["threads"]
    resources:
        mem_mb=memory(4000),  # every image of the task at its training size, and the features of a frozen encoder
        runtime=lambda wildcards, attempt: attempt * TASKS[wildcards.task].minutes,
        gpu=gpus(config),
    params:
        script=untracked(SCRIPTS / "finetune_run.py"),
        gpus=untracked(config["gpus"]),
        folder="results/finetune/{task}/{encoder}-{mode}",
        encoder=lambda wildcards: wiring.finetune.encoder_path(config, wildcards.encoder),
        root=lambda wildcards: wiring.finetune.root(config, wildcards.task),
        settings=lambda wildcards: wiring.finetune.settings(config, wildcards.task, wildcards.encoder, wildcards.mode),
        seed=config["seed"],
    message:
        "Fine-tuning {wildcards.encoder} ({wildcards.mode}) on {wildcards.task}"
    shell:
        "python -m mimic_core.machine.gpus --gpus {resources.gpu:q} --of {params.gpus:q} -- python {params.script:q}"
        " --encoder={params.encoder:q} --data={params.root:q} --out {params.folder:q} --settings {params.settings:q}"
        " --seed {params.seed:q} --data-receipts {input.data:q} > {log:q} 2>&1"


use rule finetune_run as finetune_openmmlab with:
    output:
        metrics="results/finetune/{task}/{encoder}-{mode}/metrics.json",
        predictions="results/finetune/{task}/{encoder}-{mode}/predictions.png",
        config="results/finetune/{task}/{encoder}-{mode}/config.py",
        receipt="results/finetune/{task}/{encoder}-{mode}/receipt.json",
    wildcard_constraints:
        task="|".join(task_names(openmmlab=True)),
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
        task="|".join(TASKS),
        images="[0-9]+",
    conda:
        "../envs/openmmlab.yaml"
    params:
        script=untracked(SCRIPTS / "finetune_run.py"),
        gpus=untracked(config["gpus"]),
        folder="results/few_shot/{task}/{encoder}-{images}",
        encoder=lambda wildcards: wiring.finetune.encoder_path(config, wildcards.encoder),
        root=lambda wildcards: wiring.finetune.root(config, wildcards.task),
        settings=lambda wildcards: wiring.finetune.few_shot_settings(
            config, wildcards.task, wildcards.encoder, int(wildcards.images)
        ),
        seed=config["seed"],
    message:
        "Fine-tuning {wildcards.encoder} (frozen) on {wildcards.images} images of {wildcards.task}"


rule constant_baseline:
    input:
        data=lambda wildcards: wiring.finetune.data_files(config, wildcards.task),
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
        mem_mb=memory(lambda wildcards: wiring.finetune.constant_memory(config, wildcards.task)),
        runtime=minutes(240),  # Taskonomy's 54,514 test images are read twice: first to find unreadable ones
    params:
        script=untracked(SCRIPTS / "constant_baseline.py"),
        folder="results/finetune/{task}/constant",
        root=lambda wildcards: wiring.finetune.root(config, wildcards.task),
        settings=lambda wildcards: wiring.finetune.constant_settings(config, wildcards.task),
    message:
        "Finding the best constant prediction for {wildcards.task}"
    shell:
        "python {params.script:q} --task {wildcards.task:q} --data={params.root:q}"
        " --out {params.folder:q} --settings {params.settings:q} --data-receipts {input.data:q} > {log:q} 2>&1"
