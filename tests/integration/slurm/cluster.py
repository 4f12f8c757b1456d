"""A real SLURM on this machine, from Debian's packages: two nodes that pretend to have 16 CPUs and 8 GPUs each.

No service manager, no database, no cgroups: a key for munge, one controller and a daemon a node, all of them started
here and stopped here. Needs root. By hand: python tests/integration/slurm/cluster.py up FOLDER (or down FOLDER).
"""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

PACKAGES = ("slurmctld", "slurmd", "slurm-client", "munge")
PROGRAMS = ("slurmctld", "slurmd", "sbatch", "munged")
SYSTEM = Path("/etc/slurm")  # where jobs look for the configuration, whatever the environment says
MARK = "# made by tests/integration/slurm"
NODES = ("n1", "n2")
CPUS, GPUS, MEMORY = 16, 8, 64000  # of a node; memory in MiB
PORT = 26817

CONFIGURATION = """{mark}
ClusterName=mimictest
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={port}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.%n.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.%n.log
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool.%n
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
MpiDefault=none
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=task=1
JobAcctGatherParams=OverMemoryKill
AccountingStorageType=accounting_storage/none
SlurmdParameters=config_overrides
ReturnToService=2
KillWait=5
MinJobAge=600
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU_Memory
SchedulerParameters=batch_sched_delay=0,sched_interval=2,bf_interval=2
GresTypes=gpu
NodeName=n[1-2] NodeHostname={host} NodeAddr=127.0.0.1 Port=[{first}-{last}] CPUs={cpus} RealMemory={memory} \
Gres=gpu:{gpus} State=UNKNOWN
PartitionName=cpu Nodes=n[1-2] Default=YES MaxTime=2-0 State=UP
PartitionName=gpu Nodes=n[1-2] MaxTime=10-0 State=UP
"""


class Cluster:
    """The daemons whose files lie in ``folder``.

    Args:
        folder: short, for a socket's path has at most 107 letters.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @staticmethod
    def missing() -> str | None:
        """Why no cluster can be started here; None where one can."""
        if os.geteuid() != 0:
            return "SLURM's daemons are started as root"
        absent = [name for name in PROGRAMS if shutil.which(name) is None]
        if absent:
            return f"{', '.join(absent)} not found (apt-get install {' '.join(PACKAGES)})"
        configured = SYSTEM / "slurm.conf"
        if configured.exists() and not configured.read_text(errors="replace").startswith(MARK):
            return f"{configured} belongs to another SLURM"
        with tempfile.TemporaryDirectory() as folder:
            try:
                make_device(Path(folder) / "gpu")
            except PermissionError:
                return "this root may not make device files, which stand in for GPUs"
        return None

    def up(self, seconds: float = 60) -> None:
        """Start the daemons and wait until every node is idle."""
        self.write_configuration()
        socket_, key = self.folder / "munge.socket", self.folder / "munge.key"
        munge = [f"--socket={socket_}", f"--key-file={key}", f"--pid-file={self.folder}/munged.pid"]
        munge += [f"--log-file={self.folder}/munged.log", f"--seed-file={self.folder}/munged.seed"]
        start("munged", *munge)
        start("slurmctld", "-c", "-f", str(SYSTEM / "slurm.conf"))
        for node in NODES:
            start("slurmd", "-N", node, "-f", str(SYSTEM / "slurm.conf"))
        deadline = time.monotonic() + seconds
        while self.node_states() != {"idle"}:
            if time.monotonic() > deadline:
                logs = "".join(path.read_text()[-2000:] for path in sorted(self.folder.glob("*.log")))
                raise RuntimeError(f"SLURM is not up after {seconds} s: {self.node_states()}\n{logs}")
            time.sleep(0.2)

    def write_configuration(self) -> None:
        """Files that the daemons read; character devices like /dev/null stand in for GPUs."""
        for name in ("state", *(f"spool.{node}" for node in NODES), "devices"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        self.folder.chmod(0o755)
        key = self.folder / "munge.key"
        key.touch(0o600)
        key.write_bytes(secrets.token_bytes(128))
        for number in range(GPUS):
            make_device(self.folder / "devices" / f"gpu{number}")
        SYSTEM.mkdir(exist_ok=True)
        values = {"mark": MARK, "host": socket.gethostname().split(".")[0], "folder": self.folder, "port": PORT}
        ports = {"first": PORT + 1, "last": PORT + len(NODES)}
        sizes = {"cpus": CPUS, "memory": MEMORY, "gpus": GPUS}
        (SYSTEM / "slurm.conf").write_text(CONFIGURATION.format(**values, **ports, **sizes))
        devices = f"NodeName=n[1-2] Name=gpu File={self.folder}/devices/gpu[0-{GPUS - 1}]"
        (SYSTEM / "gres.conf").write_text(f"{MARK}\nAutoDetect=off\n{devices}\n")
        (SYSTEM / "cgroup.conf").write_text(
            f"{MARK}\nCgroupPlugin=cgroup/v1\nCgroupAutomount=no\nConstrainDevices=no\n"
        )

    def down(self) -> None:
        """End every job, stop the daemons, and take the configuration away."""
        if (SYSTEM / "slurm.conf").is_file():
            subprocess.run(["scancel", "--user=root"], capture_output=True, timeout=30)
            deadline = time.monotonic() + 20  # a daemon that is stopped first leaves its jobs behind
            while queued() and time.monotonic() < deadline:
                time.sleep(0.2)
        for name in (*(f"slurmd.{node}" for node in NODES), "slurmctld", "munged"):
            stop(self.folder / f"{name}.pid")
        for name in ("slurm.conf", "gres.conf", "cgroup.conf"):
            path = SYSTEM / name
            if path.is_file() and path.read_text(errors="replace").startswith(MARK):
                path.unlink()

    def node_states(self) -> set[str]:
        """States of the nodes (``idle``, ``drained``, ...)."""
        asked = subprocess.run(["sinfo", "-h", "-N", "-o", "%T"], capture_output=True, text=True, timeout=30)
        return set(asked.stdout.split())

    def jobs(self) -> list[dict[str, str]]:
        """What the scheduler knows of every job: JobId, Comment (rule and wildcards), JobState, NodeList, TRES, ..."""
        shown = run("scontrol", "--oneliner", "--details", "show", "jobs")
        return [dict(re.findall(r"([A-Za-z:/_]+)=(\S*)", line)) for line in shown.splitlines() if "JobId=" in line]

    def jobs_in(self, folder: Path) -> list[dict[str, str]]:
        """The jobs of the workflow whose results lie in ``folder``, in the order of submission."""
        return [job for job in self.jobs() if job.get("WorkDir") == str(folder)]


def make_device(path: Path) -> None:
    """A character device like /dev/null."""
    os.mknod(path, stat.S_IFCHR | 0o666, os.makedev(1, 3))


def queued() -> str:
    """What squeue lists; nothing where it has no answer."""
    return subprocess.run(["squeue", "--noheader"], capture_output=True, text=True, timeout=30).stdout.strip()


def run(*command: str) -> str:
    """Output of a command that must succeed."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)}: {done.stderr.strip()}")
    return done.stdout


def start(*command: str) -> None:
    """Start a daemon, which leaves its parent by itself; SLURM's must not inherit a job's environment."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("SLURM_")}
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, env=environment)
    if done.returncode != 0:
        raise RuntimeError(f"{command[0]} does not start: {done.stderr.strip() or done.stdout.strip()}")


def running(pid: int) -> bool:
    """Whether a process runs; one that has ended and that nobody has waited for does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def stop(pid_file: Path, seconds: float = 10) -> None:
    """End the daemon that wrote the file, if it still runs."""
    with contextlib.suppress(OSError, ValueError):
        pid = int(pid_file.read_text())
        name = Path(f"/proc/{pid}/comm").read_text().strip()
        if name not in PROGRAMS:
            return  # the number has gone to another process
        os.kill(pid, signal.SIGTERM)
        deadline = time.monotonic() + seconds
        while running(pid) and time.monotonic() < deadline:
            time.sleep(0.05)
        if running(pid):
            os.kill(pid, signal.SIGKILL)


@contextlib.contextmanager
def cluster(folder: Path) -> Iterator[Cluster]:
    """A cluster that is up, and down again afterwards."""
    own = Cluster(folder)
    try:
        own.up()
        yield own
    finally:
        own.down()


if __name__ == "__main__":
    action, place = sys.argv[1], Path(sys.argv[2]).resolve()
    reason = Cluster.missing()
    if reason:
        sys.exit(reason)
    Cluster(place).up() if action == "up" else Cluster(place).down()
