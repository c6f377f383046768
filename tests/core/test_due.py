"""Between a look and the next due instant time alone changes nothing: so nobody has to look in between."""

from __future__ import annotations

from array import array
from dataclasses import replace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from fleetscripts.account import Account
from fleetscripts.core.planning.action_row import ActionRow, On, Turn
from fleetscripts.core.planning.due import INSTANTS, next_due
from fleetscripts.core.planning.limits import Limits
from fleetscripts.core.planning.observation import Observation
from fleetscripts.core.planning.policy import CONDITIONS, RULES, PolicyCase, decide
from fleetscripts.core.planning.progress import note
from fleetscripts.core.planning.rescue import Pick
from fleetscripts.core.planning.row_times import allowed, instants
from fleetscripts.fleet import PARTS, Agent
from fleetscripts.models import AgentState, Classification, DialogKind, ErrorKind, PaneState
from fleetscripts.record import LastLook, Task, typed
from tests.records import agent_with

NOW = 1_800_000_000.0
LIMITS = Limits(idle_threshold_seconds=300, nudge_cooldown_seconds=200, verify_pause_seconds=30, retry_pause_seconds=40)

past = st.one_of(st.just(0.0), st.integers(0, 2000).map(lambda seconds: NOW - seconds))
ahead = st.one_of(st.just(0.0), st.integers(-1000, 2000).map(lambda seconds: NOW + seconds))
counts = st.integers(0, 4)
AHEAD = (("rescue", "parked_until"), ("seen", "resets_at"), ("seen", "wakes_at"), ("seen", "spends_until"))
TIMES = [(part, name) for part, kind in PARTS.items() for name in typed(kind(), "UnixSeconds")]
"""Every instant of the record's parts, those that are still to be added too."""


def at_these_times(agent: Agent, drawn: bytes) -> Agent:
    """All instants from one draw, two bytes for each: a draw for each takes three times as long. Half of them are 0."""
    parts: dict[str, dict[str, float]] = {}
    for (part, name), number in zip(TIMES, array("H", drawn), strict=True):
        seconds = number // 2
        at = NOW + seconds % 3001 - 1000 if (part, name) in AHEAD else NOW - seconds % 2001
        parts.setdefault(part, {})[name] = at if number % 2 else 0.0
    return agent.changed(**parts)


begun = st.builds(
    agent_with,
    st.just("f:1"),
    state=st.sampled_from(AgentState),
    kicks=counts,
    nudges=counts,
    fruitless_rounds=counts,
    last_rebriefed_at=past,
    held=st.sampled_from(["", "stopped"]),
    new_task=st.one_of(st.none(), past.map(lambda at: {"at": at})),
)
agents = st.builds(at_these_times, begun, st.binary(min_size=2 * len(TIMES), max_size=2 * len(TIMES)))
found = st.builds(
    Classification,
    st.sampled_from(PaneState),
    st.just("as drawn"),
    dialog=st.one_of(st.none(), st.sampled_from(DialogKind)),
    error=st.sampled_from(ErrorKind),
    resets_at=st.one_of(st.none(), ahead),
    background=st.booleans(),
)


@settings(max_examples=400)
@given(agents, found, st.floats(0, 1))
def test_the_policy_answers_the_same_until_the_next_due_instant(
    agent: Agent, shown: Classification, share: float
) -> None:
    case = PolicyCase(agent, shown, LIMITS, NOW)
    due = next_due(case)
    until = NOW + 10_000 if due is None else due - 0.002
    later = max(NOW, NOW + (until - NOW) * share)
    before, after = decide(case), decide(replace(case, now=later))
    assert after is before, (
        f"{later - NOW:.0f} s later another row fits, {after} in place of {before}, and nothing was due before it: "
        f"INSTANTS of core/planning/due.py lacks the instant at which a condition of either row changes"
    )


@settings(max_examples=200)
@given(agents, found)
def test_a_condition_changes_with_time_only_at_an_instant_that_is_listed(agent: Agent, shown: Classification) -> None:
    case = PolicyCase(agent, shown, LIMITS, NOW, Pick(Account("spare"), "it has budget", saves=True))
    instants = [at for instant in INSTANTS.values() if (at := instant(case)) > NOW + 0.002]
    just_before = replace(case, now=min(instants, default=NOW + 10_000) - 0.001)
    asked = {name for rule in RULES if rule.pane in (None, shown.state) for name in rule.when.split("+")}
    changed = [name for name in sorted(asked) if CONDITIONS[name](case) != CONDITIONS[name](just_before)]
    assert changed == [], f"INSTANTS of core/planning/due.py lacks the instant at which they change: {changed}"


@given(agents, past, counts, st.floats(0, 1))
def test_the_times_of_a_row_change_nothing_until_their_next_instant(
    agent: Agent, at: float, times: int, share: float
) -> None:
    row = ActionRow("praise", Turn.NONE, every_seconds=600, most_times=3)
    on = On(None, "always", since="seen.worked_at", after="idle_threshold_seconds")
    agent = agent.changed(attempts={"performed": {"praise": {"times": times, "at": at}}})
    due = min((later for later in instants(row, on, agent, LIMITS) if later > NOW + 0.002), default=NOW + 10_000)
    later = NOW + (due - 0.001 - NOW) * share
    assert allowed(row, on, agent, LIMITS, NOW) == allowed(row, on, agent, LIMITS, later)


def test_a_prompt_is_due_when_it_has_stood_still_long_enough() -> None:
    agent = Agent("f:1", seen=LastLook(since=NOW - 100, output_changed_at=NOW - 90))
    due = next_due(PolicyCase(agent, Classification(PaneState.PROMPT, "as drawn"), LIMITS, NOW))
    assert due is not None
    assert abs(due - (NOW + 210)) < 0.01
    assert decide(PolicyCase(agent, Classification(PaneState.PROMPT, "as drawn"), LIMITS, due)) is not None


def test_an_agent_that_is_done_is_never_due() -> None:
    for state in (AgentState.DONE, AgentState.PENDING_EVALUATION, AgentState.ESCALATED):
        agent = Agent("f:1", state=state, seen=LastLook(since=NOW))
        assert next_due(PolicyCase(agent, Classification(PaneState.PROMPT, "as drawn"), LIMITS, NOW)) is None


def test_after_the_clock_was_set_back_a_nudge_counts_as_just_given() -> None:
    before: dict[str, Any] = {"last_nudged_at": NOW + 3600, "last_verified_at": NOW + 2, "last_kicked_at": NOW - 5}
    seen = Observation(Classification(PaneState.PROMPT, "as drawn"))
    after = note(agent_with("f:1", **before), seen, 300, NOW)
    assert (after.attempts.nudged_at, after.verdict.at, after.attempts.restarted_at) == (NOW, NOW + 2, NOW - 5)


def test_a_task_that_a_hand_wrote_without_a_time_has_no_instant_of_its_own() -> None:
    for at in ("yesterday", None, []):
        agent = Agent("f:1", state=AgentState.PENDING_EVALUATION, task=Task(pending={"at": at}))
        assert next_due(PolicyCase(agent, Classification(PaneState.PROMPT, ""), LIMITS, NOW)) is None
