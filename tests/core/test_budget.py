"""What is left of each account, and which one the next agent works on: tables and properties."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetscripts.account import Account
from fleetscripts.core.planning.budget import AccountBudget, choose, earliest, standing, standings
from fleetscripts.usage import FIVE_HOUR, LIMIT, UNSAID_SECONDS, WEEKLY, Figure, newer, plausible, window_named

NOW = 1_795_000_000.0
HOUR = 3600.0
MODELS = ("", "claude-opus-4-8", "claude-haiku-5")
A, B, C = (Account(name, order=n) for n, name in enumerate("abc"))


def used(percent: float, resets_in: float = HOUR, age: float = 60, wall: bool = False) -> Figure:
    return Figure(percent, NOW + resets_in if resets_in else 0, NOW - age, "status line", wall)


@pytest.mark.parametrize(
    ("figures", "reserve", "state", "five_hour", "weekly", "resets_in"),
    [
        ({}, 0, "unknown", None, None, None),
        ({FIVE_HOUR: used(40)}, 0, "ok", 60, None, HOUR),
        ({FIVE_HOUR: used(40), WEEKLY: used(70, 50 * HOUR)}, 0, "ok", 60, 30, 50 * HOUR),
        ({FIVE_HOUR: used(100)}, 0, "capped", 0, None, HOUR),
        ({FIVE_HOUR: used(100), WEEKLY: used(100, 50 * HOUR)}, 0, "capped", 0, 0, 50 * HOUR),
        ({FIVE_HOUR: used(95)}, 10, "capped", 5, None, HOUR),
        ({FIVE_HOUR: used(89)}, 10, "ok", 11, None, HOUR),
        ({FIVE_HOUR: used(100, -1)}, 0, "ok", 100, None, None),
        ({FIVE_HOUR: used(100, -1), WEEKLY: used(20, HOUR)}, 0, "ok", 100, 80, HOUR),
        ({FIVE_HOUR: used(100, 0, wall=True)}, 0, "capped", 0, None, UNSAID_SECONDS - 60),
        ({LIMIT: used(100, HOUR, wall=True)}, 0, "capped", None, None, HOUR),
        ({LIMIT: used(100, -1, wall=True)}, 0, "ok", None, None, None),
        ({"thirty_day": used(100, HOUR, wall=True), WEEKLY: used(10, 60 * HOUR)}, 0, "capped", None, 90, HOUR),
        ({"seven_day_opus": used(100, HOUR, wall=True), WEEKLY: used(10, 60 * HOUR)}, 0, "ok", None, 90, 60 * HOUR),
        ({"seven_day_opus": used(100, HOUR, wall=True)}, 0, "unknown", None, None, None),
    ],
)
def test_how_an_account_stands(
    figures: dict[str, Figure],
    reserve: float,
    state: str,
    five_hour: float | None,
    weekly: float | None,
    resets_in: float | None,
) -> None:
    found = standing(replace(A, reserve_percent=reserve), figures, NOW)
    assert (found.state, found.five_hour, found.weekly) == (state, five_hour, weekly)
    assert found.resets_at == (0 if resets_in is None else NOW + resets_in)
    assert found.reason


@pytest.mark.parametrize(
    ("window", "model", "state"),
    [
        ("seven_day_opus", "claude-opus-4-8", "capped"),
        ("seven_day_opus", "claude-sonnet-5", "ok"),
        ("seven_day_opus", "opus", "capped"),
        ("seven_day_opus", "", "ok"),
        ("weekly_sonnet", "claude-sonnet-5", "capped"),
        ("seven_day_overage_included", "claude-fable-5", "capped"),
        ("seven_day_overage_included", "claude-opus-4-8", "ok"),
        ("seven_day_nova", "claude-nova-1", "capped"),
        ("model_gpt-6-luna", "gpt-6-luna", "capped"),
        ("model_gpt-6-luna", "gpt-5", "ok"),
        ("seven_day_oauth_apps", "", "capped"),
        ("five_hour", "claude-opus-4-8", "capped"),
        ("seven_day", "", "capped"),
        ("overage", "", "capped"),
        ("thirty_day", "claude-opus-4-8", "capped"),
    ],
)
def test_the_wall_of_one_model_counts_only_for_work_on_that_model(window: str, model: str, state: str) -> None:
    figures = {window_named(window): used(100, HOUR, wall=True), "other": used(10, HOUR)}
    assert standing(A, figures, NOW, {model} - {""}).state == state
    assert standing(A, figures, NOW, {model, "claude-haiku-5"} - {""}).state == state, "beside one that is served"


@pytest.mark.parametrize(
    ("used_percent", "resets_at"),
    [
        (-1, NOW + HOUR),
        (float("nan"), NOW + HOUR),
        (float("inf"), NOW + HOUR),
        ("40", NOW + HOUR),
        (True, NOW + HOUR),
        (None, NOW + HOUR),
        (10**400, NOW + HOUR),
        (201, NOW + HOUR),
        (40, NOW - 1),
        (40, -5),
        (40, NOW + 6 * HOUR),
        (40, float("nan")),
        (40, "soon"),
        (40, 10**400),
        (40, [1]),
    ],
)
def test_a_hostile_figure_is_none(used_percent: Any, resets_at: Any) -> None:
    assert plausible(FIVE_HOUR, used_percent, resets_at, NOW, NOW) is None


def test_a_weekly_window_may_end_within_a_week_and_a_day() -> None:
    assert plausible(WEEKLY, 40, NOW + 7 * 24 * HOUR, NOW, NOW) is not None
    assert plausible(WEEKLY, 40, NOW + 9 * 24 * HOUR, NOW, NOW) is None
    assert plausible(WEEKLY, 40, NOW + HOUR, NOW + 2 * HOUR, NOW) is None, "seen in the future"


@pytest.mark.parametrize(
    ("first", "second", "counts"),
    [
        (used(10, age=100), used(20, age=50), "second"),
        (used(30, age=100), used(20, age=50), "second"),
        (used(100, age=100, wall=True), used(40, age=90), "first"),
        (used(100, age=100, wall=True), used(40, age=30), "second"),
        (used(90, age=100), used(100, age=90, wall=True), "second"),
        (used(20, 4 * HOUR, age=100), used(95, HOUR, age=50), "first"),
        (used(100, 60, age=2 * HOUR, wall=True), used(3, 4 * HOUR, age=110 * 60), "second"),
        (used(100, HOUR, age=100, wall=True), used(100, 0, age=10, wall=True), "first"),
        (used(100, HOUR, age=100, wall=True), used(100, HOUR + 30, age=10, wall=True), "first"),
        (used(100, -300, age=400, wall=True), used(100, HOUR, age=10, wall=True), "second"),
    ],
    ids=[
        "the newer figure",
        "the newer figure, also when it is lower",
        "a limit before a late drawing",
        "served again after a limit",
        "a limit after a figure",
        "a window that has ended since is stale",
        "the next window after a limit",
        "a limit that names its end",
        "one limit seen twice keeps its time",
        "a limit after the last one's end",
    ],
)
def test_which_of_two_figures_counts(first: Figure, second: Figure, counts: str) -> None:
    expected = first if counts == "first" else second
    assert newer(first, second) == expected
    assert newer(second, first) == expected


FIGURES = st.builds(
    Figure,
    used_percent=st.floats(0, 100),
    resets_at=st.one_of(st.just(0.0), st.floats(NOW - HOUR, NOW + 5 * HOUR)),
    at=st.floats(NOW - 5 * HOUR, NOW),
    source=st.just("x"),
    wall=st.booleans(),
)
ACCOUNTS = st.lists(
    st.builds(Account, name=st.sampled_from("abcdefgh"), reserve_percent=st.floats(0, 60)),
    min_size=1,
    max_size=6,
    unique_by=lambda account: account.name,
).map(lambda found: [replace(account, order=n) for n, account in enumerate(found)])
LEDGERS = st.dictionaries(
    st.sampled_from("abcdefgh"), st.dictionaries(st.sampled_from([FIVE_HOUR, WEEKLY, LIMIT]), FIGURES)
)
BUSY = st.dictionaries(st.sampled_from("abcdefgh"), st.integers(0, 30))


@given(FIGURES, FIGURES)
def test_it_does_not_matter_which_figure_came_first(first: Figure, second: Figure) -> None:
    assert newer(first, second) == newer(second, first)
    assert newer(first, first) == first


@given(ACCOUNTS, LEDGERS, BUSY, st.sampled_from(["", *"abcdefgh"]))
def test_nobody_is_sent_to_a_capped_account(
    accounts: list[Account], ledger: dict[str, dict[str, Figure]], busy: dict[str, int], keep: str
) -> None:
    found = standings(accounts, ledger, NOW)
    chosen = choose(found, busy, keep)
    usable = [one for one in found if one.state != "capped"]
    assert (chosen is None) == (not usable)
    if chosen is not None:
        assert chosen.state != "capped"
        live = [figure for figure in ledger.get(chosen.account.name, {}).values() if figure.until > NOW]
        assert all(f.used_percent < 100 - chosen.account.reserve_percent and not f.wall for f in live)
        if keep in [one.account.name for one in usable]:
            assert chosen.account.name == keep
    else:
        ends = [one.resets_at for one in found]
        assert earliest(found) == min(ends)


@given(ACCOUNTS, LEDGERS)
def test_a_window_past_its_reset_is_full_again(accounts: list[Account], ledger: dict[str, dict[str, Figure]]) -> None:
    for found in standings(accounts, ledger, NOW + 24 * HOUR):
        assert found.state == ("ok" if ledger.get(found.account.name) else "unknown")
        assert found.five_hour in (None, 100)
        assert found.weekly in (None, 100)


@given(ACCOUNTS, LEDGERS)
def test_the_best_comes_first(accounts: list[Account], ledger: dict[str, dict[str, Figure]]) -> None:
    states = [found.state for found in standings(accounts, ledger, NOW)]
    order = ["ok", "unknown", "capped"]
    assert states == sorted(states, key=order.index)


@given(st.integers(1, 40))
def test_agents_spread_over_accounts_by_what_each_has_left(count: int) -> None:
    ledger = {"a": {FIVE_HOUR: used(10)}, "b": {FIVE_HOUR: used(10)}, "c": {FIVE_HOUR: used(70)}}
    found, busy = standings([A, B, C], ledger, NOW), {"a": 0, "b": 0, "c": 0}
    for _ in range(count):
        chosen = choose(found, busy)
        assert chosen is not None
        busy[chosen.account.name] += 1
    assert abs(busy["a"] - busy["b"]) <= 1
    assert busy["c"] <= busy["a"] / 2
    assert sum(busy.values()) == count


def test_where_the_model_is_not_known_an_account_that_refuses_one_is_the_last_resort() -> None:
    ledger = {"a": {"seven_day_opus": used(100, HOUR, wall=True)}, "b": {FIVE_HOUR: used(90)}}
    chosen = {model: choose(standings([A, B], ledger, NOW, {model} - {""}), {}) for model in MODELS}
    names = {model: one and one.account.name for model, one in chosen.items()}
    assert names == {"": "b", "claude-opus-4-8": "b", "claude-haiku-5": "a"}
    assert choose(standings([A], ledger, NOW), {}) is not None


def test_an_excluded_account_is_not_kept() -> None:
    found = standings([A, B], {}, NOW)
    chosen = choose(found, {}, keep="a", exclude=frozenset({"a"}))
    assert chosen is not None
    assert chosen.account.name == "b"
    assert choose(found, {}, exclude=frozenset({"a", "b"})) is None


def test_the_clients_names_of_windows_are_ours() -> None:
    assert [window_named(name) for name in ("five_hour", "seven_day", "primary", "secondary", "")] == [
        FIVE_HOUR,
        WEEKLY,
        FIVE_HOUR,
        WEEKLY,
        LIMIT,
    ]
    assert window_named("seven_day_opus") == "seven_day_opus"


def test_every_order_of_accounts_gives_the_same_ranking() -> None:
    ledger = {"a": {FIVE_HOUR: used(100)}, "b": {FIVE_HOUR: used(50)}}
    rankings: set[tuple[str, ...]] = set()
    for accounts in itertools.permutations([A, B, C]):
        found: list[AccountBudget] = standings(accounts, ledger, NOW)
        rankings.add(tuple(one.account.name for one in found))
    assert rankings == {("b", "c", "a")}
