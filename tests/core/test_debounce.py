"""News is gathered and thinned: nothing is forgotten, nothing is looked at more often than it is worth."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from fleetscripts.core.planning.debounce import GATHER_SECONDS, LONGEST_REST_SECONDS, SHARE, DirtyPanes, Urgency


def test_news_of_one_moment_is_one_look() -> None:
    agenda = DirtyPanes()
    agenda.news(["%1"], Urgency.NOW, 0)
    agenda.news(["%2"], Urgency.WRITTEN, 0.03)
    assert agenda.take(0.01) == frozenset()
    assert agenda.wait_seconds(0.01) == GATHER_SECONDS - 0.01
    assert agenda.take(GATHER_SECONDS) == {"%1", "%2"}
    assert agenda.wait_seconds(1) is None


def test_a_spinner_is_looked_at_once_a_second() -> None:
    agenda = DirtyPanes()
    looks = []
    for tick in range(1000):
        now = tick / 100
        agenda.news(["%1"], Urgency.DRAWN, now)
        if taken := agenda.take(now):
            looks.append(now)
            agenda.looked(taken, now, now)
    assert len(looks) == 10


def test_what_grows_in_a_fleet_at_work_is_looked_at_together_and_after_a_quiet_time_at_once() -> None:
    agenda = DirtyPanes()
    looks = []
    for tick in range(1000):
        now = tick / 100
        agenda.news([f"%{tick % 400}"], Urgency.GROWING, now)
        if taken := agenda.take(now):
            looks.append((now, len(taken)))
            agenda.looked(taken, now, now)
    assert looks[0][0] == GATHER_SECONDS
    assert 9 <= len(looks) <= 10
    assert all(count >= 90 for _, count in looks[1:])
    agenda.clear()
    agenda.news(["%1"], Urgency.GROWING, 20)
    assert agenda.take(20) == frozenset()
    assert agenda.take(20 + GATHER_SECONDS) == {"%1"}


def test_what_is_urgent_does_not_wait_for_what_only_grows() -> None:
    agenda = DirtyPanes()
    agenda.looked(["%1"], 10, 10)
    agenda.news(["%2"], Urgency.GROWING, 10.1)
    agenda.news(["%3"], Urgency.NOW, 10.1)
    assert agenda.take(10.1 + GATHER_SECONDS) == {"%3"}
    assert agenda.take(11) == {"%2"}


def test_what_is_urgent_does_not_wait_for_the_pace_of_what_is_not() -> None:
    agenda = DirtyPanes()
    agenda.looked(["%1"], 10, 10)
    agenda.news(["%1"], Urgency.DRAWN, 10.1)
    agenda.news(["%1"], Urgency.NOW, 10.1)
    assert agenda.take(10.1 + GATHER_SECONDS) == {"%1"}


def test_a_long_look_is_followed_by_a_rest() -> None:
    agenda = DirtyPanes()
    agenda.looked(["%1"], 0, 0.05)
    agenda.news(["%2"], Urgency.WRITTEN, 0.05)
    assert agenda.take(0.15) == frozenset()
    assert agenda.wait_seconds(0.15) == 0.05 + 0.05 * SHARE - 0.15
    assert agenda.take(0.21) == {"%2"}


def test_what_is_urgent_does_not_wait_for_the_end_of_the_rest() -> None:
    agenda = DirtyPanes()
    agenda.looked(["%1"], 0, 1)
    agenda.news(["%2"], Urgency.NOW, 1)
    agenda.news(["%3"], Urgency.WRITTEN, 1)
    assert agenda.take(1.04) == frozenset()
    assert agenda.take(1.06) == {"%2", "%3"}


moments = st.lists(
    st.tuples(st.sampled_from(["%1", "%2", "%3"]), st.sampled_from(Urgency), st.floats(0, 5)), min_size=1, max_size=30
)


@given(moments, st.floats(0, 2))
def test_every_news_is_followed_by_a_look_in_time(happened: list[tuple[str, Urgency, float]], takes: float) -> None:
    agenda = DirtyPanes()
    waiting: dict[str, float] = {}
    queue = sorted(happened, key=lambda one: one[2])
    now = 0.0
    while queue or agenda.wait_seconds(now) is not None:
        wait = agenda.wait_seconds(now)
        upcoming = queue[0][2] if queue else float("inf")
        now = max(now, min(upcoming, now + wait if wait is not None else float("inf")))
        while queue and queue[0][2] <= now:
            pane, pace, at = queue.pop(0)
            agenda.news([pane], pace, at)
            waiting.setdefault(pane, at)
        taken = agenda.take(now)
        for pane in taken:
            late = now - waiting.pop(pane)
            assert late <= GATHER_SECONDS + Urgency.GROWING.value + LONGEST_REST_SECONDS + takes + 1e-6
        if taken:
            agenda.looked(taken, now, now + takes)
            now += takes
    assert not waiting
