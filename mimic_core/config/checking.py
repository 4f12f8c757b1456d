"""Check a config before anything runs: unknown keys with suggestions, invalid values, names that must exist.

This needs only PyYAML and jsonschema, so that a plan can be made on a machine without the scientific stack.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Any

from mimic_core.datasets.composition import wanted_pairs
from mimic_core.foreign.yaml_files import DEPTH, load_yaml
from mimic_core.kit.errors import MimicError, printable
from mimic_core.kit.numeric import LARGEST
from mimic_core.kit.schemas import in_words
from mimic_core.kit.suggestions import did_you_mean
from mimic_core.sources import read_registry

Config = Mapping[str, Any]

SCHEMA = Path("rules/schemas/config.schema.json")
MAX_ITEMS = 1_000  # values of a list, keys of a block
MAX_TEXT = 4_096  # characters, as of a path
MAX_KEY = 200  # characters
SHOWN = 20  # problems listed in an error
MAX_SHOWN = 300  # characters shown of each


@cache
def read_schema(checkout: Path) -> Mapping[str, Any]:
    """Read the config's schema, which ``python -m mimic_core.config`` generates.

    Args:
        checkout: the folder of the workflow.
    """
    found: Mapping[str, Any] = json.loads((checkout / SCHEMA).read_bytes())
    return found


def read_config(path: str | Path, overlays: Iterable[str | Path] = ()) -> dict[str, Any]:
    """Read a config and merge overlays into it key by key, as Snakemake does, without checking it."""
    config: dict[str, Any] = {}
    for file in (path, *overlays):
        merge(config, load_block(file))
    return config


def load_block(path: str | Path) -> Mapping[str, Any]:
    """Read the keys of a config file; an empty file has none.

    Raises:
        MimicError: the file cannot be read, or is not a mapping.
    """
    block = load_yaml(path)
    if block is not None and not isinstance(block, Mapping):
        raise MimicError(
            f"a config file must be a mapping of keys to values, not a value of type {type(block).__name__}",
            where=path,
            remedy="write, for example: seed: 3",
        )
    return block or {}


def merge(config: dict[str, Any], overlay: Mapping[str, Any]) -> None:
    """Merge an overlay into a config, in place."""
    for key, value in overlay.items():
        if isinstance(value, Mapping):
            below = config.get(key)
            config[key] = dict(below) if isinstance(below, Mapping) else {}
            merge(config[key], value)
        else:
            config[key] = value


def check_config(config: Config, schema: Mapping[str, Any]) -> None:
    """Check a merged config.

    Raises:
        MimicError: the config is invalid; the message names each invalid key, what is wrong and what is allowed.
    """
    check_values(config, schema)
    refuse_problems(cross_problems(config))


def check_values(config: Config, schema: Mapping[str, Any]) -> None:
    """Check each key and value of a merged config by itself; raises as :func:`check_config`."""
    refuse_problems(value_problems(config))
    refuse_problems(schema_problems(config, schema))


def refuse_problems(found: Iterator[tuple[str, str]]) -> None:
    """Raise an error that lists the problems, if there are any."""
    problems = [*islice(found, SHOWN + 1)]
    if problems:
        lines = [f"  {shortened(key)}: {shortened(problem)}" for key, problem in problems[:SHOWN]]
        lines += ["  and more"] if len(problems) > SHOWN else []
        raise MimicError(
            "the config cannot be used:\n" + "\n".join(lines),
            remedy="correct the keys named above in config.yaml, in the overlay, or after --config",
        )


def shortened(text: str) -> str:
    """Return the text on one line, truncated if it is long."""
    return printable(text if len(text) <= MAX_SHOWN else text[:MAX_SHOWN] + "...")


def value_problems(config: Config) -> Iterator[tuple[str, str]]:
    """Find values that no key may have, whatever the schema: NaN, infinity, and anything too long, large or deep."""
    waiting: list[tuple[tuple[str, ...], Any]] = [((), config)]
    while waiting:
        path, value = waiting.pop()
        name = ".".join(path) or "(top level)"
        if isinstance(value, Mapping | list):
            if len(value) > MAX_ITEMS or len(path) > DEPTH:
                yield name, f"has {len(value):,} values at depth {len(path)}; the limits are {MAX_ITEMS:,} and {DEPTH}"
                continue
            inside = value.items() if isinstance(value, Mapping) else enumerate(value)
            for key, one in inside:
                if isinstance(value, Mapping) and (not isinstance(key, str) or len(key) > MAX_KEY):
                    yield name, f"{key!r} is not a valid key: use a string of at most {MAX_KEY} characters"
                else:
                    waiting.append(((*path, str(key)), one))
        elif problem := scalar_problem(value):
            yield name, problem


def scalar_problem(value: object) -> str:
    """Say what is wrong with a single value; empty if nothing is."""
    if isinstance(value, float) and not math.isfinite(value):
        return f"{value} is not a finite number"
    if isinstance(value, int | float) and abs(value) > LARGEST:
        return "the number is too large"
    if isinstance(value, str) and (len(value) > MAX_TEXT or "\0" in value):
        return f"{value!r} holds a null character" if "\0" in value else f"a string of {len(value):,} characters"
    if value is not None and not isinstance(value, str | int | float):
        return f"{value} is read as a {type(value).__name__}: write it in quotes"
    return ""


def schema_problems(config: Config, schema: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Find the keys that break the schema, and say what is wrong with each."""
    errors = validator()(schema).iter_errors(config)
    for error in sorted(errors, key=lambda error: [str(part) for part in error.absolute_path]):
        path = ".".join(str(part) for part in error.absolute_path)
        if error.validator == "additionalProperties":
            known = list(error.schema.get("properties", {}))
            for key in sorted(set(error.instance) - set(known)):
                yield f"{path}.{key}".lstrip("."), unknown_key(str(key), known)
        elif error.validator == "anyOf":
            yield path, f"{error.instance!r} is not {in_words(error.schema)}"
        else:
            quotes = error.validator == "type" and error.validator_value == "string" and is_scalar(error.instance)
            yield path or "(top level)", error.message + ("; write it in quotes" if quotes else "")


@cache
def validator() -> Any:
    """Return a JSON Schema validator class for which only ``int`` is an integer."""
    import jsonschema  # takes a tenth of a second

    # JSON Schema takes 1.0 and 1e300 for integers too
    types = jsonschema.Draft202012Validator.TYPE_CHECKER.redefine(
        "integer", lambda _, value: isinstance(value, int) and not isinstance(value, bool)
    )
    return jsonschema.validators.extend(jsonschema.Draft202012Validator, type_checker=types)


def is_scalar(value: object) -> bool:
    """Return whether quotes would make the value a string."""
    return value is not None and not isinstance(value, Mapping | list)


def as_typed(config: dict[str, Any], words: Sequence[str], schema: Mapping[str, Any]) -> None:
    """Restore string values to the text typed after ``--config``, in place.

    Snakemake parses ``2024`` and ``2024_08_01`` as numbers, cuts ``a #b`` off at the ``#``, and strips quotes.

    Args:
        config: the config as parsed by Snakemake.
        words: ``key=text``, as typed.
        schema: tells which keys are strings; the others are left alone.
    """
    for word in words:
        key, _, text = word.partition("=")
        if schema["properties"].get(key, {}).get("type") == "string":
            quoted = len(text) > 1 and text[0] == text[-1] and text[0] in "'\""
            config[key] = text[1:-1] if quoted else text


def unknown_key(key: str, known: Iterable[str]) -> str:
    """Describe the problem of a key that the schema does not have."""
    return f"unknown key; {did_you_mean(key, sorted(known), 'known here')}"


def cross_problems(config: Config) -> Iterator[tuple[str, str]]:
    """Find names that another block should define but does not, and values that contradict each other."""
    if config["pairs"]["min_overlap"] >= config["pairs"]["max_overlap"]:
        yield "pairs.min_overlap", "must be below pairs.max_overlap, else no pair can be kept"
    if (
        len(config["pretrain"]["runs"])
        and config["pretrain"]["image_size"] % config["pretrain"]["encoder"]["patch_size"]
    ):
        yield "pretrain.image_size", "must be a multiple of pretrain.encoder.patch_size"
    for name, run in config["pretrain"]["runs"].items():
        if run["dataset"] not in config["datasets"]:
            yield f"pretrain.runs.{name}.dataset", unknown_name(run["dataset"], config["datasets"])
        processes = {**config["pretrain"], **run}["processes"]
        if isinstance(config["gpus"], int) and 0 < config["gpus"] < processes:
            yield (
                f"pretrain.runs.{name}.processes",
                f"{processes}, one per GPU, is more than the {config['gpus']} GPUs of a machine (key gpus)",
            )
        matched = {**config["pretrain"], **run}.get("epoch_of", run["dataset"])
        if run["dataset"] in config["datasets"] and matched not in config["datasets"]:
            yield f"pretrain.runs.{name}.epoch_of", unknown_name(matched, config["datasets"])
    yield from encoder_problems(config)
    registry = read_registry()
    for name, source in config["sources"].items():
        if name not in registry:
            yield f"sources.{name}", f"{unknown_name(name, registry)}; a new source needs a row in rules/sources.tsv"
        elif source["adapter"] != registry[name].adapter:
            yield f"sources.{name}.adapter", f"is {registry[name].adapter!r} in rules/sources.tsv"
    for name, source in config["sources"].items():
        for other in source.get("held_out", {}).get("sources", []):
            if other not in config["sources"] or other == name:
                yield f"sources.{name}.held_out.sources", unknown_name(other, config["sources"])
    for task in config["leaks"]["tasks"]:
        if task not in config["finetune"]["tasks"]:
            yield "leaks.tasks", unknown_name(task, config["finetune"]["tasks"])
    for name in config["datasets"]:
        for source in wanted_pairs(name, config["datasets"]):
            if source not in config["sources"]:
                yield f"datasets.{name}.pairs", unknown_name(source, config["sources"])
    yield from folder_problems(config)


def encoder_problems(config: Config) -> Iterator[tuple[str, str]]:
    """Find encoder names that are used twice or are not a pretraining run, a baseline or random weights."""
    runs, baselines = config["pretrain"]["runs"], config["baselines"]
    for name in baselines:
        if name in runs or name == "random":
            yield f"baselines.{name}", "this name is already used by a pretraining run or by random weights"
    files = {f"baselines.{name}.path": str(baseline["path"]) for name, baseline in baselines.items()}
    files["reconstruction.inception"] = str(config["reconstruction"].get("inception", ""))
    for key, file in files.items():
        if set(file) & set("{}"):
            yield key, f"{file!r} has braces, which Snakemake takes for a wildcard: rename the file, or link to it"
    every = ["random", *runs, *baselines]
    asking = {
        "finetune.encoders": (config["finetune"]["encoders"], ["random", *runs]),
        "finetune.few_shot.encoders": (config["finetune"]["few_shot"]["encoders"], every),
        "reconstruction.encoders": (config["reconstruction"]["encoders"], [*runs, *baselines]),
        "reconstruction.frechet_encoder": ([config["reconstruction"]["frechet_encoder"]], ["", *runs, *baselines]),
        "report.table3": (config["report"]["table3"], [*runs]),
        "report.scaling": (config["report"].get("scaling", []), [*runs]),
    }
    for key, (names, known) in asking.items():
        for name in names:
            if name not in known:
                yield key, unknown_name(name, known)
    if config["reconstruction"]["dataset"] not in config["datasets"]:
        yield "reconstruction.dataset", unknown_name(config["reconstruction"]["dataset"], config["datasets"])
    for task in (*config["finetune"]["few_shot"]["tasks"], *config["report"]["figure3a"]):
        if task not in config["finetune"]["tasks"]:
            yield "finetune.tasks", f"has no {task!r}, which finetune.few_shot or report.figure3a uses"


def folder_problems(config: Config) -> Iterator[tuple[str, str]]:
    """Check that the folder ``videos`` exists if a source reads it."""
    used = {source for name in config["datasets"] for source in wanted_pairs(name, config["datasets"])}
    asks = [name for name, source in config["sources"].items() if name in used and source["root"] == "{videos}"]
    if asks and not config["videos"]:
        yield "videos", f"the source {asks[0]!r} reads this folder: add --config videos=FOLDER"
    elif asks and not is_folder(config["videos"]):
        yield "videos", f"there is no folder {config['videos']!r}"


def is_folder(name: str) -> bool:
    """Return whether a folder exists; a name too long for the system does not."""
    try:
        return Path(name).is_dir()
    except OSError:
        return False


def unknown_name(name: str, known: Iterable[str]) -> str:
    """Describe the problem of a name that no block defines."""
    return f"there is no {name!r}; {did_you_mean(name, sorted(known), 'known')}"
