# frames: the views of a shard of units, 224x224 JPEGs in a tar and a table of them.


def temp_unless_kept(path):
    """Views are deleted once their pairs are mined, unless ``frames.keep`` says otherwise."""
    return path if config["frames"]["keep"] else temp(path)


def raw_files(wildcards):
    """What must be there before a source can be read: nothing on disk, or what the sample world writes."""
    source = config["sources"][wildcards.source]
    files = sample_source_files(wildcards.source) if source["origin"] == "sample" else []
    receipts = [file for file in files if file.endswith(".json")]
    return {"raw": [file for file in files if file not in receipts], "raw_receipts": receipts}


rule frames_shard:
    input:
        unpack(raw_files),
    output:
        tar=temp_unless_kept("results/frames/{source}/{shard}.tar"),
        views="results/frames/{source}/{shard}.views.parquet",
        receipt="results/frames/{source}/{shard}.receipt.json",
    log:
        "results/logs/frames/{source}-{shard}.log",
    benchmark:
        "results/benchmarks/frames/{source}-{shard}.tsv"
    conda:
        "../envs/mining.yaml"
    resources:
        mem_mb=memory(1000),  # a scene's textures and mesh; a video is streamed
        runtime=minutes(240),  # 3000 walk samples of a large scene at 25 ms a view
    params:
        root=lambda wildcards: root_of(wildcards.source),
        adapter=lambda wildcards: config["sources"][wildcards.source]["adapter"],
        shards=lambda wildcards: config["sources"][wildcards.source]["shards"],
        settings=lambda wildcards: as_json(
            {key: value for key, value in config["frames"].items() if key != "keep"},
            config["sources"][wildcards.source]["frames"],
        ),
        seed=config["seed"],
    message:
        "Reading the views of {wildcards.source}, shard {wildcards.shard}"
    shell:
        "python {SCRIPTS:q}/frames_shard.py --source {wildcards.source:q} --adapter={params.adapter:q}"
        " --root={params.root:q} --shard {wildcards.shard:q} --shards {params.shards:q} --settings {params.settings:q}"
        " --seed {params.seed:q} --tar {output.tar:q} --views {output.views:q} --receipt {output.receipt:q}"
        " --raw-receipts {input.raw_receipts:q} > {log:q} 2>&1"
