"""Names that a shell or a page would take for something else, and configs that never end or are none."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import Any

from support import REPOSITORY

from cases.base import Seen, case, seen
from cases.making import encode, pan
from cases.running import FIELD_MEMORY, SECONDS, Ended, attempt, call, command, module, script

TINY = REPOSITORY / "tests" / "workflow" / "tiny.yaml"
PARTS = ("Snakefile", "config.yaml", "configs", "rules", "workflow_scripts", "mimic_core", "profiles", "envs")


def snakemake(folder: Path, *words: object, checkout: Path = REPOSITORY) -> Ended:
    """Run Snakemake on a checkout with results in a folder, by the code that lies in the checkout."""
    own = ["--snakefile", checkout / "Snakefile", "--directory", folder, "--cores", "1", *words]
    if checkout == REPOSITORY:
        return module("snakemake", *own, seconds=3 * SECONDS)
    return command("env", f"PYTHONPATH={checkout}", sys.executable, "-m", "snakemake", *own, seconds=3 * SECONDS)


def ran(folder: Path) -> list[Path]:
    """What a command in a name has left."""
    return [path for path in folder.rglob("*") if path.name.startswith("pwned")]


def write_clip(path: Path) -> None:
    encode(path, pan(4, 5), rate=5)


# --- C1, C2: names that are commands ----------------------------------------------------------------------------------


def write_baseline(folder: Path) -> None:
    """A baseline of an evil name, and the files that the rule reconstruct_run asks for."""
    for name in ("datasets/gibson-heldout/manifest.parquet", "datasets/gibson-heldout/receipt.json"):
        touch(folder / "results" / name)
    for shard in ("000.tar", "000.receipt.json"):
        touch(folder / "results" / "pairs" / "gibson_heldout" / shard)
    path = folder / "x $(touch pwned).pth"
    touch(path)
    evil = {"path": str(path), "model": "MAE", "dataset": "d", "licence": "l"}
    overlay = {"baselines": {"evil": evil}, "reconstruction": {"frechet_encoder": "evil", "encoders": ["evil"]}}
    (folder / "evil.yaml").write_text(json.dumps(overlay))


def touch(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()


@case(
    "C1",
    "a baseline's path 'x $(touch pwned).pth' as reconstruction.frechet_encoder",
    right="the path is data: nothing is run, the rule gets the file",
    write=write_baseline,
)
def baseline(folder: Path) -> Seen:
    target = "results/reconstruction/evil/metrics.json"
    only = ["--allowed-rules", "reconstruct_run", "--rerun-triggers", "mtime"]
    ended = snakemake(folder, target, *only, "--configfile", TINY, folder / "evil.yaml")
    log = folder / "results" / "logs" / "reconstruction" / "evil.log"
    told = log.read_text().strip() if log.is_file() else ""
    return seen(
        f"{'EXECUTED' if ran(folder) else 'not executed'}; {ended.how}; the job said: {told[:200]}",
        nothing_is_run=not ran(folder),
        the_rule_was_tried=log.is_file(),
        the_job_got_its_arguments="usage:" not in told and "unrecognized" not in told,
    )


def write_checkout(folder: Path) -> None:
    checkout = folder / "my repo $(touch pwned)"
    checkout.mkdir()
    for part in PARTS:
        source, target = REPOSITORY / part, checkout / part
        shutil.copytree(source, target) if source.is_dir() else shutil.copy2(source, target)
    write_clip(folder / "my videos" / "clip $(touch pwned).mp4")


@case(
    "C2",
    "a checkout in 'my repo $(touch pwned)' that mines 'my videos'",
    right="the workflow runs, and runs nothing of the name",
    write=write_checkout,
)
def checkout(folder: Path) -> Seen:
    place = folder / "my repo $(touch pwned)"
    target = "results/frames/videos/000.receipt.json"
    overlay = folder / "one shard.yaml"
    overlay.write_text("sources: {videos: {shards: 1}}\n")
    files = ["--configfile", place / "configs" / "own_videos.yaml", overlay]
    ended = snakemake(place, target, "--config", f"videos={folder / 'my videos'}", *files, checkout=place)
    receipt = place / target
    views = json.loads(receipt.read_text())["statistics"]["views"] if receipt.is_file() else 0
    executed = "EXECUTED" if ran(folder) else "nothing executed"
    return seen(
        f"{executed}; {ended.how}, {views} views {ended.last * bool(ended.code)}",
        the_workflow_runs=ended.code == 0 and views == 4,
        nothing_is_run=not ran(folder),
    )


# --- F21: folders whose names are numbers -----------------------------------------------------------------------------


def write_numbers(folder: Path) -> None:
    write_clip(folder / "2024" / "clip.mp4")
    shutil.copytree(folder / "2024", folder / "2024_08_01")


@case(
    "F21",
    "--config videos=2024 and videos=2024_08_01, folders of these names",
    right="it plans, or the message says how to write it (videos=./2024)",
    write=write_numbers,
)
def numbers(folder: Path) -> Seen:
    own = ["--configfile", REPOSITORY / "configs" / "own_videos.yaml"]
    texts, right = [], {}
    for name in ("2024", "2024_08_01"):
        target = "results/datasets/mimic-3m/manifest.parquet"
        ended = snakemake(folder, target, "-n", "--config", f"videos={name}", *own)
        helped = f"./{name}" in ended.said
        texts.append(f"videos={name}: {ended.how} {ended.last * bool(ended.code)}")
        right[f"{name} is planned, or it says how"] = ended.code == 0 or helped
    return seen("; ".join(texts), **right)


# --- N1: names on pages -----------------------------------------------------------------------------------------------

ODD = ("x\n# Injected heading\n.mp4", "<script>alert(1)</script>.mp4".replace("/", ""), "=1+1.mp4", "[a](b).mp4")


def write_odd_names(folder: Path) -> None:
    write_clip(folder / "raw" / "good.mp4")
    for name in ODD:
        (folder / "raw" / name).write_bytes(b"no film")


def make_card(folder: Path) -> tuple[list[int], str]:
    """In a worker: the scripts of the rules from a folder of videos to a dataset and its card; codes, and the card."""
    here = {name: folder / name for name in ("v.tar", "v.parquet", "v.receipt.json", "c.parquet", "card.md")}
    pairs = {suffix: folder / "walks" / f"000.{suffix}" for suffix in ("pairs.parquet", "tar", "receipt.json")}
    (folder / "walks").mkdir()
    source = ["--source", "walks", "--adapter", "videos", "--seed", 0]
    root, units = ["--root", folder / "raw"], ["--units", folder / "u.parquet"]
    shard = [*root, *units, "--shard", 0, "--shards", 1, "--settings", '{"interval": 0.5}']
    views = ["--views", here["v.parquet"]]
    rules = '{"rule": {"neighbours": {"look_further": true}}, "min_overlap": 0.05, "max_overlap": 0.95}'
    mining = json.dumps({"min_overlap": 0.05, "max_overlap": 0.95})
    codes = [
        script(
            *("source_units", "--adapter", "videos", *root, "--options", "{}"),
            *(*units, "--receipt", folder / "u.receipt.json"),
        )[0],
        script("frames_shard", *source, *shard, "--tar", here["v.tar"], *views, "--receipt", here["v.receipt.json"])[0],
        script(
            *("pairs_shard", *source, "--frames-tar", here["v.tar"], *views, "--settings", rules),
            *("--candidates", here["c.parquet"], "--pairs", pairs["pairs.parquet"]),
            *("--tar", pairs["tar"], "--receipt", pairs["receipt.json"]),
        )[0],
        script(
            *("assemble", "--name", "d", "--composition", '{"walks": "all"}', "--mining", mining, "--scale", "sample"),
            *("--pairs", pairs["pairs.parquet"], "--receipts", pairs["receipt.json"], "--seed", 0),
            *("--manifest", folder / "m.parquet", "--card", here["card.md"], "--receipt", folder / "receipt.json"),
        )[0],
    ]
    return codes, here["card.md"].read_text() if here["card.md"].is_file() else ""


@case(
    "N1",
    "unreadable files named 'x<line break># Injected heading', '<script>...', '=1+1', '[a](b)' beside a good video",
    right="card.md has no heading, no tag and no link of theirs, and names each",
    write=write_odd_names,
)
def odd_names(folder: Path) -> Seen:
    codes, card = call(make_card, folder).value or ([], "")
    lines = card.splitlines()
    injected = [line for line in lines if line.lstrip().startswith("# ") and "Injected" in line]
    told = next((line for line in lines if "Injected" in line), "not named")
    return seen(
        f"scripts {codes}; card: '{told}'",
        the_card_is_made=codes == [0] * 4 and bool(card),
        no_heading=not injected,
        no_tag="<script>" not in card,
        no_link="[a](b)" not in card,
        each_is_named=all(word in card for word in ("Injected heading", "alert", "1+1")),
    )


# --- Y1, Y2: configs --------------------------------------------------------------------------------------------------


def write_laughs(folder: Path) -> None:
    lines = ["k0: &b0 [" + ", ".join("x" * 10) + "]"]
    for number in range(1, 9):
        lines.append(f"k{number}: &b{number} [" + ", ".join([f"*b{number - 1}"] * 10) + "]")
    (folder / "laughs.yaml").write_text("\n".join([*lines, "videos: *b8", ""]))
    (folder / "self.yaml").write_text("videos: &a [*a]\n")


OVERLAYS = {
    "list": b"[1, 2]",
    "utf16": "seed: 3".encode("utf-16"),
    "deep": b"a: " + b"[" * 3000 + b"]" * 3000,
    "key": b"? [1, 2]\n: 3",
    "binary": bytes(range(256)) * 4,
    "nan": b"pairs: {min_overlap: .nan}",
}


def write_overlays(folder: Path) -> None:
    for name, data in OVERLAYS.items():
        (folder / f"{name}.yaml").write_bytes(data)


def check(path: Path) -> tuple[str, Any]:
    """In a worker: the default config with an overlay, read and checked."""
    from mimic_core.config.checking import check_config, read_config, read_schema

    schema = read_schema(REPOSITORY)
    return attempt(lambda: check_config(read_config(REPOSITORY / "config.yaml", [path]), schema))


def judge_overlays(folder: Path) -> Seen:
    texts, right = [], {}
    for path in sorted(folder.glob("*.yaml")):
        called = call(check, path)
        how, words = called.value or ("lost", called.lost)
        texts.append(f"{path.stem}: {how}, {words[:100]}, {called.seconds:.1f} s")
        right[f"{path.stem} is refused"] = how == "refused"
        right[f"{path.stem} at once"] = called.seconds < 10 and called.peak < FIELD_MEMORY
    return seen("; ".join(texts), **right)


@case(
    "Y1",
    "a config of 600 bytes whose aliases nest 9 deep; and a list that holds itself",
    right="both are refused at once",
    write=write_laughs,
)
def laughs(folder: Path) -> Seen:
    return judge_overlays(folder)


@case(
    "Y2",
    "overlays that are a list, UTF-16, 3,000 deep, binary, have a list as a key, or NaN where a bound stands",
    right="each is refused in words",
    write=write_overlays,
)
def overlays(folder: Path) -> Seen:
    return judge_overlays(folder)
