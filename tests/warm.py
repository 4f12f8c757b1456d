"""Programs of this Python that need not import anything: a server that has imported it all forks for each of them.

Importing takes most of the time of a short command. What is forked runs a script or a module as the interpreter would,
with a process, streams, folder and environment of its own; signals reach it by its number.
"""

from __future__ import annotations

import atexit
import contextlib
import gc
import importlib
import json
import os
import resource
import runpy
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from support import REPOSITORY

SNAKEMAKE = ("snakemake.cli", "snakemake.report.html_reporter", "jsonschema")
MINING = (
    *SNAKEMAKE,
    *(
        "mimic_core.config.wiring",
        "mimic_core.sampledata",
        "mimic_core.cli.main",
        "mimic_core.pairs.folder",
        "mimic_core.pairs.shard",
        "mimic_core.frames.shard",
    ),
    *("mimic_core.pairs.ordering", "mimic_core.report.gallery", "mimic_core.datasets", "mimic_core.frames"),
)
TRAINING = (
    *MINING[len(SNAKEMAKE) :],
    *("torch.optim", "torch._dynamo", "mimic_core.pretrain", "mimic_core.models", "mimic_core.evaluation"),
    *("mimic_core.finetune", "matplotlib.figure"),
)
SHIM = """#!{python} -SI
import json, os, socket, sys
with socket.socket(socket.AF_UNIX) as server:
    server.connect({address!r})
    request = {{"words": sys.argv[1:], "folder": os.getcwd(), "environment": dict(os.environ)}}
    socket.send_fds(server, [json.dumps(request).encode() + b"\\n"], [0, 1, 2])
    said = server.makefile().read().split()
code = int(said[1]) if len(said) > 1 else 1
os.kill(os.getpid(), -code) if code < 0 else os._exit(code)
"""


class Started:
    """A process that a server has forked, with what :class:`subprocess.Popen` offers."""

    def __init__(self, connection: socket.socket, words: Sequence[str]) -> None:
        self.connection, self.words = connection, words
        self.said = connection.makefile()
        self.pid, self.returncode = int(self.said.readline()), None

    def poll(self) -> int | None:
        """The exit code, or minus a signal; None while it runs."""
        if self.returncode is None and select.select([self.connection], [], [], 0)[0]:
            self.returncode = int(self.said.readline())
            self.said.close()
            self.connection.close()
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        if self.returncode is None and not select.select([self.connection], [], [], timeout)[0]:
            raise subprocess.TimeoutExpired(list(self.words), timeout)
        code = self.poll()
        assert code is not None
        return code

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


class Server:
    """A process that has imported modules, and from which others are forked; started when it is first needed.

    Args:
        modules: what it imports.
        prefix: command that starts it.
    """

    def __init__(self, modules: Sequence[str], prefix: Sequence[str] = ()) -> None:
        self.modules, self.prefix, self.lock = modules, prefix, threading.Lock()

    @property
    def folder(self) -> Path:
        """Where its socket lies, and a ``python`` that has it fork."""
        with self.lock:
            return self._folder

    @cached_property
    def _folder(self) -> Path:
        held = self._held = tempfile.TemporaryDirectory(prefix="warm-")
        folder = Path(held.name)
        program, address = folder / "python", str(folder / "socket")
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(address)
        listener.listen(64)
        words = [*self.prefix, sys.executable, __file__, str(listener.fileno()), *self.modules]
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        environment |= {"OMP_NUM_THREADS": "1"}
        if any(module.startswith("mimic_core") for module in self.modules):
            environment["PYTHONPATH"] = os.pathsep.join(filter(None, [str(REPOSITORY), os.environ.get("PYTHONPATH")]))
        self.process = subprocess.Popen(words, stdin=subprocess.PIPE, pass_fds=[listener.fileno()], env=environment)
        listener.close()
        program.write_text(SHIM.format(python=sys.executable, address=address))
        program.chmod(0o755)
        atexit.register(self.end)
        return folder

    def end(self) -> None:
        """End it; what it has forked goes on."""
        self.process.communicate()  # closes its stdin
        self._held.cleanup()

    @property
    def python(self) -> Path:
        """A program that runs what ``python`` would run, forked."""
        return self.folder / "python"

    def start(
        self,
        words: Sequence[object],
        stdout: int,
        stderr: int,
        *,
        folder: Path | None = None,
        environment: dict[str, str] | None = None,
        jobs: Server | None = None,
        memory: int = 0,
    ) -> Started:
        """Start ``python`` with words, in a session of its own and with nothing on its stdin.

        Args:
            jobs: the server that what it calls ``python`` is forked from.
            memory: bytes of data that it may hold; 0: no limit.
        """
        connection = socket.socket(socket.AF_UNIX)
        connection.connect(str(self.folder / "socket"))
        request: dict[str, Any] = {"words": [str(word) for word in words], "folder": str(folder or Path.cwd())}
        request |= {"environment": dict(environment or os.environ), "session": True, "memory": memory}
        request["python"] = str(jobs.python) if jobs else sys.executable
        with open(os.devnull) as nothing:
            socket.send_fds(connection, [json.dumps(request).encode() + b"\n"], [nothing.fileno(), stdout, stderr])
        return Started(connection, request["words"])

    def run(
        self, words: Sequence[object], timeout: float, *, together: bool = False, **options: Any
    ) -> subprocess.CompletedProcess[str]:
        """Run ``python`` with words to its end, as :func:`subprocess.run` would with both streams captured.

        Args:
            words: a script or ``-m`` and a module or ``-c`` and code, with arguments.
            timeout: seconds.
            together: both streams are captured as one.
            options: of :meth:`start`.

        Raises:
            subprocess.TimeoutExpired: it takes longer; it is ended with all that it has started.
        """
        with (
            tempfile.TemporaryFile("a+", errors="replace") as out,
            tempfile.TemporaryFile("a+", errors="replace") as err,
        ):
            process = self.start(words, out.fileno(), (out if together else err).fileno(), **options)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(timeout)
            late = process.returncode is None
            if late:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
            said = [stream.read() for stream in (out, err) if stream.seek(0) == 0]
        if late:
            raise subprocess.TimeoutExpired(process.words, timeout, *said)
        return subprocess.CompletedProcess(process.words, process.returncode, *said)


@cache
def snakemake() -> Server:
    """The server for Snakemake without this repository's code."""
    return Server(SNAKEMAKE)


@cache
def mining() -> Server:
    """The server for Snakemake, ``mimic`` and the jobs of mining."""
    return Server(MINING)


@cache
def training() -> Server:
    """The server for jobs that need torch."""
    return Server(TRAINING)


# --- in the server ----------------------------------------------------------------------------------------------------


def serve(listener: socket.socket) -> dict[str, Any]:
    """Fork for every request, until the parent is gone; returns what was asked for in the process that is to run it."""
    while True:
        ready, _, _ = select.select([listener, 0], [], [])
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        if listener not in ready:
            os._exit(0)
        connection, _ = listener.accept()
        if os.fork():
            connection.close()
            continue
        message, streams, _, _ = socket.recv_fds(connection, 1 << 20, 3)
        while not message.endswith(b"\n"):
            message += connection.recv(1 << 20)
        child = os.fork()
        if not child:
            connection.close()
            listener.close()
            for number, stream in enumerate(streams):
                os.dup2(stream, number)
                os.close(stream)
            return dict(json.loads(message))
        for stream in streams:
            os.close(stream)
        with contextlib.suppress(BrokenPipeError):
            connection.sendall(b"%d\n" % child)
            connection.sendall(b"%d\n" % os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
        os._exit(0)


def become(request: dict[str, Any]) -> None:
    """Run a script or a module as the interpreter would."""
    if request.get("session"):
        os.setsid()
    if request.get("memory"):
        resource.setrlimit(resource.RLIMIT_DATA, (request["memory"], request["memory"]))
    os.chdir(request["folder"])
    os.environ.clear()
    os.environ.update(request["environment"])
    sys.executable = request.get("python", sys.executable)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    streams = (os.fdopen(number, mode, closefd=False) for number, mode in enumerate("rww"))
    sys.stdin, sys.stdout, sys.stderr = streams
    words = request["words"]
    given = filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))
    sys.path[:0] = [str(Path.cwd()) if words[0] in ("-c", "-m") else str(Path(words[0]).parent), *given]
    time.tzset()
    if words[0] == "-c":
        sys.argv = ["-c", *words[2:]]
        exec(words[1], {"__name__": "__main__"})  # noqa: S102 - as python -c
    elif words[0] == "-m":
        sys.argv = words[1:]
        runpy.run_module(words[1], run_name="__main__", alter_sys=True)
    else:
        sys.argv = words
        runpy.run_path(words[0], run_name="__main__")


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the tests end it, not a Ctrl-C to them all
    for module in sys.argv[2:]:
        importlib.import_module(module)
    gc.freeze()
    sys.path.pop(0)  # the folder of this file
    become(serve(socket.socket(fileno=int(sys.argv[1]))))
