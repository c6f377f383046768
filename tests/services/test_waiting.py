from __future__ import annotations

import pytest

from tests.waiting import comes, wait_until


def test_it_returns_the_first_true_answer() -> None:
    answers = iter([0, "", "there"])
    assert wait_until(lambda: next(answers), 5) == "there"


def test_it_fails_with_what_was_waited_for() -> None:
    with pytest.raises(AssertionError, match=r"waited 0 s for the moon; last answer was None"):
        wait_until(lambda: None, 0, "the moon")


def test_what_was_waited_for_may_be_looked_at_in_the_end() -> None:
    seen: list[int] = []
    with pytest.raises(AssertionError, match=r"waited 0\.05 s for the moon after [1-9]\d* looks"):
        wait_until(lambda: seen.append(1), 0.05, lambda: f"the moon after {len(seen)} looks")


def test_waiting_for_what_need_not_come_says_whether_it_did() -> None:
    assert comes(lambda: 1, 0)
    assert not comes(lambda: 0, 0)
