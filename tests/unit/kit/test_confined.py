"""Work in processes of its own: limits of memory and silence, deaths, and the end of the parent."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import handlers
import pytest
from handlers import answering, making_fails

from mimic_core.kit.confined import LostError, RemoteError, Worker
from mimic_core.kit.errors import UnreadableError
from mimic_core.kit.in_worker import ITEM, Limits
from mimic_core.kit.pool import Pool
from mimic_core.kit.processes import alive

MIB = 1 << 20
pytestmark = pytest.mark.skipif(not Path("/proc").is_dir(), reason="limits and deaths of processes are Linux's here")


@pytest.fixture
def worker():
    with Worker(answering, ["<"], Limits(memory=600 * MIB, silence=1.5)) as made:
        yield made


def test_one_process_answers_question_after_question(worker):
    first, second = list(worker.answers("a")), list(worker.answers("b"))
    assert (first[1], second[1]) == ("<a", "<b")
    assert first[0] == second[0] == worker.process.pid


def test_an_error_arrives_whole_and_the_worker_goes_on(worker):
    with pytest.raises(UnreadableError) as caught:
        list(worker.answers("unreadable"))
    error = caught.value
    assert (error.what, error.where, error.remedy) == ("it is damaged", "a.mp4", "fetch it")
    assert isinstance(error.__cause__, RemoteError)
    assert "handlers.py" in str(error.__cause__)
    assert list(worker.answers("a"))[1] == "<a"


def test_an_error_that_cannot_be_sent_arrives_in_words(worker):
    with pytest.raises(RuntimeError, match="OwnError: cannot be pickled"):
        list(worker.answers("strange"))
    assert list(worker.answers("a"))[1] == "<a"


def test_too_much_memory_is_an_error_of_the_question_alone(worker):
    with pytest.raises(MemoryError):
        list(worker.answers("memory"))
    assert list(worker.answers("a"))[1] == "<a"


def test_silence_ends_it_and_signs_of_life_do_not(worker):
    assert list(worker.answers("slow"))[1] == "<slow"
    started = time.monotonic()
    with pytest.raises(LostError, match=r"no sign of life for 1.5 s"):
        list(worker.answers("hang"))
    assert time.monotonic() - started < 10
    assert worker.ended
    assert not alive(worker.process.pid)


@pytest.mark.parametrize(
    ("question", "told"),
    [("crash", r"crashed \(SIGSEGV\)"), ("killed", "killed .*memory"), ("leave", "ended with code 7")],
)
def test_a_death_is_told_and_is_no_hang(worker, question, told):
    with pytest.raises(LostError, match=told):
        list(worker.answers(question))
    with pytest.raises(LostError):
        list(worker.answers("a"))


def test_a_question_that_is_given_up_ends_the_process(worker):
    answers = worker.answers("hang")
    next(answers)
    answers.close()
    assert worker.ended


def test_what_cannot_be_made_says_so_at_every_question():
    with Worker(making_fails) as worker:
        for _ in range(2):
            with pytest.raises(UnreadableError, match="no detector"):
                list(worker.answers("a"))


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_it_ends_with_its_parent_even_while_it_hangs(number, tmp_path):
    program = (
        "import signal, sys; sys.path.insert(0, sys.argv[1])\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"  # ignored by what a shell starts in the background
        "from mimic_core.kit.confined import Worker; import handlers\n"
        "w = Worker(handlers.answering); a = w.answers('hang'); print(next(a), flush=True); next(a)"
    )
    command = [sys.executable, "-c", program, str(Path(handlers.__file__).parent)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as parent:
        child = int(parent.stdout.readline())
        assert alive(child)
        parent.send_signal(number)
        parent.wait(30)
    deadline = time.monotonic() + 30
    while alive(child) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not alive(child)


def test_a_pool_counts_what_is_lost_and_answers_the_rest():
    seen = {}
    with Pool(2, answering, ["<"], Limits(memory=600 * MIB, silence=3.0)) as pool:
        for question, kind, value in pool.answers(["a", "memory", "crash", "b"]):
            if kind != ITEM or isinstance(value, str):
                seen.setdefault(question, []).append(value)
        workers = list(pool.workers)
    assert seen["a"] == ["<a", None]
    assert seen["b"] == ["<b", None]
    assert seen["memory"] == ["its process had no memory left"]
    assert seen["crash"] == ["its process crashed (SIGSEGV)"]
    assert not any(alive(worker.process.pid) for worker in workers)


def test_a_pool_leaves_answers_with_their_workers_for_as_long_as_it_is_told():
    done = []
    with Pool(2, answering, ["<"]) as pool:
        for question, kind, _ in pool.answers(
            ["a", "crash", "b", "c"], waits=lambda question: len(done) < 2 and question in "bc"
        ):
            if kind != ITEM:
                done.append(question)
    assert done[:2] in (["a", "crash"], ["crash", "a"])
    assert sorted(done[2:]) == ["b", "c"]


def test_writing_a_table_takes_no_gibibyte_of_what_a_worker_may_take():
    with Worker(handlers.writing_a_table, (), Limits(memory=600 * MIB)) as worker:
        (used,) = worker.answers("table.parquet")
    assert used < 400
