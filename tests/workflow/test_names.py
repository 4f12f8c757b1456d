"""Names that a shell would take for commands: of the checkout, of folders of raw data, of checkpoints and of videos."""

import json
import sys
from pathlib import Path

import pytest
import yaml
from support import REPOSITORY
from workflow.running import UNFORTUNATE, pwned, snakemake_in

pytestmark = pytest.mark.integration

WORSE = UNFORTUNATE + ' `touch pwned` "d"; touch pwned; #&|*?\\'  # behind a baseline's path, and of folders
RECORDER = """\
import json, os, sys
from pathlib import Path

given, named = sys.argv[1:], []
with open("recorded.jsonl", "a") as stream:
    stream.write(json.dumps([Path(sys.argv[0]).stem, *given]) + "\\n")
for word in given:
    path = Path(word)
    if word.startswith("results/") and path.suffix:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
folder = given[given.index("--out") + 1] if "--out" in given else ""
if folder and not Path(folder).suffix:
    Path(folder).mkdir(parents=True, exist_ok=True)
    for name in ("metrics.json predictions.png receipt.json config.py encoder.safetensors model.safetensors"
                 " metrics.csv reconstructions.png encoder-epoch-0001.safetensors").split():
        Path(folder, name).touch()
"""


def run(checkout: Path, *arguments: str) -> None:
    """Run the workflow in its checkout."""
    ended = snakemake_in(checkout, "--cores", "2", *arguments)
    assert ended.returncode == 0, ended.stdout + ended.stderr


def small_config(folder: Path) -> dict:
    """A config in which each rule has a job or two, with unfortunate names wherever a name is free."""
    config = yaml.safe_load((REPOSITORY / "config.yaml").read_text())
    own = yaml.safe_load((REPOSITORY / "configs" / "own_videos.yaml").read_text())
    config["sources"] = {
        "hm3d": {**config["sources"]["hm3d"], "shards": 1, "frames": {"simulator": "habitat"}},
        "arkitscenes": {**config["sources"]["arkitscenes"], "shards": 1, "root": f"{folder}/{WORSE} {{source}}"},
        "videos": {**own["sources"]["videos"], "shards": 1},
    }
    config["frames"]["habitat_python"] = str(folder / f"python {WORSE}")
    (folder / f"python {WORSE}").symlink_to(sys.executable)
    config["leaks"]["tasks"] = ["depth"]
    config["sample"]["flats"]["hm3d"] = 1
    config["datasets"] = {"own": {"include": [], "pairs": {"videos": "all", "hm3d": 1, "arkitscenes": 1}}}
    run = {"model": "croco", "dataset": "own", "save_encoders_at": [1]}
    config["pretrain"]["runs"] = {"croco_own": run}
    config["pretrain"]["allow_changed"] = ["$(touch pwned)", "it's"]
    files = [folder / f"{kind} {WORSE}.pth" for kind in ("model", "inception")]
    for file in files:
        file.touch()
    text = f"l {WORSE} {{run}}"
    evil = {"path": str(files[0]), "model": "MAE", "dataset": text, "licence": text}
    gone = {**evil, "path": f"gone {WORSE}"}
    config["baselines"] = {"evil": evil, "gone": gone}
    config["finetune"]["encoders"] = ["random"]
    config["finetune"]["modes"] = ["frozen"]
    for task, settings in config["finetune"]["tasks"].items():
        settings["modes"] = ["frozen"]
        settings["root"] = f"{folder}/{task} {WORSE} {{task}}"
    config["finetune"]["few_shot"] = {"tasks": ["depth"], "encoders": ["evil"], "train_images": [2], "draws": 1}
    config["reconstruction"] |= {"dataset": "own", "encoders": ["evil"], "frechet_encoder": "evil"}
    config["reconstruction"]["inception"] = str(files[1])
    config["report"] |= {"table3": ["croco_own"], "figure3a": ["depth"]}
    return config


def test_no_rule_hands_a_name_to_the_shell_unquoted(checkout, tmp_path):
    """Every rule runs, with scripts that write down what they are given."""
    folder = tmp_path / "data"
    videos = folder / f"{WORSE} {{videos}}"
    videos.mkdir(parents=True)
    config = small_config(folder)
    (checkout / "config.yaml").write_text(yaml.safe_dump(config))
    for script in (checkout / "workflow_scripts").glob("*.py"):
        script.write_text(RECORDER)
    targets = ["report", "results/figures/mining_quality.png", "all"]
    run(checkout, *targets, "--config", f"videos={videos}")
    assert not pwned(tmp_path)
    given = [json.loads(line) for line in (checkout / "recorded.jsonl").read_text().splitlines()]
    assert {words[0] for words in given} == {path.stem for path in (REPOSITORY / "workflow_scripts").glob("*.py")}
    every = {word for words in given for word in words}
    path = config["baselines"]["evil"]["path"]
    wanted = [f"--root={videos}", f"--encoder={path}", f"--model={path}", f"--frechet={path}", "it's"]
    wanted += [f"--out={config['sources']['arkitscenes']['root']}", f"gone=the file gone {WORSE} is not there"]
    wanted += [f"--data={task['root']}" for task in config["finetune"]["tasks"].values()]
    assert set(wanted) <= every
    blocks = [json.loads(words[words.index("--baselines") + 1]) for words in given if "--baselines" in words]
    assert blocks and all(block == config["baselines"] for block in blocks)


def test_videos_are_mined_from_a_checkout_of_an_unfortunate_name(checkout, tmp_path, make_video):
    videos = tmp_path / f"v {WORSE}"
    make_video(videos / f"{WORSE}.mp4", step=10)
    overlay = tmp_path / f"{UNFORTUNATE}.yaml"
    overlay.write_text((REPOSITORY / "configs" / "own_videos.yaml").read_text() + "\n")
    target = "results/pairs/videos/000.receipt.json"
    run(checkout, target, "--config", f"videos={videos}", "--configfile", str(overlay))
    assert json.loads((checkout / target).read_text())["statistics"]["seen"] > 0
    assert not pwned(tmp_path)


def refused(checkout: Path, *arguments: str) -> str:
    """What is said of a run that must not begin."""
    ended = snakemake_in(checkout, "results/sample/receipts/source-demon.json", *arguments)
    said = ended.stdout + ended.stderr
    assert ended.returncode != 0 and "Traceback" not in said, said
    assert not (checkout / "results").exists() and not pwned(checkout.parent)
    return said


def test_what_snakemake_hands_on_unquoted_is_refused_where_it_does(checkout, tmp_path):
    """It writes commands for a cluster, and the folders of conda's environments, in quotes of its own."""
    said = refused(checkout, "--executor", "slurm", "--jobs", "1", "--default-resources", "slurm_partition=a")
    assert "which Snakemake cannot pass safely to a cluster" in said
    said = refused(checkout, "--cores", "1", "--sdm", "conda")
    assert "which Snakemake cannot pass safely to conda or a container" in said
    plain = checkout.rename(tmp_path / "a plain (name)")
    slurm = ("--executor", "slurm", "--jobs", "1", "--default-resources", "slurm_partition=a")
    said = refused(plain, *slurm, "--config", "seed=3", "videos=$(touch pwned)")
    assert "--config has '$' in it" in said


@pytest.mark.parametrize("name", ["a{x}", "a:b"])
def test_a_checkout_that_snakemake_cannot_run_in_is_refused(checkout, tmp_path, name):
    said = refused(checkout.rename(tmp_path / name), "--cores", "1")
    assert "the workflow cannot run from a folder with" in said
