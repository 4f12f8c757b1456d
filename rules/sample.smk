# sample: the sample world, which writes raw data in the layouts of the real datasets.

from mimic_core.sampledata.names import RAW, flat_names, part

FLATS = flat_names(config["sample"])


# What each downstream dataset reads, and where it lies unless finetune.tasks says otherwise.
DOWNSTREAM = {
    "depth": (["depth_images", "downstream_resolution"], "results/sample/nyuv2"),
    "normals": (["normal_images"], "results/sample/taskonomy"),
    "segmentation": (["segmentation_images"], "results/sample/ade20k"),
    "pose": (["pose_images"], "results/sample/coco"),
    "classification": (["class_images"], "results/sample/imagenet"),
}


def sample_part(*keys):
    """The settings one rule reads (``flats.train``: one key of a block), so that others do not rerun it."""
    return as_json(part(config["sample"], *keys), seed=config["seed"])


def sample_source_files(source):
    """What must be there before a source's frames can be read: receipts, and of HM3D each scene as well."""
    root, adapter = config["sources"][source]["root"], config["sources"][source]["adapter"]
    if adapter == "hm3d":
        scenes = {f"{int(flat[4:]):05d}-{flat}": flat for flat in FLATS["hm3d"]}
        receipts = [f"results/sample/receipts/{name}.json" for name in scenes]
        return [*(f"{root}/{name}/{flat}.glb" for name, flat in scenes.items()), *receipts]
    if source not in RAW:
        known = ", ".join(["hm3d", *RAW])
        raise WorkflowError(f"sources.{source}.origin: the sample world writes no {source!r}; it knows {known}")
    return [f"results/sample/receipts/source-{source}.json"]


def sample_task_files(task):
    """Receipt of a task's data."""
    return [f"results/sample/receipts/{task}.json"]


def sample_files():
    """All that the sample world writes under this config."""
    sources = [source for source in SOURCES if config["sources"][source]["origin"] == "sample"]
    asked = {task: settings["origin"] for task, settings in config["finetune"]["tasks"].items()}
    default = "sample" if config["scale"] == "sample" else "disk"
    tasks = [task for task in DOWNSTREAM if asked.get(task, default) == "sample"]
    return [file for source in sources for file in sample_source_files(source)] + [
        file for task in tasks for file in sample_task_files(task)
    ]


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
        settings=sample_part(),
    message:
        "Building {wildcards.flat}"
    shell:
        "python {SCRIPTS:q}/sample_scene.py --flat {wildcards.flat:q} --out {output.glb:q}"
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
        folder=lambda wildcards: config["sources"]
        .get(wildcards.source, {})
        .get("root", f"results/sample/{wildcards.source}"),
        settings=lambda wildcards: sample_part(*RAW[wildcards.source].reads),
    message:
        "Filming the sample world for {wildcards.source}"
    shell:
        "python {SCRIPTS:q}/sample_source.py --source {wildcards.source:q} --out={params.folder:q}"
        " --settings {params.settings:q} --receipt {output.receipt:q} > {log:q} 2>&1"


rule sample_downstream:
    output:
        receipt="results/sample/receipts/{task}.json",
    log:
        "results/logs/sample/{task}.log",
    benchmark:
        "results/benchmarks/sample/{task}.tsv"
    wildcard_constraints:
        task="|".join(DOWNSTREAM),
    conda:
        "../envs/mining.yaml"
    resources:
        mem_mb=memory(1500),  # one flat's textures and the images of the set
        runtime=minutes(30),
    params:
        folder=lambda wildcards: config["finetune"]["tasks"]
        .get(wildcards.task, {})
        .get("root", DOWNSTREAM[wildcards.task][1]),
        settings=lambda wildcards: sample_part("flats.train", "flats.test", *DOWNSTREAM[wildcards.task][0]),
    message:
        "Photographing the sample world for {wildcards.task}"
    shell:
        "python {SCRIPTS:q}/sample_downstream.py --task {wildcards.task:q} --out={params.folder:q}"
        " --settings {params.settings:q} --receipt {output.receipt:q} > {log:q} 2>&1"
