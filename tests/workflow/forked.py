"""Snakemake in a process forked from one that has imported it: the import takes longer than planning a run."""

import multiprocessing
import os
import subprocess
import sys
import tempfile
from pathlib import Path

IMPORTED = ("snakemake.cli", "snakemake.report.html_reporter", "mimic_core.config.wiring", "jsonschema")

_server = multiprocessing.get_context("forkserver")
_server.set_forkserver_preload(list(IMPORTED))


def run(arguments: list[str], timeout: float) -> subprocess.CompletedProcess[str]:
    """Run ``snakemake`` with the arguments, as :func:`subprocess.run` would.

    Raises:
        subprocess.TimeoutExpired: it takes longer than ``timeout`` seconds.
    """
    with tempfile.TemporaryDirectory() as folder:
        streams = [Path(folder) / name for name in ("stdout", "stderr")]
        process = _server.Process(target=_main, args=(arguments, Path.cwd(), dict(os.environ), streams))
        process.start()
        process.join(timeout)
        if process.is_alive():
            process.kill()
            process.join()
            raise subprocess.TimeoutExpired(arguments, timeout)
        said = [path.read_text() for path in streams]
    return subprocess.CompletedProcess(arguments, process.exitcode, *said)


def _main(arguments: list[str], folder: Path, environment: dict[str, str], streams: list[Path]) -> None:
    for number, path in enumerate(streams, start=1):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT), number)
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    sys.argv = ["snakemake", *arguments]
    from snakemake.cli import main

    main()
