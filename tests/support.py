"""Where things are, for tests of every room."""

from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
GOLDEN = REPOSITORY / "tests" / "golden"
REAL_DATA = REPOSITORY.parent / "shared" / "data"
