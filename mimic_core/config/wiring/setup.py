"""Check the config and the command line of Snakemake before anything runs."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mimic_core.config.checking import as_typed, check_config, load_block, merge, read_schema
from mimic_core.config.shells import check_checkout, check_long_commands, check_quotable, check_quoted, check_unquoted


@dataclass(frozen=True)
class Start:
    """How Snakemake was started.

    Attributes:
        checkout: folder of this workflow.
        typed: arguments of ``--config``.
        overlays: files of ``--configfile``.
        as_module: another workflow uses this one as a module, so these arguments and files belong to that workflow.
    """

    checkout: Path
    typed: Sequence[str] = ()
    overlays: Sequence[str] = ()
    as_module: bool = False

    def checked(self, given: dict[str, Any], deployed: bool) -> dict[str, Any]:
        """Check and return the config: as given or, for a module, merged onto this workflow's defaults.

        Args:
            given: the config as parsed by Snakemake. Typed strings are restored in place (:func:`as_typed`).
            deployed: jobs run in conda environments or containers.

        Raises:
            MimicError: the config is invalid, or the workflow cannot run from or in this folder.
        """
        check_checkout(self.checkout)
        defaults = load_block(self.checkout / "config.yaml")  # rejects duplicate keys, which Snakemake accepts
        schema = read_schema(self.checkout)
        if self.as_module:
            config: dict[str, Any] = {}
            for block in (defaults, given):
                merge(config, block)
        else:
            config = given
            for file in self.overlays:
                load_block(file)
            as_typed(config, self.typed, schema)
        check_config(config, schema)
        if deployed:
            check_quotable(self.folders, "conda or a container")
        return config

    @property
    def folders(self) -> list[tuple[str, str]]:
        """The folders whose names Snakemake passes to jobs, each with a description."""
        return [("the folder it runs in", str(Path.cwd())), ("the checkout", str(self.checkout))]

    def check_jobs(self, length: int, *, on_cluster: bool) -> None:
        """Check that Snakemake can pass names safely to the jobs that are about to run.

        Args:
            length: total length of the input file names of the job that has the longest.
            on_cluster: jobs run on a cluster.

        Raises:
            MimicError: a name has a character that Snakemake's quotes do not protect.
        """
        check_long_commands(str(Path.cwd()), length)
        if on_cluster:
            check_unquoted("the Python executable", sys.executable, "a cluster")
            named = [("--config", word) for word in self.typed] + [("--configfile", file) for file in self.overlays]
            check_quoted([*self.folders, *named], "a cluster")


def let_jobs_find(checkout: Path, environment: Mapping[str, str]) -> dict[str, str]:
    """Return environment variables that let jobs find this package and, without conda, the programs beside this Python.

    Args:
        checkout: folder of this workflow.
        environment: the current variables.
    """
    return {
        # the package is not installed in the conda environments of jobs, nor on cluster nodes
        "PYTHONPATH": os.pathsep.join(filter(None, [str(checkout), environment.get("PYTHONPATH")])),
        # without conda, jobs use the environment of this Snakemake, even if it is not activated
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), environment["PATH"]]),
    }
