"""What runs in a results folder after a crash: found by processes, queue and locks, and never more than that."""

import base64
import os
import signal
import socket
import subprocess
import sys
import time
from datetime import datetime

import pytest

from mimic_core.cli import after_crash as module
from mimic_core.cli.after_crash import abandoned, is_snakemake, look, recover, script
from mimic_core.cli.snakemake_state import all_starts, incomplete_files, restart_command
from mimic_core.kit.errors import MimicError
from mimic_core.kit.files import write_json
from mimic_core.kit.processes import Process, alive, end, look_at, running, still_runs

HERE = socket.gethostname()
PIPED = {"capture_output": True, "text": True, "timeout": 20}
HEAD = """
SNAKEMAKE
=========
  Host: {host}
  User: {user}
  Command: /usr/bin/snakemake --cores 2 {words}
  Run directory: /home/me
"""


@pytest.fixture
def work(tmp_path):
    """A folder in which a Snakemake of this machine was killed."""
    (tmp_path / ".snakemake" / "locks").mkdir(parents=True)
    (tmp_path / ".snakemake" / "incomplete").mkdir()
    (tmp_path / "results").mkdir()
    started(tmp_path, "2026-01-05T101500.123456")
    (tmp_path / ".snakemake" / "locks" / "0.input.lock").touch()
    return tmp_path


def started(work, stamp, words="all", host=HERE, more="", user=None):
    """The log that a start of Snakemake leaves."""
    path = work / ".snakemake" / "log" / f"{stamp}.snakemake.log"
    path.parent.mkdir(exist_ok=True)
    path.write_text(HEAD.format(host=host, user=user or module.getpass.getuser(), words=words) + more)


@pytest.fixture
def unlocked(monkeypatch):
    """Folders that were unlocked; Snakemake itself is asked in the tests of faults."""
    folders = []
    monkeypatch.setattr(module, "unlock", lambda work, command: folders.append(work))
    return folders


@pytest.fixture
def start():
    """Start Python programs; they are ended with the test."""
    started = []

    def call(code, *words, cwd, **more):
        process = subprocess.Popen([sys.executable, "-c", code, *words], cwd=cwd, stdout=subprocess.PIPE, **more)
        started.append(process)
        process.stdout.readline()  # it runs
        return process

    yield call
    for process in started:
        process.kill()
        process.communicate()


SLEEP = "import time; print(flush=True); time.sleep(60)"
DEAF = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); " + SLEEP
JOB = ("/somewhere/workflow_scripts/pairs_shard.py", "--receipt", "results/pairs/walks/000.receipt.json")


def told(*arguments, **options):
    lines = []
    recover(*arguments, say=lines.append, **options)
    return lines


def test_a_process_is_itself_and_no_other(start, tmp_path):
    program = start(SLEEP, "a b", cwd=tmp_path)
    process = look_at(program.pid)
    assert process.words[-1] == "a b"
    assert process.folder == tmp_path
    assert process in running()
    assert still_runs(process)
    assert not still_runs(Process(process.number, "17", process.words, process.folder))
    program.kill()
    os.waitid(os.P_PID, program.pid, os.WEXITED | os.WNOWAIT)
    assert not still_runs(process)
    assert not alive(program.pid), "it has ended, although nobody has waited for it"


def test_a_process_is_asked_first_and_made_to_end_then(start, tmp_path):
    hears, deaf = start(SLEEP, cwd=tmp_path), start(DEAF, cwd=tmp_path)
    asked = [look_at(program.pid) for program in (hears, deaf)]
    assert end(asked, grace=0.3) == asked[1:]
    assert (hears.wait(5), deaf.wait(5)) == (-signal.SIGTERM, -signal.SIGKILL)
    assert end(asked, grace=5) == [], "those that have ended are not waited for"


def test_jobs_are_those_that_run_a_script_in_this_folder(start, work):
    other = work / "results"
    job = start(SLEEP, *JOB, cwd=work)
    start(SLEEP, *JOB, cwd=other)
    start(SLEEP, "pairs_shard.py", cwd=work)
    start(SLEEP, "/somewhere/scripts/pairs_shard.py", cwd=work)
    found = look(work, [])
    assert [process.number for process in found.jobs] == [job.pid]
    assert found.orphans == [f"process {job.pid}: pairs_shard results/pairs/walks/000.receipt.json"]
    assert found.masters == []


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["/v/bin/python3.11", "/v/bin/snakemake", "--cores", "2"], True),
        (["python", "-m", "snakemake", "-n"], True),
        (["python", "-m", "snakemake", "--mode", "subprocess", "--nolock"], False),
        (["/v/bin/python", "-m", "snakemake", "--mode", "remote"], False),
        (["vim", "rules/frames.smk", "snakemake.log"], False),
        (["bash", "-c", "snakemake --cores 2"], False),
    ],
)
def test_a_snakemake_is_told_from_its_jobs(work, words, expected):
    assert is_snakemake(Process(1, "0", tuple(words), work)) == expected


def test_a_script_is_told_from_its_shell(work):
    assert script(Process(1, "0", ("python", *JOB), work)) == "pairs_shard"
    assert script(Process(1, "0", ("bash", "-c", " ".join(("python", *JOB))), work)) == ""


def test_marks_of_any_length_are_read(work):
    names = ["results/a.tar", "results/" + "long/" * 80 + "ü.tar"]
    for name in names:
        coded = base64.urlsafe_b64encode(name.encode()).decode()
        parts = [coded[start : start + 254] for start in range(0, len(coded), 254)]
        path = (work / ".snakemake" / "incomplete").joinpath(*("@" + part for part in parts[:-1]), parts[-1])
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text('{"external_jobid": null}')
    (work / ".snakemake" / "incomplete" / "migration_underway").touch()
    assert incomplete_files(work) == sorted(names)


def test_the_last_start_that_ran_jobs_is_started_again(work):
    started(work, "2026-01-05T111500.000000", "pairs --configfile a.yaml")
    started(work, "2026-01-05T121500.000000", "-n pairs")
    started(work, "2026-01-05T131500.000000", "--unlock")
    started(work, "2026-01-05T141500.000000", "other", more="Error: Directory cannot be locked. Please")
    starts = all_starts(work)
    assert restart_command(starts) == "cd /home/me && snakemake --cores 2 pairs --configfile a.yaml"
    assert len(starts) == 2
    assert starts[1].time == datetime(2026, 1, 5, 10, 15).timestamp()


def test_a_folder_at_work_is_left_alone(start, work, unlocked):
    (work / "snakemake").write_text(SLEEP)
    program = subprocess.Popen([sys.executable, work / "snakemake"], cwd=work, stdout=subprocess.PIPE)
    try:
        program.stdout.readline()
        with pytest.raises(MimicError, match=f"running in this folder: process {program.pid}"):
            told(work, cancel=True, sure=True)
    finally:
        program.kill()
        program.communicate()
    assert not unlocked
    told(work / "results")
    assert unlocked == [work]


@pytest.mark.parametrize("who", [{"host": "login2"}, {"user": "somebody"}])
def test_a_snakemake_that_cannot_be_seen_may_still_run(work, unlocked, who):
    started(work, "2026-01-06T101500.000000", **who)
    with pytest.raises(MimicError, match="this machine cannot see whether it still runs") as caught:
        told(work)
    assert "mimic recover --yes" in caught.value.remedy
    assert not unlocked
    told(work, sure=True)
    assert unlocked == [work]


def test_starts_before_the_locks_were_made_do_not_matter(work, unlocked):
    started(work, "2026-01-04T101500.000000", host="login2")
    told(work)
    assert unlocked == [work]


def test_no_folder_of_snakemake_is_an_error(tmp_path):
    with pytest.raises(MimicError, match="Snakemake has never run here"):
        recover(tmp_path)


def test_jobs_are_ended_only_when_that_is_sure(start, work, unlocked):
    program = start(SLEEP, *JOB, cwd=work)
    lines = told(work, cancel=True)
    assert lines[-1].startswith("no job was ended")
    assert program.poll() is None
    assert not unlocked
    lines = told(work, cancel=True, sure=True)
    assert program.wait(5) == -signal.SIGTERM
    assert f"ended: process {program.pid}" in lines
    assert unlocked == [work]
    assert lines[-1] == "start the workflow again: cd /home/me && snakemake --cores 2 all"


def test_jobs_are_waited_for(start, work, unlocked, monkeypatch):
    monkeypatch.setattr(module, "POLL_INTERVAL", 0.05)
    start("import time; print(flush=True); time.sleep(1); open('ended', 'w')", *JOB, cwd=work)
    told(work)
    assert (work / "ended").exists()
    assert unlocked == [work]


@pytest.fixture
def queue(tmp_path_factory, monkeypatch):
    """A SLURM whose queue is a file, and which notes what it was asked to cancel."""
    folder = tmp_path_factory.mktemp("slurm")
    for name, code in (
        ("squeue", f"cat {folder}/jobs"),
        ("scancel", f'echo "$@" > {folder}/cancelled; : > {folder}/jobs'),
    ):
        (folder / name).write_text(f"#!/bin/sh\n{code}\n")
        (folder / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    return folder


def test_jobs_of_slurm_are_those_that_were_sent_from_this_folder(work, unlocked, queue):
    started(work, "2026-01-05T111500.000000", more="SLURM run ID: 0ab-1\n")
    coded = base64.urlsafe_b64encode(b"results/b.tar").decode()
    write_json(work / ".snakemake" / "incomplete" / coded, {"external_jobid": "12"})
    (queue / "jobs").write_text(
        "11\t0ab-1\tRUNNING\trule_pairs_shard_wildcards_a\n12\tfoo\tPENDING\trule_assemble\n"
        "13\tother\tRUNNING\trule_pairs_shard\n14\t0ab-12\tRUNNING\t(null)\n"
    )
    found = look(work, all_starts(work))
    assert found.queued == {"11": "rule_pairs_shard_wildcards_a, running", "12": "rule_assemble, pending"}
    told(work, cancel=True, sure=True)
    assert (queue / "cancelled").read_text() == "11 12\n"
    assert unlocked == [work]


def test_a_queue_that_does_not_answer_is_said(work, unlocked, queue, caplog):
    (queue / "squeue").write_text("#!/bin/sh\necho no route to the controller >&2; exit 1\n")
    started(work, "2026-01-05T111500.000000", more="SLURM run ID: 0ab-1\n")
    told(work)
    assert "no route to the controller; SLURM jobs cannot be seen from here" in caplog.text


def test_pretraining_on_another_machine_is_named_and_left(work, unlocked):
    lock = work / "results" / "checkpoints" / "croco" / "lock.json"
    write_json(lock, {"machine": "n7", "process": 5, "job": ""})
    lines = told(work, cancel=True, sure=True)
    assert "still runs: pretraining croco: process 5 on n7" in lines
    assert any(line.startswith("not ended: pretraining croco") for line in lines)
    os.utime(lock, (time.time() - 100,) * 2)
    assert look(work, []).elsewhere == {}, "without a sign of life for a minute it is dead"


def test_what_is_half_written_stays_as_long_as_it_may_be_written(work):
    results = work / "results"
    names = (f".partial-{HERE}-{os.getpid()}-a.tar", f".partial-{HERE}-999999999-a.tar", ".partial-n7-5-a.tar")
    for name in names:
        (results / name).touch()
    (results / ".partial-scene-x81").mkdir()
    assert abandoned(results) == [results / names[1]]
    for name in (*names, ".partial-scene-x81"):
        os.utime(results / name, (time.time() - 4000,) * 2)
    assert {path.name for path in abandoned(results)} == {*names[1:], ".partial-scene-x81"}


def test_the_command_to_start_again_runs_nothing_else(work):
    words = "--config videos=my $(touch pwned) `touch pwned` 'c'; touch pwned results/table1.csv"
    started(work, "2026-01-05T111500.000000", words)
    log = work / ".snakemake" / "log" / "2026-01-05T111500.000000.snakemake.log"
    log.write_text(log.read_text().replace("/home/me", f"{work}/a $(touch pwned) 'b'"))
    (work / "a $(touch pwned) 'b'").mkdir()
    command = restart_command(all_starts(work))
    said = subprocess.run(["bash", "-c", f"snakemake() {{ printf '%s\\n' \"$@\"; }}; {command}"], cwd=work, **PIPED)
    assert said.stdout.split() == ["--cores", "2", *words.split()] and not said.stderr
    assert not list(work.rglob("pwned*"))


def test_what_it_says_steers_no_terminal(work, unlocked, monkeypatch):
    started(work, "2026-01-05T111500.000000", "\x1b[2Jall\x07")
    name = base64.urlsafe_b64encode(b"results/\x1b[31m\n.tar").decode()
    (work / ".snakemake" / "incomplete" / name).write_text("{}")
    (work / "results" / ".partial-x\x1b[2J\n").touch()
    os.utime(work / "results" / ".partial-x\x1b[2J\n", (0, 0))
    lines = told(work)
    assert any("partial file" in line for line in lines) and any("will be made again" in line for line in lines)
    assert all(line.isprintable() for line in lines)


def test_what_is_not_snakemakes_is_passed_over(work, unlocked):
    log, marks = work / ".snakemake" / "log", work / ".snakemake" / "incomplete"
    os.mkfifo(log / "2026-01-05T131500.000000.snakemake.log")
    for name in ("notes", "2026-13-45T990000.1", "x" * 200):
        (log / f"{name}.snakemake.log").write_text(HEAD.format(host=HERE, user="me", words="all"))
    (log / "2026-01-05T121500.000000.snakemake.log").write_bytes(bytes(range(256)) * 100)
    for number, content in enumerate(("[" * 100_000, "[]", "3", '{"external_jobid": [1]}', "\0")):
        (marks / base64.urlsafe_b64encode(f"results/{number}".encode()).decode()).write_text(content)
    for name in ("99999999999999999999", "4194305", "-1", "a"):
        (work / "results" / f".partial-{HERE}-{name}-x").touch()
    (work / "elsewhere").mkdir()
    (work / "results" / ".partial-gone-x").symlink_to("nowhere")
    (work / "results" / ".partial-link-x").symlink_to(work / "elsewhere")
    for path in (work / "results").iterdir():
        os.utime(path, (0, 0), follow_symlinks=False)
    assert len(all_starts(work)) == 1
    assert told(work)[-1].startswith("start the workflow again: ")
    assert not list((work / "results").iterdir()) and (work / "elsewhere").is_dir()
