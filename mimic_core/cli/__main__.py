"""``python -m mimic_core.cli`` is ``mimic``."""

from mimic_core.cli.main import main

main()
