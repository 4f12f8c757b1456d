"""What work says of itself in the log."""

import logging

import pytest

from mimic_core.kit.progress import duration, track


def test_the_last_line_counts_what_was_done(caplog):
    with caplog.at_level(logging.INFO):
        assert list(track([1, 2, 3], "views")) == [1, 2, 3]
    assert caplog.messages[-1].startswith("3 views in 0 s")


def test_work_of_which_the_first_alone_is_taken_says_nothing(caplog):
    with caplog.at_level(logging.INFO):
        items = track([1, 2, 3], "views")
        assert next(items) == 1
        items.close()
    assert not caplog.messages


def test_work_that_fails_still_counts_what_was_done(caplog):
    items = track(iter("ab"), "views")
    with caplog.at_level(logging.INFO), pytest.raises(ValueError, match="bad"):
        next(items)
        next(items)
        items.throw(ValueError("bad"))
    assert caplog.messages[-1].startswith("1 views")


@pytest.mark.parametrize(("seconds", "said"), [(48, "48 s"), (200, "3 min 20 s"), (5 * 3600 + 720, "5 h 12 min")])
def test_durations_are_said_as_a_person_says_them(seconds, said):
    assert duration(seconds) == said
