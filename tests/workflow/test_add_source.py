"""The page "Add a source", followed to the letter in a copy of the project."""

import json
import re
import shutil

import pytest
from support import REPOSITORY
from workflow.running import snakemake, snakemake_in

pytestmark = pytest.mark.integration

COPIED = ("Snakefile", "config.yaml", "rules", "envs", "workflow_scripts", "mimic_core")


def blocks() -> dict[str, str]:
    """The section's code blocks by their language."""
    section = (REPOSITORY / "docs/add_source.md").read_text()
    return dict(re.findall(r"```(\w+)\n(.*?)```", section, re.DOTALL))


def test_a_source_is_one_file_and_one_row(tmp_path, make_video):
    project = tmp_path / "project"
    project.mkdir()
    for name in COPIED:
        copy = shutil.copytree if (REPOSITORY / name).is_dir() else shutil.copy
        copy(REPOSITORY / name, project / name)
    code = blocks()
    (project / "mimic_core" / "sources" / "walks.py").write_text(code["python"])
    with open(project / "rules" / "sources.tsv", "a") as registry:
        registry.write(code["tsv"])
    (project / "walks.yaml").write_text(code["yaml"])
    for number in range(2):
        make_video(project / "raw" / "walks" / f"walk{number}" / "film.mp4", step=10)

    words = code["bash"].split()
    assert words[0] == "snakemake"
    done = snakemake_in(project, *words[1:])
    assert done.returncode == 0, done.stdout + done.stderr
    receipt = json.loads((project / "results/datasets/walks/receipt.json").read_text())
    assert receipt["statistics"]["mining"]["walks"]["views"] == 8
    assert receipt["statistics"]["sources"]["walks"]["taken"] > 0


def test_without_the_row_the_config_is_refused(tmp_path):
    overlay = tmp_path / "walks.yaml"
    overlay.write_text(blocks()["yaml"])
    done = snakemake(tmp_path, "-n", configfile=overlay)
    assert done.returncode != 0
    assert "sources.walks: there is no 'walks'" in done.stdout + done.stderr
    assert "rules/sources.tsv" in done.stdout + done.stderr
