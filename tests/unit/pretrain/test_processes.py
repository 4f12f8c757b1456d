"""Two processes share a run: they end as one process does, and agree on the checkpoint to resume from."""

import importlib
import json
import os
import runpy
import socket
from multiprocessing import get_context

import pandas as pd
import pytest
import torch
from support import REPOSITORY
from torch import distributed
from torch.nn.parallel import DistributedDataParallel
from unit.pretrain.damages import saved, spoil
from unit.pretrain.dino_runs import assert_same, make_model, state, train

from mimic_core.kit.errors import MimicError
from mimic_core.pretrain.checkpoint import newest_sound
from mimic_core.pretrain.distributed import Processes

pytestmark = pytest.mark.integration

HERE = "unit.pretrain.test_processes"  # by which processes find this file; packages of others are called tests too


@pytest.fixture
def in_two_processes(monkeypatch):
    """Calls a function of this file in two processes: ``function(rank, *arguments)``.

    They are forked from one that has imported this file and has no threads; forks of one with threads may never end.
    """
    tests = REPOSITORY / "tests"
    monkeypatch.syspath_prepend(tests)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(map(str, (tests, REPOSITORY))))
    context = get_context("forkserver")
    context.set_forkserver_preload([HERE])

    def call(function, *arguments):
        part = getattr(importlib.import_module(HERE), function.__name__)
        processes = [context.Process(target=part, args=(rank, *arguments), daemon=True) for rank in range(2)]
        for process in processes:
            process.start()
        for process in processes:
            process.join(300)
            assert process.exitcode == 0

    return call


def train_part(rank, folder):
    torch.set_num_threads(1)
    distributed.init_process_group("gloo", f"file://{folder}/meet", rank=rank, world_size=2)
    model = make_model()
    wrapped = DistributedDataParallel(model, gradient_as_bucket_view=True)
    train(model, wrapped, micro=2, rank=rank, processes=2)
    torch.save(state(model), folder / f"{rank}.pt")
    distributed.destroy_process_group()


def test_the_effective_batch_counts_however_many_processes_share_it(in_two_processes, tmp_path):
    in_two_processes(train_part, tmp_path)
    whole = make_model()
    train(whole)
    found = [torch.load(tmp_path / f"{rank}.pt") for rank in range(2)]
    assert_same(found[0], found[1], 0)
    assert_same(found[0], state(whole), 1e-5)


def agree_in_part(rank, folder):
    """The newest is damaged, and then all are."""
    distributed.init_process_group("gloo", f"file://{folder}/meet", rank=rank, world_size=2)
    world, found = Processes(rank, 2, torch.device("cpu")), []
    for attempt in range(2):
        try:
            found.append(world.agree(lambda: newest_sound(folder)[0]).name)
        except MimicError as error:
            found.append(error.remedy)
        world.wait()
        if rank == attempt == 0:
            spoil(folder / "iteration-00000001.pt")
        world.wait()
    (folder / f"{rank}.json").write_text(json.dumps(found))
    distributed.destroy_process_group()


def test_all_processes_agree_on_the_checkpoint(in_two_processes, tmp_path):
    spoil(saved(tmp_path, 1, 2)[1])
    in_two_processes(agree_in_part, tmp_path)
    one, other = (json.loads((tmp_path / f"{rank}.json").read_text()) for rank in range(2))
    assert one == other
    assert one[0] == "iteration-00000001.pt"
    assert one[1].endswith(f"rm {tmp_path / 'iteration-00000002.pt'} {tmp_path / 'iteration-00000001.pt'}")


def command(words):
    """Pretrain as the rule does."""
    runpy.run_path(str(REPOSITORY / "workflow_scripts" / "pretrain_run.py"))["main"](words)


def command_part(rank, port, words):
    """As torchrun would call it."""
    told = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": 2, "LOCAL_WORLD_SIZE": 2}
    place = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
    os.environ.update({name: str(value) for name, value in (told | place).items()})
    command(words)


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def test_two_processes_share_the_effective_batch_of_the_command(in_two_processes, manifest, tmp_path, block):
    def arguments(name, batch):
        settings = json.dumps(block | {"epochs": 2, "batch_size": batch, "effective_batch": 8})
        out, checkpoints = (str(tmp_path / name / folder) for folder in ("out", "checkpoints"))
        words = ["--manifest", str(manifest), "--out", out, "--checkpoints", checkpoints]
        return [*words, "--settings", settings, "--seed", "0"]

    in_two_processes(command_part, free_port(), arguments("two", 2))
    command(arguments("one", 8))
    two, one = (json.loads((tmp_path / name / "out/receipt.json").read_text())["statistics"] for name in ("two", "one"))
    assert (two["processes"], one["processes"]) == (2, 1)
    assert two["effective_batch"] == one["effective_batch"] == 8
    tables = [pd.read_csv(tmp_path / name / "out" / "metrics.csv") for name in ("two", "one")]
    for column in ("lr", "loss", "val_loss", "val_loss_shuffled"):
        assert tables[0][column].dropna().tolist() == pytest.approx(tables[1][column].dropna().tolist(), rel=1e-5)
