"""Generate the config's schema and its reference page from the declarations: ``python -m mimic_core.config``."""

from __future__ import annotations

import json
from pathlib import Path

from mimic_core.config.checking import SCHEMA
from mimic_core.config.reference import reference_page
from mimic_core.config.schema import config_schema
from mimic_core.foreign.yaml_files import load_yaml

ROOT = Path(__file__).resolve().parents[2]
WIDTH = 110  # characters per line
PAGE = ROOT / "docs/config.md"


def generated() -> dict[Path, str]:
    """Return the generated files and their content."""
    defaults = load_yaml(ROOT / "config.yaml")
    schema = config_schema(defaults)
    return {ROOT / SCHEMA: as_text(schema) + "\n", PAGE: reference_page(schema, defaults)}


def as_text(value: object, indent: int = 0) -> str:
    """Format as JSON, with everything that fits on one line."""
    short = json.dumps(value, ensure_ascii=False)
    if not isinstance(value, dict) or len(short) + indent < WIDTH:
        return short
    space = " " * (indent + 2)
    lines = [f"{space}{json.dumps(key)}: {as_text(one, indent + 2)}" for key, one in value.items()]
    return "{\n" + ",\n".join(lines) + "\n" + " " * indent + "}"


if __name__ == "__main__":
    for path, text in generated().items():
        path.write_text(text, encoding="utf-8")
        print(path.relative_to(ROOT))
