"""docs/add_objective.md, followed to the letter in a copy of the project."""

import json
import os
import re
import shutil
import subprocess
import sys

import pandas as pd
import pytest
from support import REPOSITORY
from workflow.running import PARTS, TINY

pytestmark = pytest.mark.integration

COPIED = (*PARTS, "docs")
ASKED = """
import json
from mimic_core.config.checking import read_config
from mimic_core.plan.models import run_model
from mimic_core.report.encoders import Encoders
config = read_config("config.yaml", ["colour.yaml"])
model, label = run_model(config, "colour"), Encoders(config["pretrain"]["runs"]).label("colour")
print(json.dumps({"label": label.model, "operations": model.operations, "options": model.options}))
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory, finished):
    """A copy of the project with what the page adds, and with datasets that were made before."""
    project = tmp_path_factory.mktemp("added") / "project"
    project.mkdir()
    for name in COPIED:
        copy = shutil.copytree if (REPOSITORY / name).is_dir() else shutil.copy
        copy(REPOSITORY / name, project / name)
    page = (REPOSITORY / "docs" / "add_objective.md").read_text()
    for path, code in re.findall(r"`(mimic_core/objectives/colour/\w+\.py)`.*?```python\n(.*?)```", page, re.DOTALL):
        (project / path).parent.mkdir(exist_ok=True)
        (project / path).write_text(code)
    changed = re.findall(r"`([\w/.]+\.(?:py|yaml))`:\n\n((?:```diff\n.*?```\n+)+)", page, re.DOTALL)
    for path, changes in changed:
        text = (project / path).read_text()
        for change in re.findall(r"```diff\n(.*?)```", changes, re.DOTALL):
            before, after = (
                "".join(line[1:] for line in change.splitlines(True) if line[0] in kinds) for kinds in (" -", " +")
            )
            assert text.count(before) == 1, before
            text = text.replace(before, after)
        (project / path).write_text(text)
    assert len(changed) == 1
    (project / "colour.yaml").write_text(re.search(r"```yaml\n(.*?)```", page, re.DOTALL).group(1))
    remake, command = re.findall(r"```bash\n(.*?)```", page, re.DOTALL)
    run(project, *remake.split()[1:])
    (project / "command").write_text(command)
    for made in ("results", ".snakemake"):
        shutil.copytree(finished / made, project / made)
    return project


def run(project, *command):
    """Run Python in the copy; what it printed."""
    environment = {**os.environ, "PYTHONPATH": str(project)}
    done = subprocess.run(
        [sys.executable, *map(str, command)], cwd=project, env=environment, capture_output=True, text=True, timeout=600
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_an_objective_is_a_folder_and_its_name_in_a_list(project):
    words = (project / "command").read_text().split()
    assert words[0] == "snakemake"
    run(project, "-m", "snakemake", *words[1:], TINY)  # the page's overlay, then the tests' small sizes
    out = project / "results" / "pretrain" / "colour"
    receipt = json.loads((out / "receipt.json").read_text())
    assert receipt["settings"]["options"] == {"contrast_weight": 0.25}
    assert receipt["statistics"]["model"] == "colour" and receipt["statistics"]["val_loss"] > 0
    table = pd.read_csv(out / "metrics.csv")
    for total in ("loss", "val_loss"):
        parts = (table[f"{total}_mean"] + 0.25 * table[f"{total}_contrast"]).dropna().tolist()
        assert parts and table[total].dropna().tolist() == pytest.approx(parts, rel=1e-4)
    assert table["mfu"].dropna().between(0, 1, inclusive="neither").all()

    figure, page = project / "pretraining.png", project / "pretraining.md"
    script = project / "workflow_scripts" / "pretraining.py"
    run(project, script, "--runs", out, "--scale", "sample", "--dpi", 50, "--png", figure, "--markdown", page)
    assert figure.stat().st_size > 1000
    assert "| colour |" in page.read_text()


def test_the_reports_and_the_plan_know_it(project):
    found = json.loads(run(project, "-c", ASKED))
    assert found["label"] == "Colour"
    assert found["operations"] > 1e8
    assert found["options"] == {"contrast_weight": 0.25}


def test_its_code_is_as_clean_as_the_rest(project):
    folder = project / "mimic_core" / "objectives" / "colour"
    settings = REPOSITORY / "pyproject.toml"
    for words in (["check"], ["format", "--check"]):
        run(project, "-m", "ruff", *words, "--config", settings, folder)
