# report: the paper's tables and figures, ours beside the paper's own numbers.

from mimic_core.sources.registry import PAPER_DATASETS


rule table1:
    input:
        metrics=finetune_results("metrics.json"),
        receipts=finetune_results("receipt.json"),
        pretrain=expand(
            "results/pretrain/{run}/receipt.json",
            run=[encoder for encoder in config["finetune"]["encoders"] if encoder != "random"],
        ),
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
        mem_mb=500,  # a few hundred numbers
        runtime=10,  # minutes
    params:
        runs=as_json(config["pretrain"]["runs"]),
        scale=config["scale"],
    message:
        "Writing table 1"
    shell:
        "python {SCRIPTS}/table1.py --metrics {input.metrics} --pretrain {input.pretrain} --runs {params.runs:q}"
        " --scale {params.scale} --csv {output.csv} --markdown {output.markdown} > {log} 2>&1"


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
        mem_mb=500,  # matplotlib
        runtime=10,  # minutes
    params:
        scale=config["scale"],
        dpi=config["report"]["dpi"],
    message:
        "Drawing figure 2"
    shell:
        "python {SCRIPTS}/figure2.py --receipts {input.receipts} --scale {params.scale} --dpi {params.dpi}"
        " --png {output.png} --pdf {output.pdf} > {log} 2>&1"


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
        mem_mb=500,  # a few counts a shard
        runtime=10,  # minutes
    params:
        scale=config["scale"],
    message:
        "Writing the table of sources"
    shell:
        "python {SCRIPTS}/sources_table.py --frames {input.frames} --datasets {input.datasets} --scale {params.scale}"
        " --csv {output.csv} --markdown {output.markdown} > {log} 2>&1"


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
        mem_mb=500,  # matplotlib
        runtime=10,  # minutes
    params:
        folders=expand("results/pretrain/{run}", run=config["pretrain"]["runs"]),
        scale=config["scale"],
        dpi=config["report"]["dpi"],
    message:
        "Drawing how pretraining went"
    shell:
        "python {SCRIPTS}/pretraining.py --runs {params.folders} --scale {params.scale} --dpi {params.dpi}"
        " --png {output.png} --markdown {output.markdown} > {log} 2>&1"


rule mining_quality:
    output:
        csv="results/mining_quality.csv",
        pairs="results/mining_quality.pairs.csv",
    log:
        "results/logs/report/mining_quality.log",
    benchmark:
        "results/benchmarks/report/mining_quality.tsv"
    conda:
        "../envs/mining.yaml"
    resources:
        mem_mb=1500,  # one flat's textures, and a row a pair and variant
        runtime=60,  # minutes
    params:
        pairs=config["report"]["mining_quality_pairs"],
        seed=config["seed"],
    message:
        "Auditing the mining against the truth"
    shell:
        "python {SCRIPTS}/mining_quality.py --pairs-per-scene {params.pairs} --seed {params.seed}"
        " --csv {output.csv} --pairs {output.pairs} > {log} 2>&1"


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
        mem_mb=500,  # matplotlib
        runtime=10,  # minutes
    params:
        dpi=config["report"]["dpi"],
    message:
        "Drawing the audit of the mining"
    shell:
        "python {SCRIPTS}/figure_mining_quality.py --csv {input.csv} --pairs {input.pairs} --dpi {params.dpi}"
        " --png {output.png} --pdf {output.pdf} > {log} 2>&1"
