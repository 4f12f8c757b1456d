"""The small workflow of the faults, with two pretrainings, sent to the cluster through ``profiles/slurm``."""

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import yaml
from integration.faults.world import Folder
from integration.slurm.cluster import Cluster
from support import REPOSITORY

PROFILE = REPOSITORY / "profiles" / "slurm"
RUN = {"model": "croco", "dataset": "faults", "mask_ratio": 0.75}
PRETRAIN = {
    "image_size": 64,
    "encoder": {"width": 24, "depth": 4, "heads": 2},
    "decoder": {"width": 16, "depth": 1, "heads": 2},
    "epochs": 12,
    "warmup_epochs": 1,
    "effective_batch": 8,
    "batch_size": 4,
    "precision": "fp32",
    "validation_every": 4,
    "pictures_every": 0,
    "compile": False,
    "checkpoint_minutes": 1e-9,
    "cache_mib": 64,
    "threads": 1,
    "runs": {"one-node": {**RUN, "processes": 2}, "two-nodes": {**RUN, "nodes": 2, "processes": 1}},
}
# The plugin waits ten seconds longer after each look at the queue; jobs of tests are over sooner than that.
IMPATIENT = """
import snakemake_executor_plugin_slurm as plugin
plugin.Executor.next_seconds_between_status_checks = property(lambda _: 1, lambda *_: None)
from snakemake.cli import main
main()
"""
DATASET = "results/datasets/faults/receipt.json"
ONE_NODE = "results/pretrain/one-node/receipt.json"
TWO_NODES = "results/pretrain/two-nodes/receipt.json"


class Submitted(Folder):
    """A folder whose workflow's jobs are sent to a cluster."""

    def __init__(self, path: Path, world: Path, slurm: Cluster | None = None) -> None:
        super().__init__(path, world)
        self.slurm = slurm
        config = yaml.safe_load(self.config.read_text())
        self.config.write_text(yaml.safe_dump({**config, "scale": "paper", "gpus": 2, "pretrain": PRETRAIN}))

    def locally(self, *targets: str) -> subprocess.CompletedProcess[str]:
        """Run the workflow on this machine."""
        return self.call(self.words(targets, "--cores", "2"))

    def submit(self, *targets: str, options: tuple[str, ...] = ()) -> subprocess.Popen:
        """Start a Snakemake that sends the jobs to the cluster and looks at them every second."""
        words = self.words(targets, "--profile", str(PROFILE), "--latency-wait", "5", *options, start=("-c", IMPATIENT))
        with (self.path / "said").open("ab") as stream:
            return subprocess.Popen(words, stdout=stream, stderr=stream, env=self.environment, start_new_session=True)

    def words(self, targets: tuple[str, ...], *options: str, start: tuple[str, ...] = ("-m", "snakemake")) -> list[str]:
        """The command line of a Snakemake."""
        words = [sys.executable, *start, "--snakefile", str(REPOSITORY / "Snakefile")]
        return [*words, "--directory", str(self.path), *options, "--configfile", str(self.config), "--", *targets]

    def ends_well(self, snakemake: subprocess.Popen, seconds: float = 480) -> None:
        """Wait for a Snakemake, which must succeed."""
        assert snakemake.wait(seconds) == 0, self.said()

    def said(self) -> str:
        """What the Snakemakes of this folder have said."""
        return (self.path / "said").read_text()

    def jobs(self, rule: str) -> list[dict[str, str]]:
        """What the scheduler knows of the jobs of a rule or group, in the order of submission."""
        return [job for job in self.slurm.jobs_in(self.path) if job["Comment"].startswith(f"rule_{rule}")]

    def wait_for(self, what: Callable[[], object], seconds: float = 180) -> object:
        """Wait until something is there, and return it."""
        deadline = time.monotonic() + seconds
        while not (found := what()):
            assert time.monotonic() < deadline, f"{self.slurm.jobs_in(self.path)}\n{self.said()}"
            time.sleep(0.1)
        return found

    def wait_for_checkpoint(self, name: str) -> None:
        """Wait until a pretraining has written one."""
        self.wait_for(lambda: list((self.results / "checkpoints" / name).glob("iteration-*.pt")))

    def running(self, rule: str) -> dict[str, str]:
        """The first job of a rule that runs."""
        return self.wait_for(lambda: next((job for job in self.jobs(rule) if job["JobState"] == "RUNNING"), None))
