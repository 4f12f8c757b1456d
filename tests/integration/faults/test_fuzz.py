"""Some time of damaged files: every reader of foreign bytes reads them or refuses them in words."""

import os
from pathlib import Path

import pytest
from fuzzing.run import fuzz
from fuzzing.targets import TARGETS

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(not Path("/proc").is_dir(), reason="limits of memory and time are Linux's here"),
]

SECONDS = float(os.environ.get("FUZZ_SECONDS", "20"))


def test_damaged_files_are_read_or_refused_within_memory_and_time(tmp_path):
    outcomes = fuzz(list(TARGETS), SECONDS, keep=tmp_path)
    faults = [f"{name}, {fault}" for name, outcome in outcomes.items() for fault in outcome.faults]
    assert not faults, f"{len(faults)} faults; their files are in {tmp_path}:\n" + "\n\n".join(faults[:20])
    for name, outcome in outcomes.items():
        assert outcome.counts["read"] + outcome.counts["refused"] == sum(outcome.counts.values()), name
        assert outcome.counts["refused"], f"{name}: no file was damaged so that it was refused"
