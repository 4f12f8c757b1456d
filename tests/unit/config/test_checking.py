import copy
import datetime
import re
import time

import pytest
import yaml
from support import REPOSITORY

from mimic_core.config.checking import (
    as_typed,
    check_config,
    cross_problems,
    read_config,
    read_schema,
    schema_problems,
    value_problems,
)
from mimic_core.datasets.composition import wanted_pairs
from mimic_core.foreign.yaml_files import load_yaml
from mimic_core.kit.errors import MimicError

SCHEMA = read_schema(REPOSITORY)
DEFAULT = load_yaml(REPOSITORY / "config.yaml")


def changed(path: str, value: object) -> dict:
    config = copy.deepcopy(DEFAULT)
    block = config
    *parents, last = path.split("/")
    for key in parents:
        block = block[key]
    block[last] = value
    return config


def problem(config: dict) -> str:
    with pytest.raises(MimicError) as raised:
        check_config(config, SCHEMA)
    return str(raised.value)


def test_the_default_is_valid():
    assert not problems(DEFAULT)


def problems(config: dict) -> list[tuple[str, str]]:
    """Every key at fault and what is wrong with it."""
    return [*value_problems(config), *schema_problems(config, SCHEMA), *cross_problems(config)]


def test_the_overlays_are_valid(tmp_path):
    assert not problems(read_config(REPOSITORY / "config.yaml", [REPOSITORY / "configs/paper.yaml"]))
    assert not problems(read_config(REPOSITORY / "config.yaml", [REPOSITORY / "configs/small.yaml"]))
    own = read_config(REPOSITORY / "config.yaml", [REPOSITORY / "configs/own_videos.yaml"])
    assert not problems({**own, "videos": str(tmp_path)})


@pytest.mark.parametrize(
    ("path", "value", "expected"),
    [
        ("pairs/ratoi", 0.7, "pairs.ratoi: unknown key; did you mean 'ratio'?"),
        ("sources/hm3d/shard", 2, "sources.hm3d.shard: unknown key; did you mean 'shards'?"),
        ("pretrain/runs/croco_mimic-3m/epoch", 2, "did you mean 'epochs'?"),
        ("zebra", 1, "zebra: unknown key; known here: baselines, datasets"),
        ("seed", "one", "seed: 'one' is not of type 'integer'"),
        ("frames/keep", "yes", "frames.keep: 'yes' is not of type 'boolean'"),
        ("pairs/min_overlap", 1.5, "pairs.min_overlap: 1.5 is greater than the maximum of 1"),
        ("pairs/ratio", 0, "pairs.ratio: 0 is less than or equal to the minimum of 0"),
        ("pretrain/validation_share", 1.0, "pretrain.validation_share"),
        ("sources/hm3d/shards", 0, "sources.hm3d.shards: 0 is less than the minimum of 1"),
        ("frames/resize", "squeeze", "frames.resize: 'squeeze' is not one of ['squash', 'center_crop']"),
        ("pairs/max_overlap", 0.4, "pairs.min_overlap: must be below pairs.max_overlap"),
        ("gpus", "all", "gpus: 'all' is not 'auto', or a whole number of 0 or more"),
        ("gpus", -1, "gpus: -1 is not 'auto', or"),
        ("pretrain/effective_batch", 0, "pretrain.effective_batch: 0 is not a whole number of 1 or more, or null"),
        ("pretrain/image_size", 100, "pretrain.image_size: must be a multiple of"),
        ("datasets/mimic-1m/pairs", {"hm3": 5}, "datasets.mimic-1m.pairs: there is no 'hm3'; did you mean 'hm3d'?"),
        ("datasets/mimic-1m/pairs", {"hm3d": "most"}, "datasets.mimic-1m.pairs.hm3d"),
        ("finetune/encoders", ["croco"], "finetune.encoders: there is no 'croco'"),
        ("finetune/few_shot/encoders", ["mae"], "finetune.few_shot.encoders: there is no 'mae'"),
        ("finetune/few_shot/tasks", ["poses"], "finetune.few_shot.tasks.0: 'poses' is not one of"),
        ("finetune/tasks/pose/codec", "simcc", "finetune.tasks.pose.codec: 'simcc' is not one of"),
        ("finetune/tasks/classification/modes", ["whole"], "finetune.tasks.classification.modes.0"),
        ("reconstruction/encoders", ["random"], "reconstruction.encoders: there is no 'random'"),
        ("reconstruction/dataset", "gibson", "reconstruction.dataset: there is no 'gibson'; did you mean"),
        ("report/table3", ["croco_mimic-2m"], "report.table3: there is no 'croco_mimic-2m'; did you mean"),
        (
            "baselines/croco_mimic-3m",
            {"path": "", "model": "CroCo", "dataset": "MIMIC-3M", "licence": "none"},
            "baselines.croco_mimic-3m: this name is already used by a pretraining run or by random weights",
        ),
        ("pretrain/runs/croco_mimic-3m/dataset", "mimic-4m", "there is no 'mimic-4m'; did you mean"),
        ("sources/a b", {}, "'a b' does not match"),
        ("datasets/evil\n", {"include": [], "pairs": {}}, "'evil\\n' does not match"),
        ("pairs/min_overlap", float("nan"), "pairs.min_overlap: nan is not a finite number"),
        ("pairs/reprojection_threshold", float("inf"), "pairs.reprojection_threshold: inf is not a finite number"),
        ("finetune/tasks/depth/betas", [0.9, float("nan")], "finetune.tasks.depth.betas.1: nan is not a finite number"),
        ("seed", 1e300, "seed: the number is too large"),
        ("seed", 10**4000, "seed: the number is too large"),
        ("seed", 1.0, "seed: 1.0 is not of type 'integer'"),
        ("seed", True, "seed: True is not of type 'integer'"),
        ("pairs/ratio", True, "pairs.ratio: True is not of type 'number'"),
        ("videos", 2024, "videos: 2024 is not of type 'string'; write it in quotes"),
        ("videos", datetime.date(2024, 8, 1), "videos: 2024-08-01 is read as a date: write it in quotes"),
        ("videos", b"x", "is read as a bytes"),
        ("videos", "a\0b", "holds a null character"),
        ("videos", "a" * 5000, "videos: a string of 5,000 characters"),
        ("pairs/" + "a" * 201, 1, "is not a valid key"),
        ("report/figure3a", ["depth"] * 1001, "report.figure3a: has 1,001 values"),
        ("datasets/" + "a" * 101, {"include": [], "pairs": {}}, "is too long"),
        ("sources/hm3d/shards", 10**9, "sources.hm3d.shards"),
        ("finetune/tasks/depth/drop_path", 1, "finetune.tasks.depth.drop_path: 1 is greater than or equal to"),
        ("reconstruction/inception", "a{b}.pth", "reconstruction.inception: 'a{b}.pth' has braces"),
    ],
)
def test_a_key_at_fault_is_named_with_its_remedy(path, value, expected):
    message = problem(changed(path, value))
    assert expected in message
    assert "remedy:" in message


def test_every_fault_is_listed_at_once():
    config = changed("pairs/ratoi", 1)
    config["seed"] = -1
    message = problem(config)
    assert "pairs.ratoi" in message
    assert "seed: -1" in message


def test_patterns_end_where_the_name_does():
    """``$`` matches before a line break at the end too."""

    def patterns(block):
        if isinstance(block, dict):
            yield from (value for key, value in block.items() if key == "pattern" and isinstance(value, str))
            for value in block.values():
                yield from patterns(value)
        elif isinstance(block, list):
            for value in block:
                yield from patterns(value)

    found = list(patterns(SCHEMA))
    assert found
    for pattern in found:
        assert re.search(pattern, "a-b_3") and not re.search(pattern, "evil\n") and not re.search(pattern, "\nevil")


def test_many_problems_and_long_ones_are_cut_short():
    config = changed("pairs", {f"key{number}": "x" * 4000 for number in range(900)})
    start = time.monotonic()
    message = problem(config)
    assert message.count("unknown key") == 20 and "  and more" in message
    config = changed("videos", {"\x1b[2J": ["y" * 4000] * 900})
    assert len(problem(config)) < 1000 and "\x1b" not in problem(config)
    assert time.monotonic() - start < 10


def test_datasets_that_include_each_other_manifold_end():
    datasets = {"d0": {"include": [], "pairs": {"hm3d": 1}}}
    for number in range(1, 900):
        below = [f"d{number - 1}"] + ([f"d{number - 2}"] if number > 1 else [])
        datasets[f"d{number}"] = {"include": below, "pairs": {"hm3d": 1}}
    assert wanted_pairs("d899", datasets) == {"hm3d": 900}
    datasets["d0"]["include"] = ["d899"]
    with pytest.raises(MimicError, match="datasets include each other"):
        wanted_pairs("d5", datasets)


@pytest.mark.parametrize(
    ("typed", "made", "wanted"),
    [
        ("2024", 2024, "2024"),
        ("2024_08_01", 20240801, "2024_08_01"),
        ("1e3", 1000.0, "1e3"),
        ("nan", float("nan"), "nan"),
        ("true", True, "true"),
        ("a #b", "a", "a #b"),
        ("/x/'c'", "/x/'c", "/x/'c'"),
        ("'2024'", 2024, "2024"),
        ("a: b", {"a": "b"}, "a: b"),
        ("[a]", ["a"], "[a]"),
        ("", None, ""),
    ],
)
def test_a_folder_is_named_as_it_was_typed(typed, made, wanted):
    config = {"videos": made, "seed": 5}
    as_typed(config, [f"videos={typed}", "seed=5"], SCHEMA)
    assert config == {"videos": wanted, "seed": 5}


def test_own_videos_need_their_folder(tmp_path):
    own = read_config(REPOSITORY / "config.yaml", [REPOSITORY / "configs/own_videos.yaml"])
    assert "videos: the source 'videos' reads this folder: add --config videos=FOLDER" in problem(own)
    assert "there is no folder" in problem({**own, "videos": str(tmp_path / "gone")})


def test_a_key_given_twice_is_refused_with_its_lines(tmp_path):
    path = tmp_path / "twice.yaml"
    path.write_text("sources:\n  hm3d: {root: a}\n  other: {root: b}\n  hm3d: {root: c}\n")
    with pytest.raises(MimicError, match="'hm3d' appears twice in one block, in lines 2 and 4"):
        load_yaml(path)


def test_anchors_and_merges_are_no_repetition(tmp_path):
    path = tmp_path / "merge.yaml"
    path.write_text("a: &a {x: 1, y: 2}\nb: {<<: *a, x: 3}\n")
    assert load_yaml(path) == {"a": {"x": 1, "y": 2}, "b": {"x": 3, "y": 2}}


def test_what_is_no_yaml_or_not_there_is_named(tmp_path):
    path = tmp_path / "bad.yaml"
    with pytest.raises(MimicError, match="cannot read a config file"):
        load_yaml(path)
    path.write_text("a: [1, 2\nb: 3")
    with pytest.raises(MimicError, match="this is not valid YAML"):
        load_yaml(path)


def test_a_config_cannot_run_code(tmp_path):
    path = tmp_path / "evil.yaml"
    path.write_text("a: !!python/object/apply:os.system ['touch owned']")
    with pytest.raises(MimicError, match="not valid YAML"):
        load_yaml(path)


def leaves(block: dict, path: tuple = ()) -> list[tuple]:
    found = []
    for key, value in block.items():
        found += leaves(value, (*path, key)) if isinstance(value, dict) else [(*path, key)]
    return found


def test_every_key_has_a_bound_in_the_schema():
    """A string where each value stands is refused for every key that is not a string: nothing is left unchecked."""
    for path in leaves(DEFAULT):
        value = DEFAULT
        for key in path:
            value = value[key]
        config = changed("/".join(path), {"unexpected": "mapping"})
        assert ".".join(path) in problem(config), path


def test_the_schema_is_closed_everywhere():
    def objects(block):
        if isinstance(block, dict):
            if block.get("type") == "object":
                yield block
            for value in block.values():
                yield from objects(value)

    found = list(objects(SCHEMA))
    assert len(found) > 10
    for block in found:
        assert block.get("additionalProperties") is not None, yaml.dump(block)[:200]


def test_a_run_has_no_more_processes_than_machines_have_gpus():
    config = changed("gpus", 2)
    config["pretrain"]["runs"]["croco_mimic-3m"]["processes"] = 4
    assert "pretrain.runs.croco_mimic-3m.processes: 4, one per GPU, is more than the 2 GPUs of a machine" in problem(
        config
    )
    config["gpus"] = 0
    assert not problems(config)


@pytest.mark.parametrize(
    ("model", "options", "expected"),
    [
        ("dino", {"prototype": 8}, "options.prototype: unknown key; did you mean 'prototypes'?"),
        ("croco", {"prototypes": 8}, "options.prototypes: unknown key; known here: matched_share"),
        ("croco", {"matched_share": 2}, "options.matched_share: 2 is not a number from 0 to 1, or null"),
        ("mae", {"matched_share": 0.5}, "options.matched_share: unknown key"),
    ],
)
def test_a_run_has_the_options_of_its_objective_alone(model, options, expected):
    config = changed("pretrain/runs/mae_mimic-3m", {"model": model, "dataset": "mimic-3m", "options": options})
    message = problem(config)
    assert f"pretrain.runs.mae_mimic-3m.{expected}" in message
    assert message.count("options.") == 1
