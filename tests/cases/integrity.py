"""Mining killed, started twice, damaged afterwards, or told to write where nothing can be written."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import warm

from cases.base import Seen, case, seen
from cases.making import photos
from cases.running import Ended, Mined, command, finish, mine, mine_words, module, ordinary, start

UNITS, PHOTOS = 4, 10
OUTPUTS = ("views.tar", "views.parquet", "candidates.parquet", "pairs.parquet", "pairs.tar")
PATIENCE = 60.0  # seconds until mining has begun; on a busy machine it takes long to start


def write_places(folder: Path) -> None:
    for number in range(UNITS):
        photos(folder / "in" / str(number), PHOTOS, seed=number)


def write_few(folder: Path) -> None:
    photos(folder / "in" / "a")


def begun(folder: Path, jobs: int, pattern: str = "*.tar") -> subprocess.Popen[str]:
    """Start mining in a session of its own, and wait until something is written under a name."""
    process = start(mine_words(folder / "in", folder / "out", "--jobs", jobs))
    deadline = time.monotonic() + PATIENCE
    parts = folder / "out" / ".parts"
    while not any(path.stat().st_size for path in parts.glob(pattern)) and process.poll() is None:
        if time.monotonic() > deadline:
            process.kill()
        time.sleep(0.005)
    return process


def others_of(process: subprocess.Popen[str]) -> list[int]:
    """The processes of a command's session, its first left out."""
    listed = subprocess.run(["ps", "-o", "pid=,stat=", "-s", str(process.pid)], capture_output=True, text=True)
    rows = [line.split() for line in listed.stdout.splitlines()]
    return [int(number) for number, state in rows if int(number) != process.pid and not state.startswith("Z")]


def as_mined(ended: Ended, folder: Path) -> Mined:
    return Mined(ended.code, ended.output, ended.errors, ended.seconds, folder / "out")


def content(out: Path) -> dict[str, bytes]:
    return {name: (out / name).read_bytes() for name in OUTPUTS if (out / name).is_file()}


# --- kills ------------------------------------------------------------------------------------------------------------


def judge_orphans(folder: Path, number: signal.Signals) -> Seen:
    process = begun(folder, 2)
    before = len(others_of(process))
    process.send_signal(number)
    ended = finish(process, 30)
    deadline = time.monotonic() + 10
    while (left := others_of(process)) and time.monotonic() < deadline:
        time.sleep(0.05)
    for one in left:
        os.kill(one, signal.SIGKILL)
    return seen(
        f"{before} processes beside the first; after {number.name} {ended.how}, {len(left)} left",
        it_was_at_work=before > 0,
        none_is_left=not left,
        it_ends=ended.code is not None,
    )


@case("B1", "SIGTERM of mimic mine --jobs 2 at work", right="no process is left", write=write_places)
def terminated(folder: Path) -> Seen:
    return judge_orphans(folder, signal.SIGTERM)


@case("B1b", "SIGKILL of mimic mine --jobs 2 at work", right="no process is left", write=write_places)
def killed(folder: Path) -> Seen:
    return judge_orphans(folder, signal.SIGKILL)


@case(
    "B6",
    "kill -9 of a worker of mimic mine --jobs 2",
    right="a line about a killed worker and memory, no traceback; all is mined",
    write=write_places,
)
def worker_killed(folder: Path) -> Seen:
    process = begun(folder, 2)
    workers = others_of(process)
    if workers:
        os.kill(workers[0], signal.SIGKILL)
    mined = as_mined(finish(process), folder)
    line = next((line for line in mined.errors.splitlines() if "kill" in line.lower()), "nothing of a kill")
    return seen(
        f"{mined.counts}; '{line}'",
        a_worker_was_there=bool(workers),
        a_line_about_it="kill" in line and "memory" in line,
        no_traceback=mined.tidy,
        all_is_mined=[len(rows) for rows in mined.views.values()] == [PHOTOS] * UNITS,
    )


@case(
    "B5",
    "a second mimic mine into a folder in which another works",
    right="it is told who works there, without a traceback; the first ends well",
    write=write_places,
)
def two_at_once(folder: Path) -> Seen:
    first = begun(folder, 1)
    first.send_signal(signal.SIGSTOP)
    second = mine(folder / "in", folder / "out")
    first.send_signal(signal.SIGCONT)
    mined = as_mined(finish(first), folder)
    return seen(
        f"the second: {second.how}, {second.last}; the first: {mined.counts}",
        the_second_is_refused=second.code == 1,
        it_says_who_works_there=str(first.pid) in second.errors,
        no_traceback=second.tidy and mined.tidy,
        the_first_ends_well=mined.code == 0 and len(mined.views) == UNITS,
    )


# --- damaged afterwards -----------------------------------------------------------------------------------------------


def judge_healing(folder: Path, damages: dict[str, Callable[[Path], object]], name: str) -> Seen:
    """Mine, and after each damage of a file mine again, and have its gallery written."""
    out = folder / "out"
    whole = mine(folder / "in", out)
    before = content(out)
    texts, right = [], {"mined at first": whole.code == 0 and len(before) == len(OUTPUTS)}
    for what, damage in damages.items():
        damage(out / name)
        shown = module("mimic_core.cli", "gallery", out)
        again = mine(folder / "in", out)
        told = next((line for line in again.errors.splitlines() if str(out / name) in line), again.last)
        texts.append(f"{what}: gallery {shown.how}, '{shown.last}'; again {again.how}, '{told}'")
        right |= {
            f"{what}: it is named": str(out / name) in again.errors,
            f"{what}: it is made again": content(out) == before and again.code == 0,
            f"{what}: no traceback": again.tidy and shown.tidy,
        }
    return seen("; ".join(texts), **right)


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def truncate(path: Path) -> None:
    os.truncate(path, 0)


@case(
    "B2",
    "views.tar with a bit flipped, then without it, after mimic mine",
    right="the next mimic mine names it and makes it again; mimic gallery has no traceback",
    write=write_few,
)
def tar_flipped(folder: Path) -> Seen:
    return judge_healing(folder, {"flipped": flip, "removed": Path.unlink}, "views.tar")


@case(
    "B3",
    "receipt.json emptied after mimic mine",
    right="the next mimic mine names it and makes it again; mimic gallery has no traceback",
    write=write_few,
)
def receipt_emptied(folder: Path) -> Seen:
    return judge_healing(folder, {"emptied": truncate}, "receipt.json")


@case(
    "B3b",
    "mining killed half-way, then a receipt of its parts emptied",
    right="the next mimic mine names it and mines that part again",
    write=write_places,
)
def part_emptied(folder: Path) -> Seen:
    process = begun(folder, 1, "*/receipt.json")
    process.kill()
    finish(process)
    receipts = sorted((folder / "out" / ".parts").glob("*/receipt.json"))
    for receipt in receipts[:1]:
        truncate(receipt)
    mined = mine(folder / "in", folder / "out")
    return seen(
        f"{len(receipts)} parts were done; {mined.counts}",
        a_part_was_done=bool(receipts),
        it_is_named=bool(receipts) and str(receipts[0]) in mined.errors,
        all_is_mined=[len(rows) for rows in mined.views.values()] == [PHOTOS] * UNITS,
        no_traceback=mined.tidy,
    )


# --- where nothing can be written -------------------------------------------------------------------------------------


def write_outs(folder: Path) -> None:
    write_few(folder)
    (folder / "file").write_text("")
    (folder / "readonly").mkdir(mode=0o555)


@case(
    "B7",
    "--out that is read-only, a file, below a file, in /proc, of 300 letters",
    right="a clear message each, never 'a bug in MIMIC'",
    write=write_outs,
)
def places(folder: Path) -> Seen:
    outs = {
        "read-only": folder / "readonly",
        "a file": folder / "file",
        "below a file": folder / "file" / "x",
        "in /proc": Path("/proc/x"),
        "300 letters": folder / ("x" * 300),
    }
    words = {name: mine_words(folder / "in", out, "--jobs", 1)[2:] for name, out in outs.items()}
    ended = {name: module(*each, server=ordinary()) for name, each in words.items()}
    return seen(
        "; ".join(f"{name}: {one.how}, '{one.last[:80]}'" for name, one in ended.items()),
        **{
            f"{name}: a clear message": one.tidy and one.code == 1 and str(outs[name]) in one.errors
            for name, one in ended.items()
        },
    )


@case(
    "B7b",
    "mimic mine whose reader has left (| head) and whose stderr is closed",
    right="all results are there, the gallery too",
    write=write_few,
)
def nobody_reads(folder: Path) -> Seen:
    words = [warm.mining().python, *mine_words(folder / "in", folder / "out", "--jobs", 1)[1:]]
    words = shlex.join(str(word) for word in words)
    ended = command("bash", "-c", f"{words} 2>&- | head -c 0")
    there = {path.name for path in (folder / "out").glob("*")}
    return seen(
        f"{ended.how}; {', '.join(sorted(there))}",
        all_results={*OUTPUTS, "receipt.json", "gallery.html"} <= there,
        no_traceback=ended.tidy,
    )
