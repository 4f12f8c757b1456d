"""The dataset card: what is in a dataset, where it comes from, how it was made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mimic_core.datasets.leaks import told
from mimic_core.datasets.statistics import shortfall
from mimic_core.kit.escaping import markdown, markdown_table
from mimic_core.pairs import VERDICTS


def dataset_card(
    name: str,
    statistics: Mapping[str, Any],
    mining: Mapping[str, Mapping[str, Any]],
    scale: str,
    settings: Mapping[str, Any],
) -> str:
    """Card in Markdown with the front matter that dataset hubs read.

    Args:
        statistics: what :func:`mimic_core.datasets.assembly.assemble` returned.
        mining: source -> summed mining statistics.
        scale: ``sample`` or ``paper``.
        settings: the config's ``pairs`` block.
    """
    lines = [
        *front_matter(name, scale),
        f"# {name} ({scale} scale)",
        "",
        f"{statistics['pairs']:,} image pairs with patch correspondences, mined without poses, depth or annotation:",
        f"SIFT, a RANSAC homography, and {settings['min_overlap']:g} < patch overlap < {settings['max_overlap']:g}.",
        "",
        *notices(statistics, scale),
        *taken(statistics["sources"]),
        "## What was measured",
        "",
        *measured(mining),
    ]
    unreadable = {source: {unit: [why] for unit, why in row["unreadable"].items()} for source, row in mining.items()}
    remarks = {source: row["remarks"] for source, row in mining.items()}
    lines += named("Units that could not be read", unreadable)
    lines += named("Units that were read in part, or with a remark", remarks)
    return "\n".join(lines + reading(name))


def front_matter(name: str, scale: str) -> list[str]:
    """What dataset hubs read."""
    return [
        "---",
        f"pretty_name: {name} ({scale} scale)",
        "task_categories: [image-feature-extraction]",
        "tags: [multi-view, image-pairs, correspondences, self-supervised]",
        "---",
        "",
    ]


def notices(statistics: Mapping[str, Any], scale: str) -> list[str]:
    """What a reader must know before anything else."""
    found = []
    if short := shortfall(statistics["wanted"], statistics["pairs"]):
        found.append(f"**{short[0].upper()}{short[1:]}: {statistics['wanted']:,} were asked for.**")
    if leaks := statistics.get("leaks"):
        found.append(told(leaks["pairs"], leaks["bits"], leaks["left_out"]))
    if scale == "sample":
        found.append("**This is the sample scale: a small dataset for trying the workflow, not the paper's.**")
    return [line for text in found for line in (text, "")]


def taken(sources: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Pairs wanted, mined and taken of each source."""
    titles = ["source", "pairs wanted", "mined", "in this dataset"]
    rows = []
    for source, row in sources.items():
        wanted = "all" if row["wanted"] is None else f"{row['wanted']:,}"
        rows.append([source, wanted, f"{row['mined']:,}", f"{row['taken']:,}"])
    return markdown_table(titles, titles[1:], rows)


def measured(mining: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Candidates of each source by their verdicts."""
    rows = [
        [source, f"{row['seen']:,}", *(f"{row['verdicts'][verdict]:,}" for verdict in VERDICTS)]
        for source, row in mining.items()
    ]
    return markdown_table(["source", "candidates", *VERDICTS], ["candidates", *VERDICTS], rows)


def named(title: str, units: Mapping[str, Mapping[str, Sequence[str]]]) -> list[str]:
    """A section of units, each with what is said of it; nothing where there are none.

    Args:
        units: source -> unit -> texts.
    """
    lines = [
        f"- {markdown(f'{source}: {unit}')}: {markdown('; '.join(texts))}"
        for source, said in units.items()
        for unit, texts in said.items()
    ]
    return [f"## {title}", "", *lines, ""] if lines else []


def reading(name: str) -> list[str]:
    """How the dataset is read."""
    return [
        "## Reading it",
        "",
        "```python",
        "from mimic_core.datasets import PairDataset",
        "",
        f'dataset = PairDataset("results/datasets/{name}/manifest.parquet")',
        "view1, view2, row = dataset[0]  # two 224x224x3 uint8 RGB images; row: overlap, correspondences ...",
        "```",
        "",
    ]
