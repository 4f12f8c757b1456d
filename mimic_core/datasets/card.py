"""The dataset card: what is in a dataset, where it comes from, how it was made."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mimic_core.datasets.leaks import told
from mimic_core.datasets.statistics import shortfall
from mimic_core.kit.escaping import markdown
from mimic_core.pairs.measurement import VERDICTS


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
    sources = statistics["sources"]
    lines = [
        "---",
        f"pretty_name: {name} ({scale} scale)",
        "task_categories: [image-feature-extraction]",
        "tags: [multi-view, image-pairs, correspondences, self-supervised]",
        "---",
        "",
        f"# {name} ({scale} scale)",
        "",
        f"{statistics['pairs']:,} image pairs with patch correspondences, mined without poses, depth or annotation:",
        f"SIFT, a RANSAC homography, and {settings['min_overlap']:g} < patch overlap < {settings['max_overlap']:g}.",
    ]
    if short := shortfall(statistics["wanted"], statistics["pairs"]):
        lines += ["", f"**{short[0].upper()}{short[1:]}: {statistics['wanted']:,} were asked for.**"]
    if found := statistics.get("leaks"):
        lines += ["", told(found["pairs"], found["bits"], found["left_out"])]
    if scale == "sample":
        lines += ["", "**This is the sample scale: a small dataset for trying the workflow, not the paper's.**"]
    lines += ["", "| source | pairs wanted | mined | in this dataset |", "| --- | ---: | ---: | ---: |"]
    for source, row in sources.items():
        wanted = "all" if row["wanted"] is None else f"{row['wanted']:,}"
        lines.append(f"| {source} | {wanted} | {row['mined']:,} | {row['taken']:,} |")
    lines += ["", "## What was measured", "", "| source | candidates | " + " | ".join(VERDICTS) + " |"]
    lines.append("| --- | ---: |" + " ---: |" * len(VERDICTS))
    for source, row in mining.items():
        counts = " | ".join(f"{row['verdicts'][verdict]:,}" for verdict in VERDICTS)
        lines.append(f"| {source} | {row['seen']:,} | {counts} |")
    unreadable = {f"{source}: {unit}": why for source, row in mining.items() for unit, why in row["unreadable"].items()}
    if unreadable:
        lines += ["", "## Units that could not be read", ""]
        lines += [f"- {markdown(unit)}: {markdown(why)}" for unit, why in unreadable.items()]
    remarks = {f"{source}: {unit}": texts for source, row in mining.items() for unit, texts in row["remarks"].items()}
    if remarks:
        lines += ["", "## Units that were read in part, or with a remark", ""]
        lines += [f"- {markdown(unit)}: {markdown('; '.join(texts))}" for unit, texts in remarks.items()]
    lines += [
        "",
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
    return "\n".join(lines)
