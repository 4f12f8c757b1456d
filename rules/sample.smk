# sample: build the sample world, in the layouts of the real datasets.

from mimic_core.sampledata.names import RAW


rule sample_scene:
    output:
        glb="results/sample/hm3d/{number}-{flat}/{flat}.glb",
        receipt="results/sample/receipts/{number}-{flat}.json",
    log:
        "results/logs/sample/{number}-{flat}.log",
    benchmark:
        "results/benchmarks/sample/{number}-{flat}.tsv"
    wildcard_constraints:
        number="[0-9]+",
        flat="flat[0-9]+",
    conda:
        "../envs/mining.yaml"
    resources:
        mem_mb=memory(1000),  # one flat's textures
        runtime=minutes(10),
    params:
        script=untracked(SCRIPTS / "sample_scene.py"),
        settings=wiring.sample.settings(config),
    message:
        "Building {wildcards.flat}"
    shell:
        "python {params.script:q} --flat {wildcards.flat:q} --out {output.glb:q}"
        " --settings {params.settings:q} --receipt {output.receipt:q} > {log:q} 2>&1"


rule sample_source:
    output:
        receipt="results/sample/receipts/source-{source}.json",
    log:
        "results/logs/sample/source-{source}.log",
    benchmark:
        "results/benchmarks/sample/source-{source}.tsv"
    wildcard_constraints:
        source="|".join(RAW),
    conda:
        "../envs/mining.yaml"
    resources:
        mem_mb=memory(1500),  # a street's textures, twice
        runtime=minutes(30),
    params:
        script=untracked(SCRIPTS / "sample_source.py"),
        folder=lambda wildcards: wiring.sample.source_folder(config, wildcards.source),
        settings=lambda wildcards: wiring.sample.source_settings(config, wildcards.source),
    message:
        "Filming the sample world for {wildcards.source}"
    shell:
        "python {params.script:q} --source {wildcards.source:q} --out={params.folder:q}"
        " --settings {params.settings:q} --receipt {output.receipt:q} > {log:q} 2>&1"


rule sample_downstream:
    output:
        receipt="results/sample/receipts/{task}.json",
    log:
        "results/logs/sample/{task}.log",
    benchmark:
        "results/benchmarks/sample/{task}.tsv"
    wildcard_constraints:
        task="|".join(wiring.sample.task_names()),
    conda:
        "../envs/mining.yaml"
    resources:
        mem_mb=memory(1500),  # one flat's textures and the images of the set
        runtime=minutes(30),
    params:
        script=untracked(SCRIPTS / "sample_downstream.py"),
        folder=lambda wildcards: wiring.sample.task_folder(config, wildcards.task),
        settings=lambda wildcards: wiring.sample.task_settings(config, wildcards.task),
    message:
        "Photographing the sample world for {wildcards.task}"
    shell:
        "python {params.script:q} --task {wildcards.task:q} --out={params.folder:q}"
        " --settings {params.settings:q} --receipt {output.receipt:q} > {log:q} 2>&1"
