"""How programs end: in words, whatever the machine or the streams they were given do."""

import errno
import os
import resource
import subprocess
import sys
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

import pytest

from mimic_core.kit import program
from mimic_core.kit.errors import MimicError

NOBODY = 65534
FAULT = "this is a bug in MIMIC"


def ended(main, capsys):
    """Exit code of a program, and what it said on stderr."""
    with pytest.raises(SystemExit) as caught:
        program.run(main)
    return caught.value.code, capsys.readouterr().err


def raising(error):
    def main(_):
        raise error

    return main


@pytest.mark.parametrize("number", sorted(number for numbers in program.REMEDIES for number in numbers))
def test_an_error_of_the_system_is_told_in_words(number, capsys):
    code, said = ended(raising(OSError(number, os.strerror(number), "some/where\n")), capsys)
    assert code == 1
    assert f"error: {os.strerror(number)}\n  where:  some/where\\n\n  remedy: " in said
    assert FAULT not in said
    assert ("Traceback" in said) == (number == errno.ENOENT)


def test_both_ends_of_a_failed_rename_are_named(capsys):
    _, said = ended(raising(OSError(errno.EACCES, "Permission denied", "a", None, b"b\xff")), capsys)
    assert "where:  a -> b\\udcff" in said


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (MemoryError(), "this process ran out of memory"),
        (RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory"), "ran out of memory"),
        (RuntimeError("can't start new thread"), "no more threads or processes can be started"),
        (BrokenProcessPool("terminated abruptly"), "a worker process was killed"),
        (MimicError("this", remedy="that"), "error: this\n  remedy: that"),
    ],
)
def test_what_runs_out_is_told_in_words(error, words, capsys):
    code, said = ended(raising(error), capsys)
    assert code == 1
    assert words in said
    assert FAULT not in said
    assert "Traceback" not in said


@pytest.mark.parametrize("error", [KeyError("x"), OSError("no number"), BrokenPipeError(errno.EPIPE, "a child's")])
def test_any_other_error_is_a_fault_of_ours(error, capsys):
    code, said = ended(raising(error), capsys)
    assert code == 1
    assert "Traceback" in said
    assert FAULT in said


def test_ctrl_c_is_one_line(capsys):
    assert ended(raising(KeyboardInterrupt()), capsys) == (130, "interrupted\n")


def test_an_exit_code_is_kept(capsys):
    assert ended(raising(SystemExit(3)), capsys) == (3, "")


PRINTING = """
import sys
from mimic_core.kit import program
def main(_):
    out = open({path!r}, "w")
    for line in range(20000):
        print("line", line)
    print("told", file=sys.stderr)
    out.write("whole")
program.run(main)
"""


def shell(words, folder, code=PRINTING):
    program = folder / "program.py"
    program.write_text(code.format(path=str(folder / "out")))
    line = words.replace("PROGRAM", f"{sys.executable} {program}")
    return subprocess.run(["bash", "-c", line], capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize("mode", ["", "PYTHONUNBUFFERED=1 "])
def test_nobody_reads_what_is_printed(tmp_path, mode):
    done = shell(f"{mode}PROGRAM | head -1; exit ${{PIPESTATUS[0]}}", tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (141, "line 0\n", "")
    done = shell(f"{mode}PROGRAM 2>&1 | true; exit ${{PIPESTATUS[0]}}", tmp_path)
    assert (done.returncode, done.stderr) == (141, "")


@pytest.mark.parametrize("closed", ["2>&-", ">&-", "<&- >&- 2>&-"])
def test_closed_streams_do_not_lead_into_a_file(tmp_path, closed):
    """The file that is opened first must not get the number of a stream: what is printed would land in it."""
    done = shell(f"PROGRAM {closed}", tmp_path)
    assert done.returncode == 0
    assert (tmp_path / "out").read_text() == "whole"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_behind_stdout(tmp_path):
    done = shell("PROGRAM > /dev/full", tmp_path)
    assert done.returncode == 1
    assert "error: cannot print (No space left on device)\n  where:  standard output" in done.stderr
    assert "Traceback" not in done.stderr
    assert shell("PROGRAM 2> /dev/full", tmp_path, "from mimic_core.kit import program\nprogram.run(lambda _: 1 / 0)")


def test_memory_that_runs_out_is_told(tmp_path):
    code = "import numpy\nfrom mimic_core.kit import program\nprogram.run(lambda _: numpy.ones(1 << 31))"
    limit = 2 << 30
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (limit, limit)),
        env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
        check=False,
    )
    assert done.returncode == 1
    assert "this process ran out of memory\n  where:  Unable to allocate 16.0 GiB" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("what", ["an unreadable file", "a folder that may not be entered", "a folder not to write in"])
def test_what_an_ordinary_user_may_not_do_is_told(tmp_path, what):
    (tmp_path / "folder").mkdir()
    file = tmp_path / "folder" / "file"
    file.write_text("{}")
    line = f"write_json({str(file)!r}, 1)" if what.endswith("write in") else f"read_receipt({str(file)!r})"
    file.chmod(0o200 if "file" in what else 0o644)
    (tmp_path / "folder").chmod(0o400 if "entered" in what else 0o555)
    for folder in (tmp_path, *list(tmp_path.parents)[:2]):
        folder.chmod(0o755)
    code = (
        "import os\nfrom mimic_core.kit import program\nfrom mimic_core.kit.files import write_json\n"
        "from mimic_core.kit.read_receipts import read_receipt\n"
        f"if os.getuid() == 0: os.setgid({NOBODY}); os.setuid({NOBODY})\nprogram.run(lambda _: {line})"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "error: Permission denied\n  where:  " + str(tmp_path / "folder") in done.stderr
    assert "check who owns it and its permissions" in done.stderr
    assert "Traceback" not in done.stderr
