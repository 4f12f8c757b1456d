# frames: list the units of each source once; write the views of each shard as 224x224 JPEGs in a tar, with a table.


rule source_units:
    input:
        unpack(lambda wildcards: wiring.frames.raw_files(config, wildcards.source)),
        unpack(lambda wildcards: wiring.frames.apart_from(config, wildcards.source)),
    output:
        units="results/frames/{source}/units.parquet",
        receipt="results/frames/{source}/units.receipt.json",
    log:
        "results/logs/frames/{source}-units.log",
    benchmark:
        "results/benchmarks/frames/{source}-units.tsv"
    conda:
        "../envs/mining.yaml"
    resources:
        mem_mb=memory(800),  # for any number of files: 25 million names are sorted in files under TMPDIR
        runtime=minutes(120),
    params:
        script=untracked(SCRIPTS / "source_units.py"),
        root=lambda wildcards: wiring.frames.root(config, wildcards.source),
        adapter=lambda wildcards: config["sources"][wildcards.source]["adapter"],
        options=lambda wildcards: as_json(config["sources"][wildcards.source].get("options", {})),
    message:
        "Listing {wildcards.source}"
    shell:
        "python {params.script:q} --adapter={params.adapter:q} --root={params.root:q}"
        " --options {params.options:q} --apart-from {input.apart_from:q} --lists {input.lists:q}"
        " --units {output.units:q} --receipt {output.receipt:q} > {log:q} 2>&1"


# The only rule in this environment. Shards start processes in it to render, and do everything else in their own.
rule habitat_environment:
    output:
        json="results/frames/habitat.json",
    log:
        "results/logs/frames/habitat.log",
    benchmark:
        "results/benchmarks/frames/habitat.tsv"
    conda:
        "../envs/habitat.yaml"
    resources:
        mem_mb=memory(500),  # the import of habitat-sim
        runtime=minutes(10),
    params:
        script=untracked(SCRIPTS / "habitat_environment.py"),
        python=as_it_is(config["frames"]["habitat_python"] or "python"),
    message:
        "Looking for habitat-sim"
    shell:
        "{params.python:q} {params.script:q} --out {output.json:q} > {log:q} 2>&1"


rule frames_shard:
    input:
        unpack(lambda wildcards: wiring.frames.raw_files(config, wildcards.source)),
        habitat=lambda wildcards: wiring.frames.habitat_file(config, wildcards.source),
        units="results/frames/{source}/units.parquet",
        units_receipt="results/frames/{source}/units.receipt.json",
    output:
        # temporary unless frames.keep is set: Snakemake deletes the views once their pairs are mined
        tar=(
            "results/frames/{source}/{shard}.tar"
            if config["frames"]["keep"]
            else temp("results/frames/{source}/{shard}.tar")
        ),
        views="results/frames/{source}/{shard}.views.parquet",
        receipt="results/frames/{source}/{shard}.receipt.json",
    log:
        "results/logs/frames/{source}-{shard}.log",
    benchmark:
        "results/benchmarks/frames/{source}-{shard}.tsv"
    conda:
        "../envs/mining.yaml"
    resources:
        # a scene's textures and mesh, held by habitat-sim in its own process; videos are streamed
        mem_mb=memory(lambda wildcards: wiring.frames.memory(config, wildcards.source)),
        runtime=minutes(240),  # 3000 walk samples of a large scene at 25 ms a view
    params:
        script=untracked(SCRIPTS / "frames_shard.py"),
        root=lambda wildcards: wiring.frames.root(config, wildcards.source),
        adapter=lambda wildcards: config["sources"][wildcards.source]["adapter"],
        shards=lambda wildcards: config["sources"][wildcards.source]["shards"],
        settings=lambda wildcards: as_json(wiring.frames.settings(config, wildcards.source)),
        seed=config["seed"],
    message:
        "Reading the views of {wildcards.source}, shard {wildcards.shard}"
    shell:
        "python {params.script:q} --source {wildcards.source:q} --adapter={params.adapter:q}"
        " --root={params.root:q} --units {input.units:q} --shard {wildcards.shard:q} --shards {params.shards:q}"
        " --settings {params.settings:q} --habitat {input.habitat:q} --seed {params.seed:q}"
        " --tar {output.tar:q} --views {output.views:q} --receipt {output.receipt:q}"
        " --raw-receipts {input.raw_receipts:q} > {log:q} 2>&1"
