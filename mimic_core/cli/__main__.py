"""Run ``mimic`` as ``python -m mimic_core.cli``."""

from mimic_core.cli.main import main

main()
