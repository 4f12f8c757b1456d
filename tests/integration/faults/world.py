"""Starting the small workflow, catching one of its jobs half-way, and comparing what comes out."""

import json
import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import warm
import yaml
from support import REPOSITORY

from mimic_core.kit.processes import running

TARGET = "results/datasets/faults/receipt.json"
TRAINED = {
    "target": "results/table4.csv",
    "pretrain": {
        "image_size": 64,
        "encoder": {"width": 24, "depth": 1, "heads": 2},
        "decoder": {"width": 16, "depth": 1, "heads": 2},
        "epochs": 2,
        "warmup_epochs": 1,
        "effective_batch": 4,
        "batch_size": 4,
        "validation_every": 1,
        "runs": {"tiny": {"model": "croco", "dataset": "faults", "mask_ratio": 0.75, "save_encoders_at": [1]}},
    },
    "reconstruction": {"dataset": "faults", "encoders": ["tiny"], "frechet_encoder": "tiny"},
}
RECOVER = """
import sys
from mimic_core.cli import after_crash
from mimic_core.kit import program
cancel, sure = "--cancel" in sys.argv, "--yes" in sys.argv
program.run(lambda _: after_crash.recover(sys.argv[1], cancel=cancel, sure=sure, grace=1.0))
"""
OF_THE_MACHINE = ("finished", "host", "machine", "peak_memory_mib", "seconds")  # what a receipt says of its making


def make_raw(folder: Path, make_video: Callable[..., Path]) -> None:
    """Write the two videos that are mined."""
    for number in range(2):
        make_video(folder / "raw" / f"pan{number}.mp4", seconds=20, rate=3, step=50 + 20 * number)


class Folder:
    """A folder in which the workflow of ``world`` runs, up to ``target``, with more blocks of config where given."""

    def __init__(self, path: Path, world: Path, target: str = TARGET, **blocks: object) -> None:
        self.path, self.results, self.target = path, path / "results", target
        path.mkdir(exist_ok=True)
        self.environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        self.server = warm.training() if "pretrain" in blocks else warm.mining()
        source = {"adapter": "videos", "origin": "disk", "root": str(world / "raw"), "shards": 2}
        source |= {"frames": {"interval": 0.33, "min_seconds": 0}}
        source |= {"pairs": {"rule": {"neighbours": {"look_further": True}}, "min_blur_variance": 0}}
        dataset = {"include": [], "pairs": {"videos": "all"}}
        self.config = path.parent / f"{path.name}.yaml"
        self.config.write_text(
            yaml.safe_dump({"sources": {"videos": source}, "datasets": {"faults": dataset}, **blocks})
        )

    def command(self, *arguments: str) -> list[str]:
        words = [sys.executable, "-m", "snakemake", "--snakefile", str(REPOSITORY / "Snakefile")]
        words += ["--directory", str(self.path), *arguments, "--configfile", str(self.config), "--", self.target]
        return words

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run the workflow on two cores, or with other arguments."""
        return self.call(self.command(*(arguments or ("--cores", "2"))))

    def call(self, command: list[str]) -> subprocess.CompletedProcess[str]:
        """Run a command of this Python, with what it says on either stream together; it and its jobs start warm."""
        assert command[0] == sys.executable
        options = {"environment": self.environment, "jobs": self.server, "together": True}
        return warm.mining().run(command[1:], timeout=200, **options)

    def recover(self, folder: Path, *options: str) -> tuple[int, str]:
        """``mimic recover`` as a program: its exit code and what it said."""
        ended = self.call([sys.executable, "-c", RECOVER, str(folder), *options])
        return ended.returncode, ended.stdout

    def must(self, *arguments: str) -> str:
        """Run the workflow, which must succeed; returns what it said."""
        ended = self.run(*arguments)
        assert ended.returncode == 0, ended.stdout
        return ended.stdout

    def obey(self, ended: subprocess.CompletedProcess[str]) -> list[str]:
        """Remove the files that the remedies of a failed run name; returns them."""
        assert ended.returncode != 0
        remedies = {
            line.split(": rm ", 1)[1] for line in ended.stdout.splitlines() if "remedy: " in line and ": rm " in line
        }
        names = sorted({name for remedy in remedies for name in shlex.split(remedy)})
        assert names, ended.stdout
        for name in names:
            (self.path / name).unlink(missing_ok=True)
        return names

    def job(self, script: str, seconds: float = 300) -> int:
        """Wait until a job of a script runs; returns its process."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            for process in running():
                words = [Path(word).name for word in process.words[:3]]
                if process.folder == self.path and f"{script}.py" in words and words[0].startswith("python"):
                    return process.number
            time.sleep(0.01)
        raise AssertionError(f"no job of {script} was seen: {(self.path / 'said').read_text()}")

    def start(self) -> subprocess.Popen:
        """Start the workflow on one core, in a process group of its own."""
        command, new = self.command("--cores", "1"), {"env": self.environment, "start_new_session": True}
        with (self.path / "said").open("wb") as stream:
            return subprocess.Popen(command, stdout=stream, stderr=stream, **new)

    def start_warm(self) -> warm.Started:
        """The same of a Snakemake that need not be imported; its jobs are started as ever."""
        with (self.path / "said").open("wb") as stream:
            words, said = self.command("--cores", "1")[1:], stream.fileno()
            return warm.mining().start(words, said, said, environment=self.environment)

    def held_job(self, script: str, seconds: float = 60) -> int:
        """Wait until a job of a script has begun to write a tar, and halt it there (SIGSTOP); returns its process."""
        deadline = time.monotonic() + seconds
        stage = self.results / script.removesuffix("_shard") / "videos"
        while time.monotonic() < deadline:
            for half in stage.glob(".partial-*.tar"):
                process = int(half.name.split("-")[-2])
                try:
                    os.kill(process, signal.SIGSTOP)
                except ProcessLookupError:
                    continue
                if half.exists():
                    return process
                os.kill(process, signal.SIGCONT)  # it was done
            time.sleep(0.002)
        raise AssertionError(f"no job of {script} was seen: {(self.path / 'said').read_text()}")

    def remove(self, *patterns: str) -> None:
        """Remove files below the results."""
        for pattern in patterns:
            found = list(self.results.glob(pattern))
            assert found, pattern
            for path in found:
                path.unlink()


def outputs(folder: Folder) -> dict[str, object]:
    """Content of every output of the stages; of a receipt, what does not depend on when and where it was made."""
    found: dict[str, object] = {}
    for stage in ("frames", "pairs", "datasets"):
        for path in sorted((folder.results / stage).rglob("*")):
            if path.is_dir():
                continue
            content: object = path.read_bytes()
            if path.name.endswith("receipt.json"):
                content = {
                    key: value for key, value in json.loads(path.read_text()).items() if key not in OF_THE_MACHINE
                }
                if stage == "datasets":  # the hash of another receipt, with its times
                    inputs = content["inputs"]
                    content["inputs"] = {name: value for name, value in inputs.items() if "receipt" not in name}
            found[str(path.relative_to(folder.results))] = content
    return found


def assert_undisturbed(folder: Folder, undisturbed: Folder) -> None:
    """All outputs are those of the undisturbed run, and no other file is there."""
    found, wanted = outputs(folder), outputs(undisturbed)
    assert sorted(found) == sorted(wanted), sorted(found.keys() ^ wanted.keys())
    different = [name for name in wanted if found[name] != wanted[name]]
    assert not different, different
