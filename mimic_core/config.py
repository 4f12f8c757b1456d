"""Checking a config before anything runs: closed schema, "did you mean", keys given twice, names that must exist.

Needs nothing but PyYAML and jsonschema, so that a plan can be made on a machine without the scientific stack.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import jsonschema
import yaml

from mimic_core.datasets.composition import wanted_pairs
from mimic_core.errors import MimicError
from mimic_core.sources.registry import read_registry

Config = Mapping[str, Any]


class UniqueKeyLoader(yaml.SafeLoader):
    """Safe YAML that refuses a mapping with the same key twice, where plain YAML would drop the first."""


def _unique_mapping(loader: UniqueKeyLoader, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
    seen: dict[str, int] = {}
    for key_node, _ in node.value:
        line = key_node.start_mark.line + 1
        if key_node.value in seen:
            raise MimicError(
                f"the key {key_node.value!r} stands twice in one block, in lines {seen[key_node.value]} and {line}",
                where=f"{key_node.start_mark.name}, line {line}",
                remedy="give the second a name of its own, or remove it",
            )
        seen[key_node.value] = line
    return loader.construct_mapping(node, deep=deep)


UniqueKeyLoader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _unique_mapping)


def load_yaml(path: str | Path) -> Any:
    """Read a YAML file.

    Raises:
        MimicError: it is not there, is no YAML, or gives a key twice.
    """
    try:
        with open(path, encoding="utf-8") as stream:
            return yaml.load(stream, UniqueKeyLoader)  # noqa: S506 - a subclass of the safe loader
    except OSError as error:
        raise MimicError(f"cannot read a config file: {error.strerror}", where=path, remedy="check the path") from error
    except yaml.YAMLError as error:
        raise MimicError(f"this is no YAML: {error}", where=path, remedy="mend the line named above") from error


def read_config(path: str | Path, overlays: Iterable[str | Path] = ()) -> dict[str, Any]:
    """A config with overlays on top, merged key by key as Snakemake does; not checked."""
    config: dict[str, Any] = {}
    for file in (path, *overlays):
        merge(config, load_yaml(file) or {})
    return config


def merge(config: dict[str, Any], overlay: Mapping[str, Any]) -> None:
    """Lay a block over another, in place."""
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
        MimicError: names every key at fault, what is wrong with it, and what would be right.
    """
    problems = [*schema_problems(config, schema)] or [*cross_problems(config)]
    if problems:
        raise MimicError(
            "the config cannot be used:\n" + "\n".join(f"  {key}: {problem}" for key, problem in problems),
            remedy="correct the keys named above in config.yaml, in the overlay, or behind --config",
        )


def schema_problems(config: Config, schema: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Each key at fault and what is wrong with it."""
    validator = jsonschema.Draft202012Validator(schema)
    for error in sorted(validator.iter_errors(config), key=lambda error: [str(part) for part in error.absolute_path]):
        path = ".".join(str(part) for part in error.absolute_path)
        if error.validator == "additionalProperties":
            known = list(error.schema.get("properties", {}))
            for key in sorted(set(error.instance) - set(known)):
                yield f"{path}.{key}".lstrip("."), unknown_key(str(key), known)
        else:
            yield path or "(top level)", error.message


def unknown_key(key: str, known: Iterable[str]) -> str:
    """What to say of a key that the schema does not have."""
    close = difflib.get_close_matches(key, list(known), n=1)
    if close:
        return f"there is no such key; did you mean {close[0]!r}?"
    return f"there is no such key; known here: {', '.join(sorted(known))}"


def cross_problems(config: Config) -> Iterator[tuple[str, str]]:
    """Names that one block uses and another must have, and values that must fit each other."""
    if config["pairs"]["min_overlap"] >= config["pairs"]["max_overlap"]:
        yield "pairs.min_overlap", "must be below pairs.max_overlap, or no pair can be kept"
    if (
        len(config["pretrain"]["runs"])
        and config["pretrain"]["image_size"] % config["pretrain"]["encoder"]["patch_size"]
    ):
        yield "pretrain.image_size", "must be a multiple of pretrain.encoder.patch_size"
    for name, run in config["pretrain"]["runs"].items():
        if run["dataset"] not in config["datasets"]:
            yield f"pretrain.runs.{name}.dataset", unknown_name(run["dataset"], config["datasets"])
    yield from encoder_problems(config)
    registry = read_registry()
    for name, source in config["sources"].items():
        if name not in registry:
            yield f"sources.{name}", f"{unknown_name(name, registry)}; a new source needs a row in rules/sources.tsv"
        elif source["adapter"] != registry[name].adapter:
            yield f"sources.{name}.adapter", f"is {registry[name].adapter!r} in rules/sources.tsv"
    for name in config["datasets"]:
        for source in wanted_pairs(name, config["datasets"]):
            if source not in config["sources"]:
                yield f"datasets.{name}.pairs", unknown_name(source, config["sources"])
    yield from folder_problems(config)


def encoder_problems(config: Config) -> Iterator[tuple[str, str]]:
    """Encoders are pretraining runs, baselines or random weights, and no two have one name."""
    runs, baselines = config["pretrain"]["runs"], config["baselines"]
    for name in baselines:
        if name in runs or name == "random":
            yield f"baselines.{name}", "a pretraining run, or random weights, has this name already"
    every = ["random", *runs, *baselines]
    asking = {
        "finetune.encoders": (config["finetune"]["encoders"], ["random", *runs]),
        "finetune.few_shot.encoders": (config["finetune"]["few_shot"]["encoders"], every),
        "reconstruction.encoders": (config["reconstruction"]["encoders"], [*runs, *baselines]),
        "reconstruction.frechet_encoder": ([config["reconstruction"]["frechet_encoder"]], ["", *runs, *baselines]),
        "report.table3": (config["report"]["table3"], [*runs]),
    }
    for key, (names, known) in asking.items():
        for name in names:
            if name not in known:
                yield key, unknown_name(name, known)
    if config["reconstruction"]["dataset"] not in config["datasets"]:
        yield "reconstruction.dataset", unknown_name(config["reconstruction"]["dataset"], config["datasets"])
    for task in (*config["finetune"]["few_shot"]["tasks"], *config["report"]["figure3a"]):
        if task not in config["finetune"]["tasks"]:
            yield "finetune.tasks", f"has no {task!r}, which finetune.few_shot or report.figure3a asks for"


def folder_problems(config: Config) -> Iterator[tuple[str, str]]:
    """A source that reads the folder behind ``videos`` needs that folder."""
    used = {source for name in config["datasets"] for source in wanted_pairs(name, config["datasets"])}
    asks = [name for name, source in config["sources"].items() if name in used and source["root"] == "{videos}"]
    if asks and not config["videos"]:
        yield "videos", f"the source {asks[0]!r} reads this folder: add --config videos=FOLDER"
    elif asks and not Path(config["videos"]).is_dir():
        yield "videos", f"there is no folder {config['videos']!r}"


def unknown_name(name: str, known: Iterable[str]) -> str:
    """What to say of a name that no other block has."""
    close = difflib.get_close_matches(name, list(known), n=1)
    hint = f"did you mean {close[0]!r}?" if close else f"known: {', '.join(sorted(known))}"
    return f"there is no {name!r}; {hint}"
