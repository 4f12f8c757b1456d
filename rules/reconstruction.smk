# reconstruction: models with a decoder reconstruct held-out pairs, with 90% of one view masked (table 4).


rule reconstruct_run:
    input:
        unpack(lambda wildcards: wiring.reconstruction.files(config, wildcards.encoder)),
    output:
        metrics="results/reconstruction/{encoder}/metrics.json",
        pictures="results/reconstruction/{encoder}/reconstructions.png",
        receipt="results/reconstruction/{encoder}/receipt.json",
    log:
        "results/logs/reconstruction/{encoder}.log",
    benchmark:
        "results/benchmarks/reconstruction/{encoder}.tsv"
    conda:
        "../envs/pretrain.yaml"
    threads: config["finetune"]["threads"]
    resources:
        mem_mb=memory(4000),  # a model and a batch of pairs
        runtime=minutes(60),
        gpu=gpus(config),
    params:
        script=untracked(SCRIPTS / "reconstruct_run.py"),
        gpus=untracked(config["gpus"]),
        folder="results/reconstruction/{encoder}",
        frechet=lambda wildcards, input: f"--frechet={input.frechet}" if "frechet" in input.keys() else "",
        settings=lambda wildcards: wiring.reconstruction.settings(config, wildcards.encoder),
        seed=config["seed"],
    message:
        "Reconstructing held-out pairs with {wildcards.encoder}"
    shell:
        "python -m mimic_core.machine.gpus --gpus {resources.gpu:q} --of {params.gpus:q} -- python {params.script:q} --model={input.model:q}"
        " --data {input.manifest:q} {params.frechet:q} --out {params.folder:q} --settings {params.settings:q}"
        " --seed {params.seed:q} > {log:q} 2>&1"
