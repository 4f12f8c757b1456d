"""The start of a run, and the params and resources that rules of all stages use."""

import copy
import inspect
import os
import subprocess
import sys
from pathlib import Path

import pytest
from support import REPOSITORY

from mimic_core.config import wiring
from mimic_core.config.checking import load_block, read_config
from mimic_core.config.wiring.setup import Start, let_jobs_find
from mimic_core.kit.errors import MimicError

HEAVY = {"snakemake", "torch", "pandas", "numpy"}


@pytest.fixture
def config():
    """The default config, to be changed."""
    return read_config(REPOSITORY / "config.yaml")


def test_the_process_that_plans_stays_light():
    code = f"import mimic_core.config.wiring, sys; print(sorted({HEAVY} & set(sys.modules)))"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert ended.stdout == "[]\n", ended.stderr


# params and resources


def test_json_is_sorted_and_later_blocks_win():
    assert wiring.as_json({"b": 1, "a": 2}, {"a": 3}, c=[4]) == '{"a": 3, "b": 1, "c": [4]}'


def test_a_param_left_alone_is_a_function_of_wildcards_only():
    param = wiring.as_it_is("{run}")
    assert param(None) == "{run}" and [*inspect.signature(param).parameters] == ["wildcards"]


def test_an_untracked_param_asks_for_the_output():
    """That is what Snakemake goes by."""
    param = wiring.untracked(Path("/somewhere/a.py"))
    assert "output" in inspect.signature(param).parameters
    assert param(None, None) == Path("/somewhere/a.py")


def test_memory_and_time_grow_with_every_attempt():
    assert [wiring.memory(100)(None, attempt) for attempt in (1, 2)] == [500, 600]
    assert wiring.memory(lambda wildcards: 10 * wildcards)(7, 2) == 540
    assert [wiring.minutes(60)(None, attempt) for attempt in (1, 3)] == [60, 180]


@pytest.mark.parametrize(("gpus", "asked"), [(0, 0), (1, 1), (8, 1)])
def test_a_process_asks_for_a_gpu_where_the_config_has_some(config, gpus, asked):
    assert wiring.gpus({**config, "gpus": gpus}) == asked
    assert wiring.gpus({**config, "gpus": gpus, "scale": "paper"}) == asked


# the start


def test_a_modules_config_lies_on_the_defaults_and_the_callers_is_left_alone(config):
    given = {"seed": 9, "sample": {"flats": {"hm3d": 1}}}
    before = copy.deepcopy(given)
    found = Start(REPOSITORY, ["videos=2024"], ["no/such/file.yaml"], as_module=True).checked(given, deployed=False)
    assert given == before
    assert found == {
        **config,
        "seed": 9,
        "sample": {**config["sample"], "flats": {**config["sample"]["flats"], "hm3d": 1}},
    }


def test_the_main_workflows_config_is_used_as_it_is_with_typed_texts_put_right(config):
    config["videos"] = 20240801
    assert Start(REPOSITORY, ["videos=2024_08_01"]).checked(config, deployed=False) is config
    assert config["videos"] == "2024_08_01"


def test_a_wrong_config_and_an_overlay_with_a_key_twice_are_refused(config, tmp_path):
    config["pairs"]["ratoi"] = 0.7
    for as_module in (False, True):
        with pytest.raises(MimicError, match="did you mean 'ratio'"):
            Start(REPOSITORY, as_module=as_module).checked(config, deployed=False)
    overlay = tmp_path / "twice.yaml"
    overlay.write_text("seed: 1\nseed: 2\n")
    with pytest.raises(MimicError, match="appears twice"):
        Start(REPOSITORY, overlays=[str(overlay)]).checked(dict(load_block(REPOSITORY / "config.yaml")), deployed=False)


def test_folders_that_conda_cannot_be_handed_are_refused(config, tmp_path, monkeypatch):
    folder = tmp_path / "a $(b)"
    folder.mkdir()
    monkeypatch.chdir(folder)
    assert Start(REPOSITORY).checked(config, deployed=False) is config
    with pytest.raises(MimicError, match="the folder it runs in has"):
        Start(REPOSITORY).checked(config, deployed=True)


def test_names_in_commands_are_checked_where_a_cluster_gets_them(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    start = Start(Path("/plain"), ["videos=$(b)"], ["fine.yaml"])
    start.check_jobs(10, on_cluster=False)
    with pytest.raises(MimicError, match="--config has"):
        start.check_jobs(10, on_cluster=True)
    with pytest.raises(MimicError, match="--configfile has"):
        Start(Path("/plain"), [], ["`b`.yaml"]).check_jobs(10, on_cluster=True)
    Start(Path("/plain"), ["videos=a b"]).check_jobs(10, on_cluster=True)


def test_jobs_find_this_code_first_and_the_programs_beside_this_python():
    beside = str(Path(sys.executable).parent)
    found = let_jobs_find(Path("/a b"), {"PATH": "/bin", "PYTHONPATH": "/mine"})
    assert found == {"PYTHONPATH": os.pathsep.join(["/a b", "/mine"]), "PATH": os.pathsep.join([beside, "/bin"])}
    assert let_jobs_find(Path("/a"), {"PATH": "/bin"})["PYTHONPATH"] == "/a"
