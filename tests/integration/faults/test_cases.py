"""Inputs from the field and hostile ones: what the product does with each is what is right."""

from pathlib import Path

import pytest
from cases import all_cases
from cases.base import run_case

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(not Path("/proc").is_dir(), reason="limits of memory and time are Linux's here"),
]


@pytest.mark.parametrize("id", list(all_cases()))
def test_it_is_right(id, tmp_path):
    case = all_cases()[id]
    seen = run_case(case, tmp_path)
    assert seen.right, f"{case.title}\n  right: {case.right}\n  seen: {seen.text}\n  wrong: {'; '.join(seen.wrong)}"
