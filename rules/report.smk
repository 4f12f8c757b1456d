# report: the paper's tables and figures, ours beside the paper's own numbers.

from mimic_core.sources.registry import PAPER_DATASETS

# What the tables and figure 3 are told of the encoders whose results they get.
RUNS = as_it_is(as_json(config["pretrain"]["runs"]))
BASELINE_NAMES = as_it_is(as_json(BASELINES))
MISSING_BASELINES = [
    f"{name}=the file {baseline['path'] or '(no path given)'} is not there"
    for name, baseline in BASELINES.items()
    if name not in FOUND_BASELINES
]


def pretrain_receipts(encoders):
    """Receipts of the runs among encoders."""
    runs = {encoder.partition("@")[0] for encoder in encoders}
    return expand("results/pretrain/{run}/receipt.json", run=[run for run in config["pretrain"]["runs"] if run in runs])


def dataset_receipts(encoders):
    """Receipts of the datasets of the runs among encoders: a table says where one has fewer pairs than wanted."""
    runs = config["pretrain"]["runs"]
    trained = {encoder.partition("@")[0] for encoder in encoders} & set(runs)
    names = {runs[run]["dataset"] for run in trained} & set(config["datasets"])
    return expand("results/datasets/{name}/receipt.json", name=sorted(names))


rule table1:
    input:
        metrics=results("metrics.json", DENSE) + constant_results("metrics.json"),
        receipts=results("receipt.json", DENSE) + constant_results("receipt.json"),
        pretrain=pretrain_receipts(compared_encoders()),
        datasets=dataset_receipts(compared_encoders()),
    output:
        csv="results/table1.csv",
        markdown="results/table1.md",
    log:
        "results/logs/report/table1.log",
    benchmark:
        "results/benchmarks/report/table1.tsv"
    conda:
        "../envs/report.yaml"
    resources:
        mem_mb=memory(500),  # a few hundred numbers
        runtime=minutes(10),
    params:
        name="table1",
        runs=RUNS,
        baselines=BASELINE_NAMES,
        missing=as_it_is(MISSING_BASELINES),
        scale=config["scale"],
    message:
        "Writing {params.name}"
    shell:
        "python {SCRIPTS:q}/{params.name:q}.py --metrics {input.metrics:q} --pretrain {input.pretrain:q}"
        " --datasets {input.datasets:q} --runs {params.runs:q} --baselines {params.baselines:q}"
        " --missing {params.missing:q} --scale {params.scale:q} --csv {output.csv:q} --markdown {output.markdown:q}"
        " > {log:q} 2>&1"


use rule table1 as table2 with:
    input:
        metrics=results("metrics.json", OBJECT),
        receipts=results("receipt.json", OBJECT),
        pretrain=pretrain_receipts(compared_encoders()),
        datasets=dataset_receipts(compared_encoders()),
    output:
        csv="results/table2.csv",
        markdown="results/table2.md",
    log:
        "results/logs/report/table2.log",
    benchmark:
        "results/benchmarks/report/table2.tsv"
    params:
        name="table2",
        runs=RUNS,
        baselines=BASELINE_NAMES,
        missing=as_it_is(MISSING_BASELINES),
        scale=config["scale"],


use rule table1 as table3 with:
    input:
        metrics=results("metrics.json", PIXELWISE, ["random", *config["report"]["table3"]]),
        receipts=results("receipt.json", PIXELWISE, ["random", *config["report"]["table3"]]),
        pretrain=pretrain_receipts(config["report"]["table3"]),
        datasets=dataset_receipts(config["report"]["table3"]),
    output:
        csv="results/table3.csv",
        markdown="results/table3.md",
    log:
        "results/logs/report/table3.log",
    benchmark:
        "results/benchmarks/report/table3.tsv"
    params:
        name="table3",
        runs=RUNS,
        baselines=BASELINE_NAMES,
        missing=[],  # this table has our own runs only
        scale=config["scale"],


rule table7:
    input:
        metrics=finetune_results("metrics.json"),
        receipts=finetune_results("receipt.json"),
        datasets=dataset_receipts(config["finetune"]["encoders"]),
    output:
        csv="results/table7.csv",
        markdown="results/table7.md",
    log:
        "results/logs/report/table7.log",
    benchmark:
        "results/benchmarks/report/table7.tsv"
    conda:
        "../envs/report.yaml"
    resources:
        mem_mb=memory(500),  # a few hundred numbers
        runtime=minutes(10),
    params:
        name="table7",
        runs=RUNS,
        baselines=BASELINE_NAMES,
        missing=as_it_is(MISSING_BASELINES),
        scale=config["scale"],
    message:
        "Writing {params.name}"
    shell:
        "python {SCRIPTS:q}/{params.name:q}.py --metrics {input.metrics:q} --datasets {input.datasets:q}"
        " --runs {params.runs:q} --baselines {params.baselines:q} --missing {params.missing:q} --scale {params.scale:q}"
        " --csv {output.csv:q} --markdown {output.markdown:q} > {log:q} 2>&1"


use rule table7 as table4 with:
    input:
        metrics=expand("results/reconstruction/{encoder}/metrics.json", encoder=reconstructed()),
        receipts=expand("results/reconstruction/{encoder}/receipt.json", encoder=reconstructed()),
        datasets=dataset_receipts(reconstructed()),
    output:
        csv="results/table4.csv",
        markdown="results/table4.md",
    log:
        "results/logs/report/table4.log",
    benchmark:
        "results/benchmarks/report/table4.tsv"
    params:
        name="table4",
        runs=RUNS,
        baselines=BASELINE_NAMES,
        missing=as_it_is([word for word in MISSING_BASELINES if word.partition("=")[0] in RECONSTRUCTION["encoders"]]),
        scale=config["scale"],


rule figure3a:
    input:
        metrics=results("metrics.json", config["report"]["figure3a"], epoch_encoders()),
        receipts=results("receipt.json", config["report"]["figure3a"], epoch_encoders()),
        pretrain=pretrain_receipts(epoch_encoders()),
        datasets=dataset_receipts(epoch_encoders()),
    output:
        csv="results/figures/figure3a.csv",
        png="results/figures/figure3a.png",
        pdf="results/figures/figure3a.pdf",
    log:
        "results/logs/report/figure3a.log",
    benchmark:
        "results/benchmarks/report/figure3a.tsv"
    conda:
        "../envs/report.yaml"
    resources:
        mem_mb=memory(500),  # matplotlib
        runtime=minutes(10),
    params:
        part="a",
        runs=RUNS,
        baselines=BASELINE_NAMES,
        missing=[],
        scale=config["scale"],
        dpi=config["report"]["dpi"],
    message:
        "Drawing figure 3{params.part}"
    shell:
        "python {SCRIPTS:q}/figure3.py --part {params.part:q} --metrics {input.metrics:q} --pretrain {input.pretrain:q}"
        " --datasets {input.datasets:q} --runs {params.runs:q} --baselines {params.baselines:q}"
        " --missing {params.missing:q} --scale {params.scale:q} --dpi {params.dpi:q} --csv {output.csv:q}"
        " --png {output.png:q} --pdf {output.pdf:q} > {log:q} 2>&1"


use rule figure3a as figure3b with:
    input:
        metrics=few_shot_results("metrics.json"),
        receipts=few_shot_results("receipt.json"),
        pretrain=[],
        datasets=dataset_receipts(FEW_SHOT_ENCODERS),
    output:
        csv="results/figures/figure3b.csv",
        png="results/figures/figure3b.png",
        pdf="results/figures/figure3b.pdf",
    log:
        "results/logs/report/figure3b.log",
    benchmark:
        "results/benchmarks/report/figure3b.tsv"
    params:
        part="b",
        runs=RUNS,
        baselines=BASELINE_NAMES,
        missing=as_it_is([text for text in MISSING_BASELINES if text.partition("=")[0] in FEW_SHOT_ENCODERS]),
        scale=config["scale"],
        dpi=config["report"]["dpi"],


def scaling_results(file):
    """A file of the runs that the scaling figure compares, and of random weights."""
    return results(file, PIXELWISE, ["random", *config["report"]["scaling"]])


use rule figure3a as scaling with:
    input:
        metrics=scaling_results("metrics.json"),
        receipts=scaling_results("receipt.json"),
        pretrain=pretrain_receipts(config["report"]["scaling"]),
        datasets=dataset_receipts(config["report"]["scaling"]),
    output:
        csv="results/figures/scaling.csv",
        png="results/figures/scaling.png",
        pdf="results/figures/scaling.pdf",
    log:
        "results/logs/report/scaling.log",
    benchmark:
        "results/benchmarks/report/scaling.tsv"
    params:
        part="scaling",
        runs=RUNS,
        baselines=BASELINE_NAMES,
        missing=[],
        scale=config["scale"],
        dpi=config["report"]["dpi"],
    message:
        "Drawing the tasks over the number of pretraining pairs"


def drawn_datasets():
    """Datasets in figure 2: the paper's two, and others that a run trains on; what is held out is not drawn."""
    trained = {run["dataset"] for run in config["pretrain"]["runs"].values()}
    return [name for name in config["datasets"] if name in PAPER_DATASETS or name in trained]


rule figure2:
    input:
        receipts=expand("results/datasets/{name}/receipt.json", name=drawn_datasets()),
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
        scale=config["scale"],
        dpi=config["report"]["dpi"],
    message:
        "Drawing figure 2"
    shell:
        "python {SCRIPTS:q}/figure2.py --receipts {input.receipts:q} --scale {params.scale:q} --dpi {params.dpi:q}"
        " --png {output.png:q} --pdf {output.pdf:q} > {log:q} 2>&1"


rule sources_table:
    input:
        frames=shard_files("frames", SOURCES, "receipt.json"),
        datasets=expand("results/datasets/{name}/receipt.json", name=config["datasets"]),
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
        mem_mb=memory(500),  # a few counts a shard
        runtime=minutes(10),
    params:
        scale=config["scale"],
    message:
        "Writing the table of sources"
    shell:
        "python {SCRIPTS:q}/sources_table.py --frames {input.frames:q} --datasets {input.datasets:q}"
        " --scale {params.scale:q} --csv {output.csv:q} --markdown {output.markdown:q} > {log:q} 2>&1"


rule pretraining:
    input:
        metrics=expand("results/pretrain/{run}/metrics.csv", run=config["pretrain"]["runs"]),
        receipts=expand("results/pretrain/{run}/receipt.json", run=config["pretrain"]["runs"]),
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
        folders=expand("results/pretrain/{run}", run=config["pretrain"]["runs"]),
        scale=config["scale"],
        dpi=config["report"]["dpi"],
    message:
        "Drawing how pretraining went"
    shell:
        "python {SCRIPTS:q}/pretraining.py --runs {params.folders:q} --scale {params.scale:q} --dpi {params.dpi:q}"
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
        mem_mb=memory(1500),  # one flat's textures, and a row a pair and variant
        runtime=minutes(60),
    params:
        pairs=config["report"]["mining_quality_pairs"],
        seed=config["seed"],
    message:
        "Auditing the mining against the truth"
    shell:
        "python {SCRIPTS:q}/mining_quality.py --pairs-per-scene {params.pairs:q} --seed {params.seed:q}"
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
        dpi=config["report"]["dpi"],
    message:
        "Drawing the audit of the mining"
    shell:
        "python {SCRIPTS:q}/figure_mining_quality.py --csv {input.csv:q} --pairs {input.pairs:q} --dpi {params.dpi:q}"
        " --png {output.png:q} --pdf {output.pdf:q} > {log:q} 2>&1"
