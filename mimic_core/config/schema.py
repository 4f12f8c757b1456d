"""Build the config's schema from the declarations; ``python -m mimic_core.config`` writes it to a file.

The schema is closed: an undeclared key stops a run. Besides the keywords of JSON Schema, a key has ``x-unit`` and
``x-reruns``, the first stage that runs again when it is edited (``nothing`` if it changes no result).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, get_type_hints

from pydantic import TypeAdapter

from mimic_core.config import declarations as declared
from mimic_core.evaluation import ReconstructionSettings
from mimic_core.finetune import SETTINGS as TASKS
from mimic_core.kit.settings import schema_of
from mimic_core.kit.values import Name
from mimic_core.models import DecoderSettings, EncoderName, ViTSettings
from mimic_core.objectives import OBJECTIVES, get_objective
from mimic_core.pairs.rules import RULES
from mimic_core.pairs.settings import MiningSettings
from mimic_core.pretrain import PretrainSettings
from mimic_core.sampledata.settings import SampleSettings
from mimic_core.sources import ADAPTERS

Schema = dict[str, Any]

DIALECT = "https://json-schema.org/draft/2020-12/schema"
NOISE = ("title", "x-job")  # dropped: the first is pydantic's, the second concerns only jobs


def config_schema(defaults: Mapping[str, Any]) -> Schema:
    """Return the schema of the whole config.

    Args:
        defaults: the content of ``config.yaml``. Since every config is merged onto it, its keys are required.
    """
    blocks = {
        "sample": block(SampleSettings, required=False),
        "sources": named(source_schema(), "one block per source, named as in rules/sources.tsv"),
        "frames": block(declared.FramesBlock),
        "pairs": block(MiningSettings),
        "datasets": named(block(declared.DatasetBlock, required=True), "one block per dataset"),
        "leaks": block(declared.LeaksBlock),
        "pretrain": pretrain_schema(),
        "finetune": finetune_schema(),
        "baselines": named(block(declared.BaselineBlock, required=True), "one block per released checkpoint"),
        "reconstruction": block(ReconstructionSettings, declared.ReconstructionBlock),
        "report": block(declared.ReportBlock),
    }
    for name, stage in STAGES.items():
        blocks[name].setdefault("x-reruns", stage)
        require(blocks[name], defaults[name])
    for holder, name in TASK_LISTS:
        within(blocks, holder)["properties"][name]["items"] = {"enum": list(TASKS)}
    general = block(declared.General)
    properties = {**general["properties"], **blocks}
    return {
        "$schema": DIALECT,
        "title": "MIMIC config",
        "description": "generated from the declarations by: python -m mimic_core.config",
        **closed(properties, properties),
    }


STAGES = {  # the first stage that reads a block
    "sample": "sample",
    "sources": "frames",
    "frames": "frames",
    "pairs": "pairs",
    "datasets": "datasets",
    "leaks": "datasets",
    "pretrain": "pretrain",
    "finetune": "finetune",
    "baselines": "finetune",
    "reconstruction": "reconstruction",
    "report": "report",
}


def require(schema: Schema, defaults: Mapping[str, Any]) -> None:
    """Require the keys that the defaults have, in a block and its nested blocks, except those in :data:`NAMED`."""
    properties = schema.get("properties", {})
    if names := sorted(set(properties) & set(defaults)):
        schema["required"] = names
    for name in names:
        if isinstance(defaults[name], Mapping) and name not in NAMED:
            require(properties[name], defaults[name])


NAMED = ("tasks",)  # blocks whose keys are up to the user
TASK_LISTS = (("leaks", "tasks"), ("report", "figure3a"), ("finetune.few_shot", "tasks"))


def within(blocks: Mapping[str, Schema], dotted: str) -> Schema:
    """Return a block by its dotted name."""
    first, *rest = dotted.split(".")
    found = blocks[first]
    for name in rest:
        found = found["properties"][name]
    return found


def closed(properties: Mapping[str, Schema], required: Iterable[str] = ()) -> Schema:
    """Return the schema of a block with these keys and no others."""
    made: Schema = {"type": "object", "additionalProperties": False}
    if names := sorted(required):
        made["required"] = names
    return {**made, "properties": dict(properties)}


def named(one: Schema, says: str) -> Schema:
    """Return the schema of a block that maps user-defined names to blocks."""
    name = tidy(TypeAdapter(Name).json_schema(), {})
    return {"type": "object", "description": says, "propertyNames": name, "additionalProperties": one}


def block(*kinds: type, leave_out: Iterable[str] = (), required: bool = False) -> Schema:
    """Return the schema of a block with the keys of settings classes.

    Args:
        kinds: if several have a key of the same name, the last one wins.
        leave_out: keys that are not in the config.
        required: require the keys without a default; not needed for a block that ``config.yaml`` fills.
    """
    properties: dict[str, Schema] = {}
    needed: set[str] = set()
    for kind in kinds:
        schema = schema_of(kind)
        for name, one in schema["properties"].items():
            if name not in leave_out and not one.get("x-job"):
                properties[name] = tidy(one, schema.get("$defs", {}))
        needed |= set(schema.get("required", ()))
    made = closed(properties, needed & set(properties) if required else ())
    says = (kinds[0].__doc__ or "").strip().split("\n")[0]
    return {"description": says, **made}


def tidy(schema: Schema, definitions: Mapping[str, Schema]) -> Schema:
    """Simplify a schema of pydantic: resolve references, drop noise, and close blocks with user-defined names."""
    if "$ref" in schema:
        inner = definitions[schema["$ref"].rpartition("/")[2]]
        schema = {**inner, **{name: value for name, value in schema.items() if name != "$ref"}}
        schema.pop("required", None)  # config.yaml supplies the defaults
    found = {name: value for name, value in schema.items() if name not in NOISE}
    for name in ("properties", "patternProperties"):
        if name in found:
            inner = {one: value for one, value in found[name].items() if not value.get("x-job")}
            found[name] = {one: tidy(value, definitions) for one, value in inner.items()}
    for name in ("items", "additionalProperties", "propertyNames"):
        if isinstance(found.get(name), Mapping):
            found[name] = tidy(found[name], definitions)
    for name in ("anyOf", "oneOf"):
        if name in found:
            found[name] = [tidy(one, definitions) for one in found[name]]
    if "pattern" in found:
        found["pattern"] = found["pattern"].replace(r"\z", r"\Z")  # end of string in Rust and in Python
    if "patternProperties" in found:
        ((pattern, value),) = found.pop("patternProperties").items()
        names = {**found.get("propertyNames", {}), "pattern": pattern.replace(r"\z", r"\Z")}
        found |= {"propertyNames": names, "additionalProperties": value}
    return found


def source_schema() -> Schema:
    """Return the schema of a source, with the options of every adapter and the settings of every rule."""
    schema = block(declared.SourceBlock, required=True)
    schema["required"] = sorted({*schema["required"], "frames", "pairs"})
    schema["properties"]["options"] |= closed(adapter_options())
    pairs = block(declared.SourcePairs)
    rules = {name: block(rule) for name, rule in RULES.items()}
    one_rule = {**closed(rules), "minProperties": 1, "maxProperties": 1}
    pairs["properties"]["rule"] = {"description": "which pairs of a unit are candidates: one of these", **one_rule}
    says = schema["properties"]["pairs"]["description"]
    schema["properties"]["pairs"] |= {**pairs, "description": says}
    return schema


def task_schema(kind: type) -> Schema:
    """Return the schema of a task: its settings and where its dataset is."""
    schema = block(kind, declared.TaskPlace)
    mode = tidy(schema_of(kind)["properties"]["mode"], {})
    schema["required"] = ["origin", "root"]
    schema["properties"]["modes"]["items"] = {"enum": mode.get("enum") or [mode["const"]]}
    return schema


def adapter_options() -> dict[str, Schema]:
    """Return the options of all adapters, which are the arguments of their constructors."""
    found = {}
    for adapter in ADAPTERS.values():
        hints = get_type_hints(adapter.__init__, include_extras=True)
        for name, kind in hints.items():
            if name != "return":
                found[name] = tidy(TypeAdapter(kind).json_schema(), {})
    return found


def pretrain_schema() -> Schema:
    """Return the schema of the shared pretraining settings and the runs."""
    shared, run = run_schema(), run_schema()
    run["required"] = ["dataset", "model"]
    says = run["properties"]["options"]["description"]
    run["properties"]["options"] = {"description": says, "type": "object", "additionalProperties": True}  # see allOf
    run["allOf"] = [options_of(name, get_objective(name).options_kind) for name in OBJECTIVES]
    extra = block(declared.ResumeBlock)["properties"]
    runs = named(run, "one block per run, with what differs from the shared settings")
    return {**shared, "required": ["runs"], "properties": {**shared["properties"], **extra, "runs": runs}}


def options_of(name: str, kind: type) -> Schema:
    """Return the condition that a run of an objective has only that objective's options."""
    chosen = {"properties": {"model": {"const": name}}, "required": ["model"]}
    return {"if": chosen, "then": {"properties": {"options": closed(block(kind)["properties"])}}}


def run_schema() -> Schema:
    """Return the schema of one run, with the ``options`` of every objective."""
    schema = block(PretrainSettings, declared.PretrainBlock)
    keys = schema["properties"]
    keys["model"] = {**keys["model"], "enum": list(OBJECTIVES)}
    vit = block(EncoderName, ViTSettings, leave_out=["image_size"])
    keys["encoder"] = {**vit, "description": keys["encoder"]["description"]}
    keys["decoder"] = {**block(DecoderSettings), "description": keys["decoder"]["description"]}
    keys["image_size"] = block(ViTSettings)["properties"]["image_size"]
    keys["options"] |= closed({})
    for name in OBJECTIVES:
        for key, one in block(get_objective(name).options_kind)["properties"].items():
            keys["options"]["properties"][key] = {**one, "description": f"of {name}: {one['description']}"}
    return schema


def finetune_schema() -> Schema:
    """Return the schema of the shared fine-tuning settings and the tasks."""
    schema = block(declared.FinetuneBlock, required=False)
    few_shot = block(declared.FewShotBlock, required=True)
    schema["properties"]["few_shot"] = few_shot
    tasks = {name: task_schema(kind) for name, kind in TASKS.items()}
    schema["properties"]["tasks"] = {"description": "one block per task", **closed(tasks)}
    return schema
