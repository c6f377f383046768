"""Performs an action and writes its intent and its outcome to the journal; for several agents side by side."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module

from fleetscripts.adapters.records.locks import LockTaken
from fleetscripts.core.planning.action_row import ActionRow
from fleetscripts.core.planning.actions import BY_NAME
from fleetscripts.core.planning.row_times import performed_again
from fleetscripts.core.records.handles import with_work
from fleetscripts.dataclass import dataclass
from fleetscripts.errors import FleetError, Refusal
from fleetscripts.fleet import Agent
from fleetscripts.services.actions.case import NOT_TOLD, Case

Performer = Callable[[Case], str]
"""Performs the action; returns what was done, in words."""


REFUSED, FAILED = "refused", "failed"


@dataclass(frozen=True, slots=True)
class AgentResult:
    """What became of one agent in a call for several: ``result`` in one word, as in the call's JSON."""

    agent: Agent
    result: str
    words: str

    @property
    def line(self) -> str:
        """One line for people."""
        return f"{with_work(self.agent)}: {self.words}"


def side_by_side(
    agents: Sequence[Agent],
    settle: Callable[[Agent], AgentResult],
    at_once: int,
    tell: Callable[[AgentResult], None],
) -> list[AgentResult]:
    """The results in the agents' order. ``tell`` is called with each, one after another, as soon as it is there."""
    telling = threading.Lock()

    def settled(agent: Agent) -> AgentResult:
        outcome = settle(agent)
        with telling:
            tell(outcome)
        return outcome

    with ThreadPoolExecutor(at_once, thread_name_prefix="agent") as pool:
        return list(pool.map(settled, agents))


def perform(case: Case) -> str:
    """What was done, in words; raises the performer's error once it is in the journal."""
    row, agent, why = BY_NAME[case.action.action], case.agent, case.action.reason
    about = {"id": agent.id, "action": row.name}
    if not agent.attempts.obstacle:
        case.journal.write("recovery-intended", window=agent.window, why=why, pane_id=agent.pane_id, **about)
    try:
        words = performer_of(row)(case)
    except Exception as error:
        outcome = failure(error)
        if _met_again(case, str(error) if isinstance(error, Refusal) else ""):
            raise
        case.journal.write(
            "recovery-ended", window=agent.window, why=why, outcome=outcome, pane_id=agent.pane_id, **about
        )
        raise
    if _met_again(case, words.removeprefix(NOT_TOLD) if words.startswith(NOT_TOLD) else ""):
        return words
    after = case.store.read().current(agent) or agent
    if row.most_times or row.every_seconds:
        case.change(attempts={"performed": performed_again(after, row.name, time.time())})
    was = agent.window if after.window != agent.window else None
    case.journal.write(
        "recovery-ended", window=after.window, why=why, outcome=words, pane_id=after.pane_id, was=was, **about
    )
    return words


def _met_again(case: Case, obstacle: str) -> bool:
    """Record the reason of a refusal, empty for none; returns whether the journal has it already."""
    before = case.agent.attempts
    same, now = bool(obstacle) and before.obstacle == obstacle, time.time()
    if obstacle or before.obstacle:
        since = before.obstacle_since if same else now
        case.change(
            attempts={
                "obstacle": obstacle,
                "obstacle_since": since if obstacle else 0,
                "obstacle_at": now if obstacle else 0,
            }
        )
    return same


def performer_of(row: ActionRow) -> Performer:
    """The function that the row names."""
    module, _, name = row.performer.partition(":")
    found: Performer = getattr(import_module(f"fleetscripts.services.actions.{module}"), name)
    return found


def failure(error: Exception) -> str:
    """The outcome of an action that was refused or failed."""
    if isinstance(error, FleetError):
        return f"{'refused' if isinstance(error, Refusal | LockTaken) else 'failed'}: {error}"
    return f"failed: unexpected {type(error).__name__}: {error}"
