import platform

import pytest
import torch

from mimic_core.devices import cpu_threads, device, keep_freed_memory


def test_the_device_is_a_gpu_only_where_there_is_one():
    assert device().type == ("cuda" if torch.cuda.is_available() else "cpu")


def test_threads_are_given_back_even_after_a_failure():
    before = torch.get_num_threads()
    with pytest.raises(ValueError, match="on purpose"), cpu_threads(before + 1):
        assert torch.get_num_threads() == before + 1
        raise ValueError("on purpose")
    assert torch.get_num_threads() == before


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc can be told to keep memory")
def test_glibc_keeps_what_is_freed():
    assert keep_freed_memory()


def test_another_c_library_is_left_alone(monkeypatch):
    monkeypatch.setattr("mimic_core.devices.ctypes.CDLL", lambda name: object())
    assert not keep_freed_memory()
