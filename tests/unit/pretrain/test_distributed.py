"""Which device a process gets."""

import pytest
import torch

from mimic_core.kit.errors import MimicError
from mimic_core.machine.devices import usable_precision, uses_bfloat16
from mimic_core.pretrain.distributed import processes


def test_more_processes_than_gpus_are_refused(monkeypatch):
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "8")
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    with pytest.raises(MimicError, match="8 processes, but only 2 GPUs") as caught, processes():
        pass
    assert caught.value.where == "pretrain.processes"


def test_without_gpus_the_processor_is_used(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    with processes() as world:
        assert (world.rank, world.count, world.device.type) == (0, 1, "cpu")


@pytest.mark.parametrize(
    ("asked", "device", "known", "used"),
    [
        ("bf16", "cpu", True, torch.bfloat16),
        ("bf16", "cpu", False, torch.float32),
        ("bf16", "cuda", True, torch.bfloat16),
        ("bf16", "cuda", False, torch.float16),
        ("fp16", "cuda", True, torch.float16),
        ("fp32", "cuda", False, torch.float32),
    ],
)
def test_bfloat16_gives_way_where_it_is_missing(monkeypatch, asked, device, known, used):
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation=True: known)
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx2": True, "avx512_bf16": known})
    assert usable_precision(asked, torch.device(device)) == used
    if device == "cpu":
        assert uses_bfloat16(asked) == (used == torch.bfloat16)
