"""Inputs from the field and hostile ones: what the product does with each is what is right."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from cases import all_cases
from cases.base import Running

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(shutil.which("prlimit") is None, reason="limits of memory and time are Linux's here"),
]


@pytest.fixture(scope="module")
def running(request, tmp_path_factory) -> Iterator[Running]:
    """Those cases that were chosen, two at once."""
    chosen = [item.callspec.params["id"] for item in request.session.items if item.path == Path(__file__)]
    side_by_side = Running((all_cases()[id] for id in chosen), tmp_path_factory.mktemp("cases"))
    yield side_by_side
    side_by_side.end()


@pytest.mark.parametrize("id", list(all_cases()))
def test_it_is_right(id, running):
    case, (seen, _) = all_cases()[id], running.answers[id].result()
    assert seen.right, f"{case.title}\n  right: {case.right}\n  seen: {seen.text}\n  wrong: {'; '.join(seen.wrong)}"
