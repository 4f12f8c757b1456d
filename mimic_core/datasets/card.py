"""Write the dataset card: what a dataset contains, where it comes from and how it was made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mimic_core.datasets.leaks import leak_sentence
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
    """Return the card as Markdown, with the front matter that dataset hubs read.

    Args:
        name: of the dataset.
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
        *source_table(statistics["sources"]),
        "## What was measured",
        "",
        *verdict_table(mining),
    ]
    unreadable = {source: {unit: [why] for unit, why in row["unreadable"].items()} for source, row in mining.items()}
    remarks = {source: row["remarks"] for source, row in mining.items()}
    lines += unit_section("Units that could not be read", unreadable)
    lines += unit_section("Units that were read in part, or with a remark", remarks)
    return "\n".join(lines + usage_section(name))


def front_matter(name: str, scale: str) -> list[str]:
    """Return the YAML front matter that dataset hubs read."""
    return [
        "---",
        f"pretty_name: {name} ({scale} scale)",
        "task_categories: [image-feature-extraction]",
        "tags: [multi-view, image-pairs, correspondences, self-supervised]",
        "---",
        "",
    ]


def notices(statistics: Mapping[str, Any], scale: str) -> list[str]:
    """Return the notices that a reader must see first: missing pairs, leaks, and the sample scale."""
    found = []
    if short := shortfall(statistics["wanted"], statistics["pairs"]):
        found.append(f"**{short[0].upper()}{short[1:]}: {statistics['wanted']:,} were asked for.**")
    if leaks := statistics.get("leaks"):
        found.append(leak_sentence(leaks["pairs"], leaks["bits"], leaks["left_out"]))
    if scale == "sample":
        found.append("**This is the sample scale: a small dataset for trying the workflow, not the paper's.**")
    return [line for text in found for line in (text, "")]


def source_table(sources: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Return a table of the pairs wanted, mined and taken from each source."""
    titles = ["source", "pairs wanted", "mined", "in this dataset"]
    rows = []
    for source, row in sources.items():
        wanted = "all" if row["wanted"] is None else f"{row['wanted']:,}"
        rows.append([source, wanted, f"{row['mined']:,}", f"{row['taken']:,}"])
    return markdown_table(titles, titles[1:], rows)


def verdict_table(mining: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Return a table of the candidates of each source by verdict."""
    rows = [
        [source, f"{row['seen']:,}", *(f"{row['verdicts'][verdict]:,}" for verdict in VERDICTS)]
        for source, row in mining.items()
    ]
    return markdown_table(["source", "candidates", *VERDICTS], ["candidates", *VERDICTS], rows)


def unit_section(title: str, units: Mapping[str, Mapping[str, Sequence[str]]]) -> list[str]:
    """Return a section that lists units with their remarks; empty if there are none.

    Args:
        title: of the section.
        units: source -> unit -> remarks.
    """
    lines = [
        f"- {markdown(f'{source}: {unit}')}: {markdown('; '.join(texts))}"
        for source, remarks in units.items()
        for unit, texts in remarks.items()
    ]
    return [f"## {title}", "", *lines, ""] if lines else []


def usage_section(name: str) -> list[str]:
    """Return the section that shows how to read the dataset."""
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
