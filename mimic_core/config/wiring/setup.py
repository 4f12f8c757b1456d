"""The start of a run: the config and whatever else Snakemake was given are checked before anything runs."""

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
        checkout: folder that this workflow lies in.
        typed: the words behind ``--config``.
        overlays: the files behind ``--configfile``.
        as_module: another workflow uses this one as a module, so words and files are that one's.
    """

    checkout: Path
    typed: Sequence[str] = ()
    overlays: Sequence[str] = ()
    as_module: bool = False

    def checked(self, given: dict[str, Any], deployed: bool) -> dict[str, Any]:
        """The config to run by: as it was given, or, of a module, on top of this workflow's own defaults.

        Args:
            given: what Snakemake made of config files and words. Texts that were typed are put right in it.
            deployed: jobs run in conda environments or containers.

        Raises:
            MimicError: the config cannot be used, or the workflow cannot run from or in this folder.
        """
        check_checkout(self.checkout)
        defaults = load_block(self.checkout / "config.yaml")  # refuses a key given twice, which Snakemake passes over
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
        """The folders whose names Snakemake hands on, each with what it is."""
        return [("the folder it runs in", str(Path.cwd())), ("the checkout", str(self.checkout))]

    def check_jobs(self, letters: int, *, on_cluster: bool) -> None:
        """See that Snakemake can hand on the names in the commands of the jobs that are about to run.

        Args:
            letters: of the names of the input files of the job that has the most.
            on_cluster: jobs run elsewhere.

        Raises:
            MimicError: a name has a sign that its quotes would not keep.
        """
        check_long_commands(str(Path.cwd()), letters)
        if on_cluster:
            check_unquoted("the program of Python", sys.executable, "a cluster")
            named = [("--config", word) for word in self.typed] + [("--configfile", file) for file in self.overlays]
            check_quoted([*self.folders, *named], "a cluster")


def let_jobs_find(checkout: Path, environment: Mapping[str, str]) -> dict[str, str]:
    """Environment variables by which jobs find this package and, without conda, the programs beside this Python.

    Args:
        checkout: folder that this workflow lies in.
        environment: as it is.
    """
    return {
        # jobs in a conda environment do not have the package installed: they find it here, on a cluster's nodes too
        "PYTHONPATH": os.pathsep.join(filter(None, [str(checkout), environment.get("PYTHONPATH")])),
        # without one they run in the environment of this Snakemake, activated or not
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), environment["PATH"]]),
    }
