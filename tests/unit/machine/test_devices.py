import pytest
import torch

from mimic_core.machine.devices import cpu_threads, device


def test_the_device_is_a_gpu_only_where_there_is_one():
    assert device().type == ("cuda" if torch.cuda.is_available() else "cpu")


def test_threads_are_given_back_even_after_a_failure():
    before = torch.get_num_threads()
    with pytest.raises(ValueError, match="on purpose"), cpu_threads(before + 1):
        assert torch.get_num_threads() == before + 1
        raise ValueError("on purpose")
    assert torch.get_num_threads() == before
