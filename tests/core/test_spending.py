"""What is counted of what agents use, and what a cap makes of it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetscripts.adapters.records.store import Store
from fleetscripts.agents.claude_usage import tokens_in as of_claude
from fleetscripts.agents.codex_usage import tokens_in as of_codex
from fleetscripts.core.planning.limits import Limits
from fleetscripts.core.planning.observation import Observation
from fleetscripts.core.planning.plan import plan
from fleetscripts.core.planning.policy import RULES
from fleetscripts.core.planning.progress import note
from fleetscripts.core.spending.caps import Cap, caps_of
from fleetscripts.core.spending.ceiling import Ceiling
from fleetscripts.core.spending.holding import held
from fleetscripts.core.spending.ledger import Ledger, LedgerKey, SessionUsage, Spend, total
from fleetscripts.core.spending.ledger_json import LedgerDamaged, parsed, written
from fleetscripts.core.spending.tokens import NONE, Tokens, shown, tokens_of
from fleetscripts.errors import UsageProblem
from fleetscripts.fleet import Agent, Fleet
from fleetscripts.models import Classification, PaneState
from fleetscripts.record import Hold, Task
from tests.conftest import RunScript
from tests.places import TmuxServer

TODAY, NOW = "2026-11-27", 1_800_000_000.0
HERE = LedgerKey(TODAY, "a1", "project-1", "feat/a", "", 5, "own")
DAYS = st.sampled_from(("2026-11-25", "2026-11-26", TODAY))
FIGURES = st.builds(Tokens, *[st.integers(0, 50)] * 4)
GROWTH = st.lists(st.tuples(DAYS, FIGURES, st.floats(0, 9)), max_size=12)


def of_all(ledger: Ledger) -> Tokens:
    return total(spent.tokens for spent in ledger.rows.values())


@given(GROWTH, st.lists(st.booleans(), min_size=12, max_size=12))
def test_what_a_conversation_uses_is_counted_once_however_often_and_late_it_is_looked_at(
    growth: Sequence[tuple[str, Tokens, float]], looked: Sequence[bool]
) -> None:
    ledger, days, usd = Ledger(), dict[str, Tokens](), 0.0
    for (day, more, money), look in zip(sorted(growth, key=lambda one: one[0]), looked, strict=False):
        days, usd = {**days, day: days.get(day, NONE).plus(more)}, usd + money
        if look:
            ledger = ledger.noted(HERE, SessionUsage("s", days, usd))
            ledger = ledger.noted(HERE, SessionUsage("s", days, usd))
    ledger = ledger.noted(HERE, SessionUsage("s", days, usd))
    assert of_all(ledger) == total(days.values())
    assert {where.day: spent.tokens for where, spent in ledger.rows.items() if spent.tokens != NONE} == {
        day: used for day, used in days.items() if used != NONE
    }
    assert sum(spent.usd for spent in ledger.rows.values()) == pytest.approx(usd)


@given(GROWTH, st.integers(0, 12))
def test_a_file_that_was_cut_is_never_counted_twice(growth: Sequence[tuple[str, Tokens, float]], cut: int) -> None:
    days: dict[str, Tokens] = {}
    for day, more, _ in growth:
        days[day] = days.get(day, NONE).plus(more)
    fewer: dict[str, Tokens] = {}
    for day, more, _ in growth[:cut]:
        fewer[day] = fewer.get(day, NONE).plus(more)
    ledger = (
        Ledger()
        .noted(HERE, SessionUsage("s", days))
        .noted(HERE, SessionUsage("s", fewer))
        .noted(HERE, SessionUsage("s", days))
    )
    assert of_all(ledger) == total(days.values())


def test_what_comes_later_counts_for_the_task_and_the_account_of_then() -> None:
    first = Ledger().noted(HERE, SessionUsage("s", {TODAY: Tokens(10)}))
    there = replace(HERE, account="spare", begun=9)
    after = first.noted(there, SessionUsage("s", {TODAY: Tokens(17)}))
    assert after.rows == {HERE: Spend(Tokens(10)), there: Spend(Tokens(7))}


def test_what_was_used_before_it_came_into_the_fleet_is_not_the_fleets() -> None:
    ledger = (
        Ledger()
        .begun(SessionUsage("s", {TODAY: Tokens(10)}, 2.0), TODAY)
        .noted(HERE, SessionUsage("s", {TODAY: Tokens(12)}, 2.5))
    )
    assert ledger.rows == {HERE: Spend(Tokens(2), 0.5)}


def test_a_day_that_is_still_to_come_is_today() -> None:
    assert list(Ledger().noted(HERE, SessionUsage("s", {"9999-01-01": Tokens(1), "": Tokens(2)})).rows) == [HERE]


def test_old_days_are_dropped_and_are_not_counted_again() -> None:
    old = {"2026-01-01": Tokens(5), TODAY: Tokens(1)}
    kept = Ledger().noted(HERE, SessionUsage("s", old)).since("2026-06-01")
    assert of_all(kept) == Tokens(1)
    assert kept.noted(HERE, SessionUsage("s", old)) == kept


LEDGER = Ledger(
    {HERE: Spend(Tokens(1, 2, 3, 4), 0.25)}, {}, {"a1": "/t.jsonl"}, {"day 2026-11-27 in USD": 1.5}, {"fleet": 0.0}
)


def test_the_ledger_comes_back_as_it_was_written() -> None:
    assert parsed(written(LEDGER)) == LEDGER
    assert parsed({}) == Ledger()


@pytest.mark.parametrize(
    "members",
    [
        None,
        {"rows": 3},
        {**written(LEDGER), "rows": [{}]},
        {**written(LEDGER), "sessions": {"s": [1]}},
        {**written(LEDGER), "allowed": {"day": -1}},
        {**written(LEDGER), "told": {"day": float("nan")}},
    ],
)
def test_what_is_no_ledger_says_so(members: Any) -> None:
    with pytest.raises(LedgerDamaged):
        parsed(members)


def test_each_client_counts_the_kinds_apart() -> None:
    usage = {"input_tokens": 10, "output_tokens": 5, "cache_read_input_tokens": 1000, "cache_creation_input_tokens": 7}
    assert of_claude(usage) == Tokens(10, 5, 1000, 7)
    codex = {"input_tokens": 1200, "cached_input_tokens": 1000, "cache_write_input_tokens": 50, "output_tokens": 60}
    assert of_codex(codex) == Tokens(150, 60, 1000, 50)
    assert Tokens(10, 5, 1000, 7).counted == 22


@pytest.mark.parametrize(
    "hostile", [None, [], "x", {"input_tokens": -1}, {"input_tokens": True, "output_tokens": 1e99}]
)
def test_figures_that_make_no_sense_count_for_nothing(hostile: Any) -> None:
    assert of_claude(hostile) == of_codex(hostile) == tokens_of(hostile) == NONE


@pytest.mark.parametrize(
    ("tokens", "text"), [(0, "0"), (999, "999"), (1000, "1k"), (1234, "1.2k"), (10_000_000, "10M"), (2_500_000, "2.5M")]
)
def test_tokens_are_shown_short(tokens: int, text: str) -> None:
    assert shown(tokens) == text


@pytest.mark.parametrize(
    ("value", "caps"),
    [
        (30_000, [(30_000, False)]),
        ("2M", [(2e6, False)]),
        ("1.5k", [(1500, False)]),
        (" 2_000 ", [(2000, False)]),
        ("$20", [(20, True)]),
        ("12.50 USD", [(12.5, True)]),
        (["2M", "$20"], [(2e6, False), (20, True)]),
    ],
)
def test_a_cap_is_tokens_or_money(value: Any, caps: list[tuple[float, bool]]) -> None:
    assert caps_of({"caps": {"day": value}}) == tuple(Cap("day", amount, money) for amount, money in caps)


@pytest.mark.parametrize(
    "value",
    [0, -1, "0", "$0", "", "many", "2 M M", "2MB", "$", "$2M", "-3", "1e9", "٣", 2.5, True, None, [], [[]], {}, 10**16,
     "nan", "inf", "2M\n3M", float("inf"), ["2M", "x"], "€20"],
)  # fmt: skip
def test_what_is_no_cap_is_told_with_its_name(value: Any) -> None:
    with pytest.raises(UsageProblem, match=r"^caps\.task in config\.toml: expected tokens .* found "):
        caps_of({"caps": {"task": value}})


def test_a_cap_on_nothing_that_there_is_is_told() -> None:
    with pytest.raises(UsageProblem, match=r"no setting is called 'agents'"):
        caps_of({"caps": {"agents": 5}})
    with pytest.raises(UsageProblem, match="expected a table"):
        caps_of({"caps": 5})
    assert caps_of({}) == ()


def agent(name: str = "a1", **fields: Any) -> Agent:
    return Agent("s:1", name, id=name, branch="feat/a", spawned_at=5, **fields)


def over(limits: dict[str, Any], *rows: tuple[LedgerKey, Spend], agents: Sequence[Agent] = (agent(),)) -> Ceiling:
    return Ceiling.over(caps_of({"caps": limits}), Ledger(dict(rows)), Fleet(agents=tuple(agents)), TODAY)


USED = (HERE, Spend(Tokens(60, 30, 9999, 10), 3.0))
OTHERS = (replace(HERE, agent="b2"), Spend(Tokens(50)))
YESTERDAY = (replace(HERE, day="2026-11-26"), Spend(Tokens(40)))
BEFORE = (replace(HERE, begun=1), Spend(Tokens(500)))


@pytest.mark.parametrize(
    ("limits", "rows", "reached"),
    [
        ({"agent": 101}, [USED, OTHERS], None),
        ({"agent": 100}, [USED], "agent a1 in tokens"),
        ({"agent": 140}, [USED, YESTERDAY], "agent a1 in tokens"),
        ({"task": 140}, [USED, BEFORE], None),
        ({"task": 100}, [USED, BEFORE], "task a1@5 in tokens"),
        ({"day": 151}, [USED, OTHERS, YESTERDAY], None),
        ({"day": 150}, [USED, OTHERS], "day 2026-11-27 in tokens"),
        ({"fleet": 150}, [USED, OTHERS], None),
        ({"fleet": 140}, [USED, YESTERDAY], "fleet in tokens"),
        ({"agent": "$3"}, [USED], "agent a1 in USD"),
        ({"agent": "$3.01"}, [USED], None),
        ({"agent": ["1M", "$3"]}, [USED], "agent a1 in USD"),
        ({}, [USED], None),
    ],
)
def test_each_cap_counts_what_it_is_on(limits: Any, rows: Any, reached: str | None) -> None:
    found = over(limits, *rows).reached(agent())
    assert (found.key if found else None) == reached


def test_the_cap_of_a_task_in_a_file_counts_whoever_works_on_it() -> None:
    ceiling = over({"task": 100}, (replace(HERE, agent="gone", task="parser"), Spend(Tokens(100))))
    found = ceiling.reached(agent(task=Task(file="parser")))
    assert found is not None
    assert found.key == "task parser in tokens"
    assert ceiling.reached(None, "parser") == found
    assert ceiling.reached(None, "other") is ceiling.reached(None) is None


def test_a_task_that_used_up_its_cap_keeps_the_agent_from_no_other_task() -> None:
    assert over({"task": 100}, USED).reached(agent(task=Task(pending={"at": 1}))) is None
    assert over({"agent": 100}, USED).reached(agent(task=Task(pending={"at": 1}))) is not None


def test_another_caps_worth_may_be_allowed_again_and_again() -> None:
    ceiling = over({"agent": 100}, USED)
    [full] = ceiling.of(agent())
    more = replace(ceiling, ledger=ceiling.ledger.with_allowed([(full.key, full.base + full.used)]))
    [standing] = more.of(agent())
    assert (standing.reached, standing.used, standing.base) == (False, 0, 100)
    later = over({"agent": 100}, (HERE, Spend(Tokens(199))))
    [nearly] = replace(later, ledger=replace(later.ledger, allowed=more.ledger.allowed)).of(agent())
    assert (nearly.reached, nearly.near, nearly.used) == (False, True, 99)


def test_at_eighty_percent_each_cap_is_told_once_and_a_shared_one_for_all() -> None:
    two = [agent(), agent("b2")]
    ceiling = over({"agent": 120, "day": 160}, USED, OTHERS, agents=two)
    near = list(ceiling.near(two))
    assert [(one and one.id, standing.words) for one, standing in near] == [
        ("a1", "its cap of 120 tokens is used to 83% (100 tokens)"),
        (None, "today's cap of 160 tokens is used to 94% (150 tokens)"),
    ]
    told = ceiling.ledger.with_told([(standing.key, standing.base) for _, standing in near])
    assert not list(replace(ceiling, ledger=told).near(two))
    assert not list(over({"agent": 126}, USED).near([agent()])), "79 % is not near"
    assert not list(over({"agent": 100}, USED).near([agent()])), "a cap that is reached is a decision"


RUNNING = Observation(Classification(PaneState.RUNNING, "as drawn"))


def test_at_a_cap_it_is_held_until_more_is_allowed_and_its_turn_does_not_release_it() -> None:
    reached = over({"agent": 100}, USED).reached(agent())
    stopped = held(agent(), reached, NOW)
    assert stopped.hold == Hold("budget: its cap of 100 tokens is reached (100 tokens)", NOW, "agent a1 in tokens")
    assert note(stopped, RUNNING, 300, NOW + 5).hold == stopped.hold
    assert held(stopped, reached, NOW + 9) == stopped, "the reason of a hold does not change at each look"
    assert held(stopped, None, NOW + 9).hold == Hold()


def test_a_person_who_holds_it_too_still_does_when_more_is_allowed() -> None:
    by_hand = agent(hold=Hold("its turn was stopped by a person", 7))
    both = held(by_hand, over({"agent": 100}, USED).reached(agent()), NOW)
    assert (both.hold.reason, both.hold.cap) == ("its turn was stopped by a person", "agent a1 in tokens")
    assert held(both, None, NOW).hold == by_hand.hold


ANYWHERE = st.sampled_from(list(PaneState))


@given(ANYWHERE, st.booleans())
def test_nothing_that_begins_a_turn_is_ever_proposed_at_a_cap(state: PaneState, told: bool) -> None:
    begins = {rule.action for rule in RULES if rule.begins_turn}
    assert begins == {
        "rescue", "wake", "resume", "restore", "continue", "renew", "hand_back", "github_wait", "nudge",
    }  # fmt: skip
    at_cap = held(agent(), over({"agent": 100}, USED).reached(agent()), NOW - 9999)
    if told:
        at_cap = at_cap.changed(verdict={"waiting": "the docs"}, seen={"github_limited_at": NOW - 1})
    found = plan([(at_cap, Observation(Classification(state, "as drawn")))], Limits(), NOW)
    assert not {action.action for action in found} & begins


def test_one_cap_over_several_agents_is_one_decision() -> None:
    two = [agent(), agent("b2")]
    ceiling = over({"day": 100}, USED, agents=two)
    at_prompt = Observation(Classification(PaneState.PROMPT, "as drawn"))
    looks = [(held(one, ceiling.reached(one), NOW), at_prompt) for one in two]
    assert [(one.action, one.details["id"]) for one in plan(looks, Limits(), NOW)] == [("budget", "a1")]
    alone = over({"agent": 10}, USED, OTHERS, agents=two)
    looks = [(held(one, alone.reached(one), NOW), at_prompt) for one in two]
    assert [one.details["id"] for one in plan(looks, Limits(), NOW)] == ["a1", "b2"]


@pytest.mark.parametrize("command", ["status", "run-loop --once", "poll-cycle", "tasks dispatch", "balance --spent"])
def test_a_wrong_cap_is_one_line_of_every_command_that_heeds_it(
    run_script: RunScript, home: Path, tmux_server: TmuxServer, command: str
) -> None:
    Store(home / "state.json").update(lambda _: Fleet(agents=(agent(),)), create=Fleet())
    config = home / "fleet" / "config.toml"
    config.parent.mkdir(mode=0o700, exist_ok=True)
    config.write_text('[caps]\nday = "lots"\n')
    done = run_script(*command.split())
    assert done.returncode == 2, f"{done.stdout}{done.stderr}"
    [line] = done.stderr.splitlines()
    assert "caps.day in config.toml: expected tokens" in line


def test_one_command_lets_go_whom_a_cap_held_and_says_so_when_there_is_none(
    run_script: RunScript, home: Path, tmux_server: TmuxServer
) -> None:
    today = f"{datetime.now().astimezone():%Y-%m-%d}"
    config = home / "fleet" / "config.toml"
    config.parent.mkdir(mode=0o700, exist_ok=True)
    config.write_text('[caps]\nagent = 100\nday = "$3"\n')
    used = Ledger({replace(HERE, day=today): USED[1]})
    (home / "fleet" / "spent.json").write_text(json.dumps(written(used)))
    stopped = agent(hold=Hold("budget: its cap of 100 tokens is reached", 7, "agent a1 in tokens"))
    store = Store(home / "state.json")
    store.update(lambda _: Fleet(agents=(stopped,)), create=Fleet())
    assert "its cap of 100 tokens is reached (100 tokens)" in run_script("balance", "--spent").stdout
    config.rename(config.with_suffix(".kept"))
    assert not run_script("balance", "--spent").stdout.endswith("\n\n"), "nothing is left open where there are no caps"
    config.with_suffix(".kept").rename(config)
    lifted = run_script("balance", "--allow", "day")
    assert (lifted.returncode, lifted.stdout) == (0, f"day {today} in USD: another $3.00 may be spent\n"), lifted.stderr
    assert store.read().agents[0].hold == stopped.hold, "its own cap still holds it"
    assert run_script("balance", "--allow", "a1").stdout == "agent a1 in tokens: another 100 tokens may be spent\n"
    assert store.read().agents[0].hold == Hold()
    again = run_script("balance", "--allow", "a1")
    assert (again.returncode, "no cap is reached" in again.stderr) == (3, True)
    found = json.loads(run_script("balance", "--spent", "--json").stdout)
    assert [(row["tokens"], row["usd"], row["account"]) for row in found["rows"]] == [(100, 3.0, "own")]
    assert {one["on"]: one["used"] for one in found["caps"]} == {"agent a1 in tokens": 0, f"day {today} in USD": 0}
