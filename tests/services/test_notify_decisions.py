"""A person is told of each thing once, of a fleet that is done once, and again when nobody looks."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from fleetscripts.adapters.records.store import Store
from fleetscripts.config import load_settings
from fleetscripts.core.spending.ceiling import Ceiling
from fleetscripts.errors import FleetError
from fleetscripts.fleet import Agent, Fleet
from fleetscripts.models import Action, ActionKind, AgentState
from fleetscripts.record import LastLook
from fleetscripts.services.loop.cycle import run_cycle
from fleetscripts.services.loop.notify_decisions import attend

NOW = 1_800_000_000.0


class Office:
    """A state file, and what was sent to the person."""

    def __init__(self, path: Path) -> None:
        self.store = Store(path)
        self.settings = replace(load_settings(os.environ), state_file=path)
        self.sent: list[str] = []

    def notify(self, message: str, *_: object) -> list[str]:
        self.sent.append(message)
        return []

    def attend(self, *actions: tuple[int, str, str], now: float = NOW) -> list[str]:
        """One cycle's decisions: agent by number, action, reason."""
        fleet = self.store.read()
        decisions = [
            (fleet.agents[number], Action(fleet.agents[number].window, "", name, ActionKind.DECISION, reason))
            for number, name, reason in actions
        ]
        return attend(fleet, decisions, self.settings, {}, now, Ceiling(), self.notify)


@pytest.fixture
def office(home: Path) -> Office:
    made = Office(home / "state.json")
    agents = tuple(Agent(f"s:{n}", f"tree-{n}", f"/t{n}", seen=LastLook(since=NOW - 5)) for n in range(3))
    made.store.update(lambda _: Fleet(agents=agents), create=Fleet())
    return made


def test_each_occasion_is_told_once_and_all_of_a_cycle_in_one_message(office: Office) -> None:
    both = ((0, "dialog", "question: the agent asks"), (1, "stuck", "nothing moves"))
    office.attend(*both)
    office.attend(*both, now=NOW + 30)
    assert office.sent == ["s:0 (tree-0): dialog: question: the agent asks\ns:1 (tree-1): stuck: nothing moves"]
    office.store.update(lambda fleet: fleet.change(fleet.agents[0], seen={"since": NOW + 40}))
    office.attend(*both, now=NOW + 60)
    assert office.sent[1:] == ["s:0 (tree-0): dialog: question: the agent asks"]


def test_an_escalation_marks_the_agent_with_its_reason(office: Office) -> None:
    assert office.attend((2, "escalate", "it stopped 3 times")) == ["s:2 (tree-2): escalated, it stopped 3 times"]
    agent = office.store.read().agents[2]
    assert (agent.state, agent.escalation.reason, agent.escalation.at) == (
        AgentState.ESCALATED,
        "it stopped 3 times",
        NOW,
    )
    assert office.attend((2, "escalated", "it stopped 3 times"), now=NOW + 30) == []


def test_after_an_escalation_the_rounds_are_counted_anew(office: Office) -> None:
    office.store.update(lambda fleet: fleet.change(fleet.agents[2], attempts={"rounds": 10}))
    office.attend((2, "escalate", "sent back 10 times, and still not complete"))
    assert office.store.read().agents[2].attempts.rounds == 0


def test_an_agent_that_somebody_just_recycled_is_not_escalated(office: Office) -> None:
    fleet = office.store.read()
    action = Action("s:2", "", "escalate", ActionKind.DECISION, "why")
    office.store.update(lambda now: now.change(now.agents[2], state=AgentState.RECYCLED))
    attend(fleet, [(fleet.agents[2], action)], office.settings, {}, NOW, Ceiling(), office.notify)
    assert office.store.read().agents[2].state is AgentState.RECYCLED


def finish(office: Office, *states: AgentState) -> None:
    def change(fleet: Fleet) -> Fleet:
        for agent, state in zip(fleet.agents, states, strict=True):
            fleet = fleet.change(agent, state=state)
        return fleet

    office.store.update(change)


def test_a_fleet_that_is_done_is_told_once_and_again_after_new_work(office: Office) -> None:
    finish(office, AgentState.DONE, AgentState.ESCALATED, AgentState.PENDING_EVALUATION)
    assert office.attend() == []
    finish(office, AgentState.DONE, AgentState.DONE, AgentState.RECYCLED)
    assert office.attend() == ["all agents are done: 2 done"]
    assert office.attend() == []
    finish(office, AgentState.RUNNING, AgentState.DONE, AgentState.RECYCLED)
    assert office.attend() == []
    finish(office, AgentState.DONE, AgentState.ESCALATED, AgentState.RECYCLED)
    assert office.attend() == ["all agents are done: 1 done, 1 escalated"]


def test_a_fleet_of_recycled_agents_is_no_news(office: Office) -> None:
    finish(office, *[AgentState.RECYCLED] * 3)
    assert office.attend() == []


def test_when_nobody_looks_while_something_waits_the_person_is_called(office: Office) -> None:
    patience = office.settings.orchestrator_unseen_seconds
    waits = (0, "dialog", "question: the agent asks")
    office.attend(waits)
    assert office.attend(waits, now=NOW + patience - 1) == []
    [line] = office.attend(waits, now=NOW + patience)
    assert line == f"nobody has looked for {patience / 60:.0f} minutes; waiting: s:0"
    assert office.attend(waits, now=NOW + patience + 1) == []
    assert office.attend(waits, now=NOW + 2 * patience) == [line.replace("15", "30")]
    office.store.update(lambda fleet: replace(fleet, orchestrator_seen_at=NOW + 2 * patience, orchestrator_called_at=0))
    assert office.attend(waits, now=NOW + 3 * patience - 1) == []


def test_after_the_clock_was_set_back_the_person_is_still_called(office: Office) -> None:
    office.store.update(lambda fleet: replace(fleet, orchestrator_seen_at=NOW + 86_400))
    run_cycle(office.store, office.settings, NOW)
    asks = (0, "dialog", "question")
    office.attend(asks)
    patience = office.settings.orchestrator_unseen_seconds
    office.attend(asks, now=NOW + patience + 1)
    assert any("nobody has looked" in message for message in office.sent)


def test_a_journal_that_cannot_be_written_keeps_nothing_from_the_person(office: Office) -> None:
    office.settings.journal_file.mkdir(parents=True)
    with pytest.raises(FleetError, match="journal"):
        office.attend((0, "escalate", "three tries"))
    assert office.sent == ["s:0 (tree-0): escalated, three tries"]


def test_nobody_is_called_while_nothing_waits(office: Office) -> None:
    assert office.attend(now=NOW + 1e6) == []


def test_a_storm_of_decisions_is_one_short_message(office: Office) -> None:
    agents = tuple(Agent(f"s:{n}", worktree_path=f"/t{n}") for n in range(40))
    office.store.update(lambda fleet: replace(fleet, agents=agents))
    office.attend(*((n, "stuck", "nothing moves") for n in range(40)))
    assert len(office.sent) == 1
    assert office.sent[0].splitlines()[-1] == "and 28 more"


def test_what_somebody_else_brought_about_is_told_too(office: Office) -> None:
    finish(office, AgentState.PENDING_EVALUATION, AgentState.RUNNING, AgentState.RUNNING)
    waits = (0, "evaluate", "every gate held")
    assert office.attend(waits) == ["s:0 (tree-0): evaluate: every gate held"]
    assert office.attend(waits, now=NOW + 30) == []
