# datasets: which retained pairs a dataset is made of; a manifest, no pixel copied.


rule assemble:
    input:
        pairs=lambda wildcards: shard_files("pairs", DATASET_SOURCES[wildcards.dataset], "pairs.parquet"),
        receipts=lambda wildcards: shard_files("pairs", DATASET_SOURCES[wildcards.dataset], "receipt.json"),
        tests=expand("results/finetune/{task}/test_hashes.parquet", task=config["leaks"]["tasks"]),
        tests_receipts=expand("results/finetune/{task}/test_hashes.receipt.json", task=config["leaks"]["tasks"]),
    output:
        manifest="results/datasets/{dataset}/manifest.parquet",
        card="results/datasets/{dataset}/card.md",
        receipt="results/datasets/{dataset}/receipt.json",
    log:
        "results/logs/datasets/{dataset}.log",
    benchmark:
        "results/benchmarks/datasets/{dataset}.tsv"
    conda:
        "../envs/mining.yaml"
    resources:
        # the tables, held and sorted
        mem_mb=lambda wildcards, input, attempt: attempt * (1000 + 4 * input.size_mb) + SNAKEMAKES,
        runtime=minutes(60),
    params:
        composition=lambda wildcards: as_json(DATASET_SOURCES[wildcards.dataset]),
        mining=as_json(config["pairs"]),
        leaks=as_json({key: config["leaks"][key] for key in ("bits", "leave_out")}),
        scale=config["scale"],
        seed=config["seed"],
    message:
        "Assembling {wildcards.dataset}"
    shell:
        "python {SCRIPTS:q}/assemble.py --name {wildcards.dataset:q} --composition {params.composition:q}"
        " --pairs {input.pairs:q} --receipts {input.receipts:q} --tests {input.tests:q} --leaks {params.leaks:q}"
        " --mining {params.mining:q} --scale {params.scale:q} --seed {params.seed:q} --manifest {output.manifest:q}"
        " --card {output.card:q} --receipt {output.receipt:q} > {log:q} 2>&1"
