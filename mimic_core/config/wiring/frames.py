"""Frames: the raw data of a source, and the settings for reading its views."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mimic_core.config.wiring import sample

Config = Mapping[str, Any]


def root(config: Config, source: str) -> str:
    """Return the folder of a source; ``{videos}`` stands for the folder of the user's videos."""
    folder = config["sources"][source]["root"]
    return str(config["videos"] if folder == "{videos}" else folder)


def raw_files(config: Config, source: str) -> dict[str, list[str]]:
    """Return the files that must exist before a source can be read: those of the sample world, or none."""
    from_sample = config["sources"][source]["origin"] == "sample"
    files = sample.source_files(config, source) if from_sample else []
    receipts = [file for file in files if file.endswith(".json")]
    return {"raw": [file for file in files if file not in receipts], "raw_receipts": receipts}


def settings(config: Config, source: str) -> dict[str, Any]:
    """Return the frame settings of a source: the shared ones, with the source's overrides."""
    shared = {key: value for key, value in config["frames"].items() if key not in ("keep", "habitat_python")}
    return {**shared, **config["sources"][source]["frames"]}


def habitat_file(config: Config, source: str) -> list[str]:
    """Return the file that says where habitat-sim is, for sources that use it."""
    return ["results/frames/habitat.json"] if settings(config, source).get("simulator") == "habitat" else []


def memory(config: Config, source: str) -> int:
    """Return the MB of a shard: 4000 if habitat-sim holds a scene's textures and mesh, else 1000."""
    return 4000 if habitat_file(config, source) else 1000


def apart_from(config: Config, source: str) -> dict[str, list[str]]:
    """Return the scenes that a held-out source must not share: the units of other sources, and lists of scenes."""
    held_out = config["sources"][source].get("held_out", {})
    others = held_out.get("sources", [])
    return {
        "apart_from": [f"results/frames/{other}/units.parquet" for other in others],
        "apart_from_receipts": [f"results/frames/{other}/units.receipt.json" for other in others],
        "lists": held_out.get("lists", []),
    }
