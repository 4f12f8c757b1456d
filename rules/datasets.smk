# datasets: select the pairs of each dataset and write a manifest; no images are copied.


rule assemble:
    input:
        pairs=lambda wildcards: wiring.datasets.pair_files(config, wildcards.dataset, "pairs.parquet"),
        receipts=lambda wildcards: wiring.datasets.pair_files(config, wildcards.dataset, "receipt.json"),
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
        # the tables are sorted in memory
        mem_mb=lambda wildcards, input, attempt: memory(1000 + 4 * input.size_mb)(wildcards, attempt),
        runtime=minutes(60),
    params:
        script=untracked(SCRIPTS / "assemble.py"),
        composition=lambda wildcards: as_json(wiring.datasets.composition(config, wildcards.dataset)),
        mining=as_json(config["pairs"]),
        leaks=as_json({key: config["leaks"][key] for key in ("bits", "leave_out")}),
        scale=config["scale"],
        seed=config["seed"],
    message:
        "Assembling {wildcards.dataset}"
    shell:
        "python {params.script:q} --name {wildcards.dataset:q} --composition {params.composition:q}"
        " --pairs {input.pairs:q} --receipts {input.receipts:q} --tests {input.tests:q} --leaks {params.leaks:q}"
        " --mining {params.mining:q} --scale {params.scale:q} --seed {params.seed:q} --manifest {output.manifest:q}"
        " --card {output.card:q} --receipt {output.receipt:q} > {log:q} 2>&1"
