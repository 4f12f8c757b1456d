# report: write the paper's tables and figures, with our numbers beside the paper's.


rule table:
    input:
        unpack(lambda wildcards: wiring.report.table_files(config, wildcards.number)),
    output:
        csv="results/table{number}.csv",
        markdown="results/table{number}.md",
    log:
        "results/logs/report/table{number}.log",
    benchmark:
        "results/benchmarks/report/table{number}.tsv"
    wildcard_constraints:
        number="[0-9]+",  # an unknown number gets a clear error from wiring
    conda:
        "../envs/report.yaml"
    resources:
        mem_mb=memory(500),  # a few hundred numbers
        runtime=minutes(10),
    params:
        script=untracked(SCRIPTS / "table.py"),
        runs=as_it_is(as_json(config["pretrain"]["runs"])),
        baselines=as_it_is(as_json(config["baselines"])),
        missing=lambda wildcards: wiring.report.table_missing(config, wildcards.number),
        scale=config["scale"],
    message:
        "Writing table {wildcards.number}"
    shell:
        "python {params.script:q} --number {wildcards.number:q} --metrics {input.metrics:q}"
        " --pretrain {input.pretrain:q} --datasets {input.datasets:q} --runs {params.runs:q}"
        " --baselines {params.baselines:q} --missing {params.missing:q} --scale {params.scale:q} --csv {output.csv:q}"
        " --markdown {output.markdown:q} > {log:q} 2>&1"


rule figure3:
    input:
        unpack(lambda wildcards: wiring.report.figure_files(config, wildcards.figure)),
    output:
        csv="results/figures/{figure}.csv",
        png="results/figures/{figure}.png",
        pdf="results/figures/{figure}.pdf",
    log:
        "results/logs/report/{figure}.log",
    benchmark:
        "results/benchmarks/report/{figure}.tsv"
    wildcard_constraints:
        figure="|".join(FIGURES),
    conda:
        "../envs/report.yaml"
    resources:
        mem_mb=memory(500),  # matplotlib
        runtime=minutes(10),
    params:
        script=untracked(SCRIPTS / "figure3.py"),
        part=lambda wildcards: FIGURES[wildcards.figure].part,
        runs=as_it_is(as_json(config["pretrain"]["runs"])),
        baselines=as_it_is(as_json(config["baselines"])),
        missing=lambda wildcards: wiring.report.figure_missing(config, wildcards.figure),
        scale=config["scale"],
        dpi=config["report"]["dpi"],
    message:
        "Drawing {wildcards.figure}"
    shell:
        "python {params.script:q} --part {params.part:q} --metrics {input.metrics:q} --pretrain {input.pretrain:q}"
        " --datasets {input.datasets:q} --runs {params.runs:q} --baselines {params.baselines:q}"
        " --missing {params.missing:q} --scale {params.scale:q} --dpi {params.dpi:q} --csv {output.csv:q}"
        " --png {output.png:q} --pdf {output.pdf:q} > {log:q} 2>&1"


rule figure2:
    input:
        receipts=wiring.datasets.receipts(wiring.report.drawn_datasets(config)),
    output:
        png="results/figures/figure2.png",
        pdf="results/figures/figure2.pdf",
    log:
        "results/logs/report/figure2.log",
    benchmark:
        "results/benchmarks/report/figure2.tsv"
    conda:
        "../envs/report.yaml"
    resources:
        mem_mb=memory(500),  # matplotlib
        runtime=minutes(10),
    params:
        script=untracked(SCRIPTS / "figure2.py"),
        scale=config["scale"],
        dpi=config["report"]["dpi"],
    message:
        "Drawing figure 2"
    shell:
        "python {params.script:q} --receipts {input.receipts:q} --scale {params.scale:q} --dpi {params.dpi:q}"
        " --png {output.png:q} --pdf {output.pdf:q} > {log:q} 2>&1"


rule sources_table:
    input:
        frames=wiring.datasets.every_shard(config, "frames", "receipt.json"),
        datasets=wiring.datasets.receipts(config["datasets"]),
    output:
        csv="results/report/sources.csv",
        markdown="results/report/sources.md",
    log:
        "results/logs/report/sources_table.log",
    benchmark:
        "results/benchmarks/report/sources_table.tsv"
    conda:
        "../envs/report.yaml"
    resources:
        mem_mb=memory(500),  # a few counts per shard
        runtime=minutes(10),
    params:
        script=untracked(SCRIPTS / "sources_table.py"),
        scale=config["scale"],
    message:
        "Writing the table of sources"
    shell:
        "python {params.script:q} --frames {input.frames:q} --datasets {input.datasets:q}"
        " --scale {params.scale:q} --csv {output.csv:q} --markdown {output.markdown:q} > {log:q} 2>&1"


rule pretraining:
    input:
        metrics=expand("results/pretrain/{run}/metrics.csv", run=config["pretrain"]["runs"]),
        receipts=wiring.pretrain.receipts(config["pretrain"]["runs"]),
    output:
        png="results/figures/pretraining.png",
        markdown="results/report/pretraining.md",
    log:
        "results/logs/report/pretraining.log",
    benchmark:
        "results/benchmarks/report/pretraining.tsv"
    conda:
        "../envs/report.yaml"
    resources:
        mem_mb=memory(500),  # matplotlib
        runtime=minutes(10),
    params:
        script=untracked(SCRIPTS / "pretraining.py"),
        folders=expand("results/pretrain/{run}", run=config["pretrain"]["runs"]),
        scale=config["scale"],
        dpi=config["report"]["dpi"],
    message:
        "Drawing the pretraining losses"
    shell:
        "python {params.script:q} --runs {params.folders:q} --scale {params.scale:q} --dpi {params.dpi:q}"
        " --png {output.png:q} --markdown {output.markdown:q} > {log:q} 2>&1"


rule mining_quality:
    output:
        csv="results/mining_quality.csv",
        pairs="results/mining_quality.pairs.csv",
        receipt="results/mining_quality.receipt.json",
    log:
        "results/logs/report/mining_quality.log",
    benchmark:
        "results/benchmarks/report/mining_quality.tsv"
    conda:
        "../envs/mining.yaml"
    resources:
        mem_mb=memory(1500),  # one flat's textures, and one row per pair and variant
        runtime=minutes(60),
    params:
        script=untracked(SCRIPTS / "mining_quality.py"),
        pairs=config["report"]["mining_quality_pairs"],
        seed=config["seed"],
    message:
        "Auditing the mining against the truth"
    shell:
        "python {params.script:q} --pairs-per-scene {params.pairs:q} --seed {params.seed:q}"
        " --csv {output.csv:q} --pairs {output.pairs:q}"
        " --receipt {output.receipt:q} > {log:q} 2>&1"


rule figure_mining_quality:
    input:
        csv="results/mining_quality.csv",
        pairs="results/mining_quality.pairs.csv",
    output:
        png="results/figures/mining_quality.png",
        pdf="results/figures/mining_quality.pdf",
    log:
        "results/logs/report/figure_mining_quality.log",
    benchmark:
        "results/benchmarks/report/figure_mining_quality.tsv"
    conda:
        "../envs/report.yaml"
    resources:
        mem_mb=memory(500),  # matplotlib
        runtime=minutes(10),
    params:
        script=untracked(SCRIPTS / "figure_mining_quality.py"),
        dpi=config["report"]["dpi"],
    message:
        "Drawing the audit of the mining"
    shell:
        "python {params.script:q} --csv {input.csv:q} --pairs {input.pairs:q} --dpi {params.dpi:q}"
        " --png {output.png:q} --pdf {output.pdf:q} > {log:q} 2>&1"
