"""When a limit of GitHub's ends: by our clock, whatever GitHub's says."""

from __future__ import annotations

from email.utils import formatdate

import pytest

from fleetscripts.adapters.github.rate_limits import limit_in, used_up_by

NOW = 1_795_000_000.0


@pytest.mark.parametrize("ahead", [-1800, -20, 0, 20, 1800])
def test_the_end_of_a_limit_is_reckoned_from_the_time_of_the_answer(ahead: int) -> None:
    theirs = NOW + ahead
    headers = {
        "date": formatdate(theirs, usegmt=True),
        "x-ratelimit-remaining": "0",
        "x-ratelimit-reset": str(int(theirs + 900)),
    }
    found = limit_in(403, headers, {"message": "API rate limit exceeded"}, "", NOW, is_json=True)
    last = used_up_by(200, headers, NOW)
    assert found is not None
    assert last is not None
    assert (found.until, last.until) == (NOW + 900, NOW + 900)
    later = {"date": headers["date"], "retry-after": formatdate(theirs + 600, usegmt=True)}
    told = limit_in(403, later, {"message": "wait"}, "", NOW, is_json=True)
    assert told is not None
    assert told.until == NOW + 600


@pytest.mark.parametrize("date", ["", "yesterday"])
def test_without_a_time_of_the_answer_the_header_is_taken_as_it_is(date: str) -> None:
    headers = {"date": date, "x-ratelimit-remaining": "0", "x-ratelimit-reset": str(int(NOW + 900))}
    found = limit_in(403, headers, {"message": "API rate limit exceeded"}, "", NOW, is_json=True)
    assert found is not None
    assert found.until == NOW + 900
