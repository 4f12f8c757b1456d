# Config and its check, and the few helpers that several stages use.

import json
import os
import sys

from mimic_core.config.checking import as_typed, check_config, load_block
from mimic_core.datasets.composition import wanted_pairs
from mimic_core.kit.errors import MimicError
from mimic_core.config.shells import check_checkout, check_long_commands, check_quotable, check_quoted, check_unquoted

# Jobs in a conda environment do not have the package installed: they find it here, on a cluster's nodes too.
os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(BASE), os.environ.get("PYTHONPATH")]))
# Without one they run in the environment of this Snakemake, activated or not.
os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])

SCRIPTS = BASE / "workflow_scripts"
SNAKEMAKES = 400  # MB of the two Snakemakes that start a job on a node of a cluster
LEASE = "python -m mimic_core.machine.gpus --gpus"  # GPUs of its own for each job; with none asked for it does nothing

TYPED = workflow.config_settings.config_args or []  # behind --config
OVERLAYS = [str(file) for file in workflow.overwrite_configfiles or []]

try:
    check_checkout(BASE)
    for file in dict.fromkeys([str(BASE / "config.yaml"), *OVERLAYS]):
        load_block(file)  # refuses a key given twice, which Snakemake's own loader passes over
    SCHEMA = load_block(BASE / "rules/schemas/config.schema.yaml")
    as_typed(config, TYPED, SCHEMA)
    check_config(config, SCHEMA)
    if workflow.deployment_settings.deployment_method:
        check_quotable([("the folder it runs in", os.getcwd()), ("the checkout", str(BASE))], "conda or a container")
except MimicError as error:
    raise WorkflowError(str(error)) from None


onstart:
    try:
        here = os.getcwd()
        check_long_commands(here, max(len(" ".join(job.input)) for job in workflow.dag.jobs))
        if not workflow.local_exec:
            check_unquoted("the program of Python", sys.executable, "a cluster")
            named = [("the folder it runs in", here), ("the checkout", str(BASE))]
            named += [("--config", word) for word in TYPED] + [("--configfile", file) for file in OVERLAYS]
            check_quoted(named, "a cluster")
    except MimicError as error:
        raise WorkflowError(str(error)) from None


ON_GPUS = config["scale"] == "paper"
DATASET_SOURCES = {name: wanted_pairs(name, config["datasets"]) for name in config["datasets"]}
DATASET_SOURCES = {
    name: {source: count for source, count in wanted.items() if count != 0} for name, wanted in DATASET_SOURCES.items()
}
SOURCES = sorted({source for wanted in DATASET_SOURCES.values() for source in wanted})


def as_json(*blocks, **values):
    """Config blocks merged to one line of JSON: a param that changes when one of its keys does."""
    return json.dumps(
        {key: value for block in (*blocks, values) for key, value in block.items()},
        sort_keys=True,
    )


def as_it_is(value):
    """A param whose text is left alone: in others, Snakemake takes a name in braces for a wildcard."""
    return lambda wildcards: value


def shard_names(source):
    """Numbers of a source's shards, three digits or more."""
    return [f"{shard:03d}" for shard in range(config["sources"][source]["shards"])]


def shard_files(stage, sources, suffix):
    """Files of a stage for every shard of the sources."""
    return [f"results/{stage}/{source}/{shard}.{suffix}" for source in sources for shard in shard_names(source)]


def memory(megabytes):
    """Memory that a job asks for, in MB: its own, more with every attempt, and that of what starts it."""
    return lambda wildcards, attempt: attempt * megabytes + SNAKEMAKES


def minutes(count):
    """Time that a job asks for: more with every attempt."""
    return lambda wildcards, attempt: attempt * count


def root_of(source):
    """Folder of a source; ``{videos}`` stands for the folder of one's own videos."""
    return config["videos"] if config["sources"][source]["root"] == "{videos}" else config["sources"][source]["root"]
