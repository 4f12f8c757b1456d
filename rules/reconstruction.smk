# reconstruction: what whole models paint of held-out pairs of which nine tenths of one view are hidden (table 4).

RECONSTRUCTION = config["reconstruction"]


def reconstructed():
    """The models whose file is, or will be, there."""
    return [name for name in RECONSTRUCTION["encoders"] if name not in BASELINES or name in FOUND_BASELINES]


def inception_file():
    """The file of Inception's weights, once it is there: the table is made again when it comes, goes or changes."""
    inception = RECONSTRUCTION.get("inception")
    return {"inception": inception} if inception and os.path.isfile(inception) else {}


def model_files(wildcards):
    """The whole model, the held-out pairs, and the weights of both distances between sets of images."""
    name, dataset, frechet = wildcards.encoder, RECONSTRUCTION["dataset"], RECONSTRUCTION["frechet_encoder"]
    own = f"results/pretrain/{name}"
    model = (
        {"model": BASELINES[name]["path"]}
        if name in BASELINES
        else {
            "model": f"{own}/model.safetensors",
            "model_receipt": f"{own}/receipt.json",
        }
    )
    return {
        **model,
        "manifest": f"results/datasets/{dataset}/manifest.parquet",
        "dataset_receipt": f"results/datasets/{dataset}/receipt.json",
        "tars": shard_files("pairs", DATASET_SOURCES[dataset], "tar"),
        **({"frechet": encoder_path(frechet)} if frechet else {}),
        **inception_file(),
    }


rule reconstruct_run:
    input:
        unpack(model_files),
    output:
        metrics="results/reconstruction/{encoder}/metrics.json",
        pictures="results/reconstruction/{encoder}/reconstructions.png",
        receipt="results/reconstruction/{encoder}/receipt.json",
    log:
        "results/logs/reconstruction/{encoder}.log",
    benchmark:
        "results/benchmarks/reconstruction/{encoder}.tsv"
    conda:
        "../envs/pretrain.yaml"
    threads: config["finetune"]["threads"]
    resources:
        mem_mb=memory(4000),  # a model and a batch of pairs
        runtime=minutes(60),
        gpu=1 if ON_GPUS else 0,
    params:
        folder="results/reconstruction/{encoder}",
        frechet=lambda wildcards, input: f"--frechet={input.frechet}" if "frechet" in input.keys() else "",
        settings=lambda wildcards: as_json(
            {key: RECONSTRUCTION[key] for key in ("dataset", "mask_ratio", "inception", "frechet_encoder")},
            encoder=wildcards.encoder,
            threads=config["finetune"]["threads"],
        ),
        seed=config["seed"],
    message:
        "Reconstructing held-out pairs with {wildcards.encoder}"
    shell:
        "{LEASE} {resources.gpu:q} -- python {SCRIPTS:q}/reconstruct_run.py --model={input.model:q}"
        " --data {input.manifest:q} {params.frechet:q} --out {params.folder:q} --settings {params.settings:q}"
        " --seed {params.seed:q} > {log:q} 2>&1"
