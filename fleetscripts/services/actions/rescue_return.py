"""Restarts an agent that no account accepts where it was: there it waits for the reset, without a message."""

from __future__ import annotations

import time
from pathlib import Path

from fleetscripts.account import own_name
from fleetscripts.adapters.records.ledger import AccountLedger
from fleetscripts.agents.kinds import kind_named
from fleetscripts.core.planning.rescue import PARKED, UNKNOWN_RESET_SECONDS, spread
from fleetscripts.models import AgentState, PaneState
from fleetscripts.services.actions.case import Case
from fleetscripts.services.actions.rescue_move import Move
from fleetscripts.services.actions.resume import children_of, stands
from fleetscripts.services.clients.client_start import client_start
from fleetscripts.services.clients.launch import restart_in
from fleetscripts.services.clients.readiness import at_prompt
from fleetscripts.services.typing import input_box
from fleetscripts.services.typing.end_client import end_client
from fleetscripts.usage import LOGIN


def put_back(case: Case, move: Move, worktree_path: str) -> None:
    """Resume on the account where the move began; a client with a refused login elsewhere is ended."""
    agent, pane_io = case.current(), move.pane_io
    observation = pane_io.look(agent.pane_id)
    if observation is None:
        return
    facts, draft, state = observation.frame.facts, move.draft, observation.classification.state
    if state is not PaneState.IDLE:
        why = "it is not let in there"
        ended = end_client(pane_io, agent.pane_id, states=frozenset({state}), keep_draft=True, why=why)
        facts, draft = ended.facts or facts, ended.draft or draft
    until = _limit_ends(case, move.origin)
    case.change(
        account=move.origin,
        rescue={"stage": PARKED, "parked_until": until + spread(agent)},
        attempts={"rescues": 0, "restarted_at": time.time()},
        state=AgentState.RATE_LIMITED,
    )
    kind, folder = kind_named(agent.agent), Path(worktree_path)
    start = client_start(
        case.settings, case.environ, kind, folder, agent.session_id, resume=True, name=agent.branch,
        account=move.origin, reads_only=bool(agent.task.reviews),
    )  # fmt: skip
    restart_in(pane_io.tmux, facts, start, children_of(facts))
    case.journal.write("parked", window=agent.window, account=move.origin, until=until)
    at_prompt(pane_io, case.settings, agent.pane_id, folder, stands)
    if draft:
        input_box.put_back(pane_io, kind, agent.pane_id, draft)


def _limit_ends(case: Case, account: str) -> float:
    """When the last known limit of this account ends; a default if none is known."""
    now = time.time()
    figures = AccountLedger(case.settings.fleet_home).read().get(account or own_name(case.current().agent), {})
    ends = [figure.until for name, figure in figures.items() if figure.wall and name != LOGIN and figure.until > now]
    return max(ends, default=now + UNKNOWN_RESET_SECONDS)
