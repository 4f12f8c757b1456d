# pairs: measure every candidate pair of a shard; store the retained pairs with their correspondences.


rule pairs_shard:
    input:
        tar="results/frames/{source}/{shard}.tar",
        views="results/frames/{source}/{shard}.views.parquet",
        frames_receipt="results/frames/{source}/{shard}.receipt.json",
    output:
        candidates="results/pairs/{source}/{shard}.candidates.parquet",
        pairs="results/pairs/{source}/{shard}.pairs.parquet",
        tar="results/pairs/{source}/{shard}.tar",
        receipt="results/pairs/{source}/{shard}.receipt.json",
    log:
        "results/logs/pairs/{source}-{shard}.log",
    benchmark:
        "results/benchmarks/pairs/{source}-{shard}.tsv"
    conda:
        "../envs/mining.yaml"
    resources:
        mem_mb=memory(600),  # features of 32 views and a group of table rows, for any length of shard
        runtime=minutes(240),  # 3000 samples of 128 candidates at 0.5 s per sample, several scenes per shard
    params:
        script=untracked(SCRIPTS / "pairs_shard.py"),
        adapter=lambda wildcards: config["sources"][wildcards.source]["adapter"],
        settings=lambda wildcards: as_json(config["pairs"], config["sources"][wildcards.source]["pairs"]),
        seed=config["seed"],
    message:
        "Mining pairs of {wildcards.source}, shard {wildcards.shard}"
    shell:
        "python {params.script:q} --source {wildcards.source:q} --adapter={params.adapter:q}"
        " --frames-tar {input.tar:q} --views {input.views:q} --settings {params.settings:q} --seed {params.seed:q}"
        " --candidates {output.candidates:q} --pairs {output.pairs:q} --tar {output.tar:q} --receipt {output.receipt:q}"
        " > {log:q} 2>&1"
