"""Giving a case to the product: its command line, its scripts and its functions, each in a process that has limits."""

from __future__ import annotations

import atexit
import contextlib
import io
import json
import logging
import os
import signal
import subprocess
import sys
import tarfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from importlib import import_module
from pathlib import Path
from typing import Any

import pandas as pd
import warm
from support import REPOSITORY

from mimic_core.kit.confined import LostError, Worker
from mimic_core.kit.in_worker import Limits

SECONDS = 90.0  # that a command may take, and a call be silent; what takes longer hangs
MEMORY = 4 << 30  # bytes of data that a process may hold, so that a wrong product harms no machine
LONGEST_WORDS = 200  # letters of an error that are shown
FIELD_MEMORY = 1500  # MiB that reading any input may take
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(REPOSITORY), "OMP_NUM_THREADS": "1"}
PEAK = (
    "import resource, subprocess, sys; code = subprocess.call(sys.argv[1:]); "
    "print('peak', resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss >> 10); sys.exit(code)"
)


@dataclass(frozen=True)
class Ended:
    """A command that has ended.

    Attributes:
        code: its exit code; None where it was ended because it took too long.
        output: what it printed.
        errors: what it wrote to stderr.
        seconds: how long it took.
    """

    code: int | None
    output: str
    errors: str
    seconds: float = 0.0

    @property
    def said(self) -> str:
        return self.output + self.errors

    @property
    def tidy(self) -> bool:
        """It ended by itself, without a traceback and without a word of a bug in MIMIC."""
        return self.code is not None and "Traceback" not in self.said and "a bug in MIMIC" not in self.said

    @property
    def last(self) -> str:
        """The error, or the last line, that it wrote."""
        lines = [line.strip() for line in self.errors.splitlines() if line.strip()]
        return next((line for line in lines if line.startswith("error: ")), (lines or [""])[-1])[:200]

    @property
    def how(self) -> str:
        """Its end in a few words."""
        return f"rc {self.code}" if self.code is not None else f"hung for {self.seconds:.0f} s"


def start(words: Sequence[object], cwd: Path | None = None) -> subprocess.Popen[str]:
    """Start a command in a session of its own, with a limit of memory."""
    return subprocess.Popen(
        ["prlimit", f"--data={MEMORY}", *(str(word) for word in words)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        cwd=cwd,
        env=ENVIRONMENT,
        start_new_session=True,
    )


def finish(process: subprocess.Popen[str], seconds: float = SECONDS) -> Ended:
    """Wait for a command; one that takes too long is ended with all that it has started."""
    started = time.monotonic()
    try:
        output, errors = process.communicate(timeout=seconds)
        code: int | None = process.returncode
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        output, errors = process.communicate()
        code = None
    return Ended(code, output or "", errors or "", time.monotonic() - started)


def command(*words: object, cwd: Path | None = None, seconds: float = SECONDS) -> Ended:
    """Run a command to its end."""
    return finish(start(words, cwd), seconds)


@cache
def ordinary() -> warm.Server:
    """A server of programs for whom permissions of files hold, even where they are root's."""
    drop = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"] if os.geteuid() == 0 else []
    return warm.Server(["mimic_core.pairs.folder"], drop)


def module(
    *words: object, cwd: Path | None = None, seconds: float = SECONDS, server: warm.Server | None = None
) -> Ended:
    """Run a module of this Python with arguments to its end, with a limit of memory, without the time of imports."""
    started = time.monotonic()
    options = {"folder": cwd, "environment": ENVIRONMENT, "memory": MEMORY}
    try:
        ended = (server or warm.mining()).run(["-m", *words], seconds, **options)
    except subprocess.TimeoutExpired as late:
        return Ended(None, str(late.output), str(late.stderr), time.monotonic() - started)
    return Ended(ended.returncode, ended.stdout, ended.stderr, time.monotonic() - started)


def mine_words(folder: object, out: object, *more: object) -> list[object]:
    """The command ``mimic mine``."""
    return [sys.executable, "-m", "mimic_core.cli", "mine", folder, "--out", out, *more]


@dataclass(frozen=True)
class Mined(Ended):
    """What ``mimic mine`` said and left."""

    out: Path = Path()

    @cached_property
    def statistics(self) -> dict[str, Any]:
        """Of its receipt; empty where there is none."""
        try:
            return dict(json.loads((self.out / "receipt.json").read_text())["statistics"])
        except (OSError, ValueError, KeyError):
            return {}

    @cached_property
    def views(self) -> dict[str, pd.DataFrame]:
        """The views that were read, by the name of their unit."""
        path = self.out / "views.parquet"
        rows = pd.read_parquet(path) if path.is_file() else pd.DataFrame({"unit": [], "status": []})
        return dict(iter(rows[rows["status"] == "ok"].groupby("unit")))

    @property
    def remarks(self) -> dict[str, str]:
        """What was remarked of each unit, by the receipt."""
        return {unit: "; ".join(texts) for unit, texts in self.statistics.get("remarks", {}).items()}

    @property
    def unreadable(self) -> dict[str, str]:
        return dict(self.statistics.get("unreadable", {}))

    def times(self, unit: str) -> list[float]:
        return [round(float(time), 2) for time in self.views[unit]["time"]] if unit in self.views else []

    @property
    def keys(self) -> list[str]:
        """Names of the pairs in the archive."""
        names = members(self.out / "pairs.tar")
        return [name.removesuffix(".json") for name in names if name.endswith(".json")]

    def picture(self, unit: str, number: int = 0) -> Any:
        """A view of a unit as it is stored."""
        from mimic_core.frames.views import decode_image

        row = self.views[unit].iloc[number]
        data = (self.out / "views.tar").read_bytes()
        return decode_image(data[row["offset"] : row["offset"] + row["size"]])

    @property
    def counts(self) -> str:
        """How many views each unit has, and how it ended."""
        each = ", ".join(f"{unit}: {len(rows)} views" for unit, rows in self.views.items())
        return f"{each or 'no view'}; {self.how}" + f" ({self.last})" * (self.code not in (0, 3))


def members(path: Path) -> list[str]:
    """Names in an archive; empty where there is none."""
    if not path.is_file():
        return []
    with tarfile.open(path) as archive:
        return archive.getnames()


def mine(folder: Path, out: Path, *more: object, cwd: Path | None = None, jobs: int | None = 1) -> Mined:
    """Run ``mimic mine``; with ``jobs`` None on as many processes as it takes by itself."""
    shown = Path(os.path.relpath(folder, cwd)) if cwd else folder
    _, _, *words = mine_words(shown, out, *more, *(["--jobs", jobs] if jobs else []))
    ended = module(*words, cwd=cwd)
    return Mined(ended.code, ended.output, ended.errors, ended.seconds, out)


def peak_of(*words: object) -> tuple[Ended, int]:
    """Run a command; also the most memory that it or a process of its took, MiB."""
    ended = command(sys.executable, "-S", "-E", "-c", PEAK, *words)
    told = ended.output.rpartition("peak ")[2].strip()
    return ended, int(told) if told.isdecimal() else -1


# --- functions and scripts of the product, in a worker ----------------------------------------------------------------


@dataclass(frozen=True)
class Called:
    """What a function of a case's module gave in a worker.

    Attributes:
        value: what it returned; None where it was lost.
        lost: how its process ended, or what it raised; empty where neither.
        peak: highest resident memory of the process meanwhile, MiB.
        seconds: how long it took.
    """

    value: Any
    lost: str = ""
    peak: int = 0
    seconds: float = 0.0

    @property
    def how(self) -> str:
        return self.lost or f"{self.seconds:.1f} s, {self.peak} MiB"


_workers: dict[bool, Worker] = {}  # one that has torch, and one that has not
_locks = {False: threading.Lock(), True: threading.Lock()}


def call(function: Callable[..., Any], *arguments: Any) -> Called:
    """Call a function at the top of a case's module in a worker; its arguments and values must be simple ones.

    The modules that the case's module names in ``IMPORTED`` are there when it is called: their time is not its own.
    """
    name = function.__module__
    imported = getattr(import_module(name), "IMPORTED", ())
    with _locks[bool(imported)]:
        worker = _workers.get(bool(imported))
        if worker is None or worker.ended:
            worker = _workers[bool(imported)] = Worker(answering, (), Limits(memory=MEMORY, silence=SECONDS))
        started = time.monotonic()
        try:
            for needed in imported:
                list(worker.answers(("importlib", "import_module", (needed,))))
            started = time.monotonic()
            value, peak = worker.answers((name, function.__name__, arguments))
        except LostError as error:
            return Called(None, str(error), seconds=time.monotonic() - started)
        except Exception as error:
            return Called(None, f"{type(error).__name__}: {error}", seconds=time.monotonic() - started)
        return Called(value, "", peak, time.monotonic() - started)


@atexit.register
def end_workers() -> None:
    """End the workers that answer calls."""
    for worker in _workers.values():
        if not worker.ended:
            worker.end()


def answering() -> Callable[[tuple[str, str, tuple[Any, ...]]], Iterator[Any]]:
    """In a worker: calls what it is asked to call."""
    os.environ["PYTHONPATH"] = ENVIRONMENT["PYTHONPATH"]
    logging.getLogger("mimic").addHandler(logging.NullHandler())  # else warnings would stand among the table

    def answer(question: tuple[str, str, tuple[Any, ...]]) -> Iterator[Any]:
        module, name, arguments = question
        Path("/proc/self/clear_refs").write_text("5")  # the highest memory counts anew
        with contextlib.redirect_stderr(io.StringIO()):  # of bars of progress
            value = getattr(import_module(module), name)(*arguments)
        yield None if module == "importlib" else value
        status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
        yield int(status["VmHWM"].split()[0]) // 1024

    return answer


@contextlib.contextmanager
def heard() -> Iterator[list[str]]:
    """What the product logs meanwhile."""
    lines: list[str] = []

    class Listener(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(record.getMessage())

    listener, logger = Listener(), logging.getLogger("mimic")
    before = logger.level
    logger.addHandler(listener)
    logger.setLevel(logging.INFO)
    try:
        yield lines
    finally:
        logger.removeHandler(listener)
        logger.setLevel(before)


def attempt(work: Callable[[], Any]) -> tuple[str, Any]:
    """``fine`` and a value, ``refused`` and the words of an error of MIMIC, or the kind of another error and its."""
    from mimic_core.kit.errors import MimicError

    try:
        return "fine", work()
    except MimicError as error:
        return "refused", f"{error.what} ({Path(error.where).name})"[:LONGEST_WORDS]
    except Exception as error:
        return type(error).__name__, str(error)[:LONGEST_WORDS]


def script(name: str, *words: object) -> tuple[int, str]:
    """In a worker: run one of the workflow's scripts as a program; its exit code and what it said."""
    from mimic_core.kit.program import run

    sys.path.insert(0, str(REPOSITORY / "workflow_scripts"))
    main = import_module(name).main
    said = io.StringIO()
    with contextlib.redirect_stderr(said), contextlib.redirect_stdout(said):
        try:
            run(main, [str(word) for word in words])
        except SystemExit as error:
            return int(error.code or 0), said.getvalue()
    return 0, said.getvalue()
