"""Rule habitat_environment: record which Python has habitat-sim. Needs only Python 3.9 and its standard library."""

import argparse
import json
import os
import sys
from pathlib import Path

# variables of an activated conda environment that its programs may need
VARIABLES = ("PATH", "CONDA_PREFIX", "LD_LIBRARY_PATH", "__EGL_VENDOR_LIBRARY_DIRS", "__EGL_VENDOR_LIBRARY_FILENAMES")
REMEDY = """habitat-sim cannot be imported by {python} ({error})
  remedy: run Snakemake with --sdm conda, or create the environment (conda env create -f envs/habitat.yaml) and name its
          Python in config, frames.habitat_python"""


def main() -> None:
    """Import habitat_sim and write the interpreter, its environment variables and the version."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", required=True, help="JSON file to write")
    args = parser.parse_args()
    try:
        import habitat_sim
    except ImportError as error:
        sys.exit(REMEDY.format(python=sys.executable, error=error))
    found = {
        "python": sys.executable,
        "environ": {name: os.environ[name] for name in VARIABLES if name in os.environ},
        "version": str(getattr(habitat_sim, "__version__", "unknown")),
    }
    new = Path(args.out + ".new")
    new.write_text(json.dumps(found, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    new.replace(args.out)


if __name__ == "__main__":
    main()
