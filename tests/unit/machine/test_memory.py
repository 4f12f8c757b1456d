import platform

import pytest

from mimic_core.machine.memory import keep_freed_memory


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc can be told to keep memory")
def test_glibc_keeps_what_is_freed():
    assert keep_freed_memory()


def test_another_c_library_is_left_alone(monkeypatch):
    monkeypatch.setattr("mimic_core.machine.memory.ctypes.CDLL", lambda name: object())
    assert not keep_freed_memory()
