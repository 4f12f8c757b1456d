# frames: the units of a source, listed once, and the views of a shard of them, 224x224 JPEGs in a tar and a table.


def temp_unless_kept(path):
    """Views are deleted once their pairs are mined, unless ``frames.keep`` says otherwise."""
    return path if config["frames"]["keep"] else temp(path)


def raw_files(wildcards):
    """What must be there before a source can be read: nothing on disk, or what the sample world writes."""
    source = config["sources"][wildcards.source]
    files = sample_source_files(wildcards.source) if source["origin"] == "sample" else []
    receipts = [file for file in files if file.endswith(".json")]
    return {"raw": [file for file in files if file not in receipts], "raw_receipts": receipts}


def frames_settings(source):
    """Settings of the frames of a source: those of all sources, with what the source overrides."""
    shared = {key: value for key, value in config["frames"].items() if key not in ("keep", "habitat_python")}
    return {**shared, **config["sources"][source]["frames"]}


def habitat_file(wildcards):
    """Where habitat-sim is, for sources that ask for it."""
    asked = frames_settings(wildcards.source).get("simulator") == "habitat"
    return ["results/frames/habitat.json"] if asked else []


def apart_from(wildcards):
    """Where a held-out source must not have a scene in common with: the units of other sources, and lists of scenes."""
    held_out = config["sources"][wildcards.source].get("held_out", {})
    others = held_out.get("sources", [])
    return {
        "apart_from": expand("results/frames/{source}/units.parquet", source=others),
        "apart_from_receipts": expand("results/frames/{source}/units.receipt.json", source=others),
        "lists": held_out.get("lists", []),
    }


rule source_units:
    input:
        unpack(raw_files),
        unpack(apart_from),
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
        mem_mb=memory(800),  # whatever the number of files: 25 million names go through files in TMPDIR
        runtime=minutes(120),
    params:
        root=lambda wildcards: root_of(wildcards.source),
        adapter=lambda wildcards: config["sources"][wildcards.source]["adapter"],
        options=lambda wildcards: as_json(config["sources"][wildcards.source].get("options", {})),
    message:
        "Listing {wildcards.source}"
    shell:
        "python {SCRIPTS:q}/source_units.py --adapter={params.adapter:q} --root={params.root:q}"
        " --options {params.options:q} --apart-from {input.apart_from:q} --lists {input.lists:q}"
        " --units {output.units:q} --receipt {output.receipt:q} > {log:q} 2>&1"


# The one rule in this environment: shards render in processes that it starts, and do the rest in their own.
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
        python=as_it_is(config["frames"]["habitat_python"] or "python"),
    message:
        "Looking for habitat-sim"
    shell:
        "{params.python:q} {SCRIPTS:q}/habitat_environment.py --out {output.json:q} > {log:q} 2>&1"


rule frames_shard:
    input:
        unpack(raw_files),
        habitat=habitat_file,
        units="results/frames/{source}/units.parquet",
        units_receipt="results/frames/{source}/units.receipt.json",
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
        # a scene's textures and mesh, which habitat-sim holds in a process of its own; a video is streamed
        mem_mb=lambda wildcards, attempt: memory(4000 if habitat_file(wildcards) else 1000)(wildcards, attempt),
        runtime=minutes(240),  # 3000 walk samples of a large scene at 25 ms a view
    params:
        root=lambda wildcards: root_of(wildcards.source),
        adapter=lambda wildcards: config["sources"][wildcards.source]["adapter"],
        shards=lambda wildcards: config["sources"][wildcards.source]["shards"],
        settings=lambda wildcards: as_json(frames_settings(wildcards.source)),
        seed=config["seed"],
    message:
        "Reading the views of {wildcards.source}, shard {wildcards.shard}"
    shell:
        "python {SCRIPTS:q}/frames_shard.py --source {wildcards.source:q} --adapter={params.adapter:q}"
        " --root={params.root:q} --units {input.units:q} --shard {wildcards.shard:q} --shards {params.shards:q}"
        " --settings {params.settings:q} --habitat {input.habitat:q} --seed {params.seed:q}"
        " --tar {output.tar:q} --views {output.views:q} --receipt {output.receipt:q}"
        " --raw-receipts {input.raw_receipts:q} > {log:q} 2>&1"
