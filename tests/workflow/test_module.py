"""The workflow as a module of another, by the Snakefile of docs/module.md."""

import json
import re
from pathlib import Path

import pytest
import yaml
from support import REPOSITORY
from workflow.running import TINY, UNFORTUNATE, planned, pwned, snakemake, snakemake_in

pytestmark = pytest.mark.integration

TARGET = "results/sample/receipts/source-demon.json"
OWN = """

rule conclusion:
    default_target: True
    input:
        "results/sample/receipts/source-demon.json",
    output:
        "conclusion.txt",
    shell:
        "cp {input:q} {output:q}"
"""


def blocks() -> dict[str, str]:
    """The page's code blocks by their language."""
    return dict(re.findall(r"```(\w+)\n(.*?)```", (REPOSITORY / "docs/module.md").read_text(), re.DOTALL))


def write_outer(folder: Path, checkout: Path, *, rules: str = "", **config: object) -> Path:
    """Write the page's Snakefile, with rules of its own, and its config."""
    folder.mkdir(parents=True)
    text = blocks()["snakemake"]
    assert '"/path/to/mimic/Snakefile"' in text
    text = text.replace('"/path/to/mimic/Snakefile"', repr(str(checkout / "Snakefile")))
    (folder / "Snakefile").write_text(text + rules)
    (folder / "study.yaml").write_text(yaml.safe_dump(config or yaml.safe_load(blocks()["yaml"])))
    return folder


def test_a_target_of_the_outer_workflow_is_made(checkout, tmp_path):
    """Rules, scripts and defaults come from the checkout; the config, and the folder of the results, from outside."""
    outer = write_outer(tmp_path / f"outer {UNFORTUNATE}", checkout, rules=OWN)
    ended = snakemake_in(outer, "--cores", "2", "--config", "sample=of the outer workflow")
    assert ended.returncode == 0, ended.stdout + ended.stderr
    receipt = json.loads((outer / "conclusion.txt").read_text())
    own, defaults = yaml.safe_load(blocks()["yaml"])["mimic"], yaml.safe_load((checkout / "config.yaml").read_text())
    assert receipt["settings"]["seed"] == own["seed"] != defaults["seed"]
    assert receipt["settings"]["demon_samples"] == defaults["sample"]["demon_samples"]
    assert (outer / "results/sample/demon/rooms.h5").is_file() and not (checkout / "results").exists()
    assert not pwned(tmp_path)
    again = snakemake_in(outer, "--cores", "2", "--dry-run")
    assert "Nothing to be done" in again.stdout + again.stderr


def test_all_rules_are_planned_as_without_a_module(tmp_path):
    targets = ["results/table1.csv", "results/table2.csv", "results/figures/figure3b.png", "datasets", "pretrain"]
    plain = snakemake(tmp_path, *targets, "--dry-run", "--forceall")
    outer = write_outer(tmp_path / "outer", REPOSITORY, mimic=yaml.safe_load(TINY.read_text()))
    ended = snakemake_in(outer, *targets, "--dry-run", "--forceall")
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert planned(ended.stdout) == planned(plain.stdout)


def test_the_rules_can_be_given_other_names(tmp_path):
    outer = write_outer(tmp_path / "outer", REPOSITORY, rules=OWN.replace("rule conclusion", "rule all"))
    snakefile = outer / "Snakefile"
    snakefile.write_text(snakefile.read_text().replace("use rule * from mimic", "use rule * from mimic as mimic_*"))
    ended = snakemake_in(outer, "all", "results/pretrain/mae_mimic-3m/receipt.json", "--dry-run")
    assert ended.returncode == 0, ended.stdout + ended.stderr
    jobs = planned(ended.stdout)
    assert jobs["all"] == jobs["mimic_pretrain_run"] == jobs["mimic_assemble"] == 1


def test_the_outer_config_may_be_the_whole_config(tmp_path):
    outer = write_outer(tmp_path / "outer", REPOSITORY, **yaml.safe_load(TINY.read_text()))
    snakefile = outer / "Snakefile"
    snakefile.write_text(snakefile.read_text().replace('config["mimic"]', "config"))
    ended = snakemake_in(outer, "pretrain", "--dry-run", "--config", "seed=5")
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert planned(ended.stdout)["pretrain_run"] == 3


def test_a_wrong_key_is_named(tmp_path):
    outer = write_outer(tmp_path / "outer", REPOSITORY, mimic={"pairs": {"ratoi": 0.7}})
    ended = snakemake_in(outer, TARGET, "--dry-run")
    assert ended.returncode != 0
    assert "pairs.ratoi: unknown key; did you mean 'ratio'?" in ended.stdout + ended.stderr


def test_what_cannot_be_handed_to_a_cluster_is_refused(tmp_path):
    outer = write_outer(tmp_path / UNFORTUNATE, REPOSITORY)
    slurm = ("--executor", "slurm", "--jobs", "1", "--default-resources", "slurm_partition=a")
    ended = snakemake_in(outer, TARGET, *slurm)
    assert ended.returncode != 0
    assert "which Snakemake cannot pass safely to a cluster" in ended.stdout + ended.stderr
    assert not (outer / "results").exists() and not pwned(tmp_path)
