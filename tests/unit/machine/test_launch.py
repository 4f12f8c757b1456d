"""Training scripts in one process, in several of one machine, and on several nodes."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from mimic_core.kit.errors import MimicError
from mimic_core.machine.launch import PORTS, main, on_all_nodes, on_this_node

SCRIPT = """
import json, os, sys
rank = os.environ.get("RANK", "0")
open(f"{sys.argv[1]}/{rank}", "w").write(json.dumps([sys.argv[2:], os.environ.get("WORLD_SIZE", "1")]))
"""


@pytest.fixture
def script(tmp_path: Path) -> Path:
    path = tmp_path / "script.py"
    path.write_text(SCRIPT)
    return path


@pytest.mark.parametrize("processes", [1, 2])
def test_a_script_gets_its_arguments_in_every_process(script, tmp_path, processes):
    words = ["--run", "one", "--nodes", "7", "--allow-changed"]  # names of torchrun's options, or what abbreviates them
    launch = [sys.executable, "-m", "mimic_core.machine.launch", "--processes", str(processes), "--", str(script)]
    out = tmp_path / "out"
    out.mkdir()
    ended = subprocess.run([*launch, str(out), *words], capture_output=True, text=True, timeout=120)
    assert ended.returncode == 0, ended.stderr
    seen = {path.name: json.loads(path.read_text()) for path in out.iterdir()}
    assert seen == {str(rank): [words, str(processes)] for rank in range(processes)}


def test_several_nodes_need_slurm():
    with pytest.raises(MimicError, match="2 nodes requested outside of SLURM") as caught:
        on_all_nodes(2, 8, 64, {})
    assert caught.value.where == "pretrain.nodes"


def test_one_task_a_node_starts_the_processes_of_that_node():
    words = on_all_nodes(2, 8, 64, {"SLURM_JOB_ID": "5"})
    assert words[:5] == ["srun", "--nodes=2", "--ntasks=2", "--ntasks-per-node=1", "--cpus-per-task=64"]
    assert words[-1] == "--"


def test_nodes_meet_at_the_first_one():
    places = []
    for rank in ("0", "1"):
        told = {"SLURM_NODEID": rank, "SLURM_LAUNCH_NODE_IPADDR": "10.0.0.1", "SLURM_JOB_ID": "123456789"}
        words = on_this_node(2, 8, told)
        assert {"--nnodes=2", f"--node_rank={rank}", "--nproc_per_node=8"} <= set(words)
        places.append([word for word in words if word.startswith("--master_")])
    assert places[0] == places[1] == ["--master_addr=10.0.0.1", f"--master_port={PORTS[123456789 % len(PORTS)]}"]


@pytest.mark.parametrize("told", [{}, {"SLURM_NODEID": "x", "SLURM_LAUNCH_NODE_IPADDR": "a", "SLURM_JOB_ID": "1"}])
def test_a_node_without_a_place_is_an_error(told):
    with pytest.raises(MimicError, match="srun did not set this node's variables"):
        on_this_node(2, 8, told)


def test_no_script_is_an_error(capsys):
    with pytest.raises(SystemExit):
        main(["--processes", "2", "--"])
    assert "no script given" in capsys.readouterr().err
