from __future__ import annotations

import pytest

from tests.waiting import wait_until


def test_it_returns_the_first_true_answer() -> None:
    answers = iter([0, "", "there"])
    assert wait_until(lambda: next(answers), 5) == "there"


def test_it_fails_with_what_was_waited_for() -> None:
    with pytest.raises(AssertionError, match=r"waited 0 s for the moon; last answer was None"):
        wait_until(lambda: None, 0, "the moon")
