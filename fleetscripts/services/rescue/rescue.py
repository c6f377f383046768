"""Agents that a limit or another dead end stopped, brought back to work: on another account, anew, or after a reset.

One at a time per account: the ledger is read again when an agent's turn comes. What a rescue intends stands in the
record before it is done (``rescue_stage``), so that a crash is gone on with from what the pane then shows.
"""

from __future__ import annotations

import time
from pathlib import Path

from fleetscripts.adapters.records.locks import Locked, hold
from fleetscripts.errors import FleetError, Refused
from fleetscripts.fleet import Agent
from fleetscripts.models import Classification, PaneState
from fleetscripts.services.accounts.accounts import account_named
from fleetscripts.services.accounts.launcher import Pick
from fleetscripts.services.accounts.prospects import account_of, next_account, note_wall
from fleetscripts.services.delivery.deliver import deliver
from fleetscripts.services.delivery.desk import Desk, Sight, open_desk
from fleetscripts.services.loop.recovery import Case, alone
from fleetscripts.services.rescue.rescue_move import Move, Target
from fleetscripts.services.rescue.rescue_tally import count
from fleetscripts.services.spawning.briefing import go_on

TURN_SECONDS = 300.0
"""How long a rescue waits for the one before it on the same account."""

STAGGER_SECONDS = 1.0
"""Between two agents that are put on one account: the first is at work again, and its use begins to show."""

NAMED = "named"
"""In an action's details: the account that a person named."""


def rescue(case: Case) -> str:
    """The same conversation on another account, or handed over to another client; what was done, in words."""
    try:
        with alone(case):
            desk = open_desk(case.settings, case.fleet)
            agent = _at_hand(case)
            sight = _seen(desk, agent)
            if sight is not None:
                note_wall(case.settings, agent, sight.classification, time.time())
            return _on_its_turn(case, desk, agent, sight)
    except Locked:
        raise Refused(f"{case.agent.window}: another process is starting its client") from None


def renew(case: Case) -> str:
    """A fresh conversation in the same worktree, on the same account, told what the full one knew."""
    try:
        with alone(case):
            desk = open_desk(case.settings, case.fleet)
            agent = _at_hand(case)
            return _moved(case, Move(case, desk, Target(agent.account, agent.agent, fresh=True)))
    except Locked:
        raise Refused(f"{case.agent.window}: another process is starting its client") from None


def wake(case: Case) -> str:
    """An agent whose limit has reset and whose client does not go on by itself is told to."""
    desk = open_desk(case.settings, case.fleet)
    agent = _at_hand(case)
    sight = _seen(desk, agent)
    state = PaneState.MISSING if sight is None else sight.classification.state
    if state is not PaneState.RATE_LIMITED:
        raise Refused(f"{agent.window}: expected it at a usage limit, it is {state}")
    text = go_on(agent, "a usage limit")
    try:
        receipt = deliver(desk, agent.pane_id, text, after_wall=True, keep_draft=True, why=case.action.reason)
    except Refused:
        raise
    except FleetError:
        case.change(last_nudged_at=time.time())
        raise
    case.change(last_nudged_at=time.time())
    return f"told to go on (proof: {receipt.proof})"


def _on_its_turn(case: Case, desk: Desk, agent: Agent, sight: Sight | None) -> str:
    """When the account is free: chosen again then, since the one before may have used what was left."""
    chosen = _chosen(case, agent, sight)
    while True:
        with hold(case.settings.locks / f"rescue-{chosen.account.name}.lock", TURN_SECONDS):
            again = _chosen(case, agent, sight)
            if again.account.name == chosen.account.name:
                target = Target(again.account.name, again.account.agent, fresh=again.kind_changes)
                words = _moved(case, Move(case, desk, target))
                time.sleep(STAGGER_SECONDS)
                return f"{words} ({again.reason})"
        chosen = again


def _chosen(case: Case, agent: Agent, sight: Sight | None) -> Pick:
    named = str(case.action.details.get(NAMED, ""))
    if named:
        account = account_named(case.settings, named, agent.agent)
        return Pick(account, "named by a person", kind_changes=account.agent != agent.agent)
    found = sight.classification if sight is not None else Classification(PaneState.MISSING, "")
    chosen = next_account(case.settings, agent, found, time.time())
    if chosen is None:
        raise Refused(f"{agent.window}: no account but {account_of(case.settings, agent)} has budget")
    return chosen


def _moved(case: Case, move: Move) -> str:
    """The move, and what becomes of the record: counted when it failed, so that the next account is tried."""
    try:
        words = move.run()
    except Exception as error:
        if isinstance(error, Refused) and not move.touched:
            raise
        agent = case.current()
        failed = tuple(dict.fromkeys((*agent.failed_accounts, move.target.account)))
        problem = " ".join(str(error).split())[:300]
        case.change(rescue_tries=agent.rescue_tries + 1, rescue_problem=problem, failed_accounts=failed)
        move.give_up()
        if isinstance(error, Refused):
            raise FleetError(str(error)) from error
        raise
    count(case.settings, case.current().account, handed_over=move.target.fresh)
    return words


def _at_hand(case: Case) -> Agent:
    agent = case.current()
    if agent.finished or agent.held or agent.new_task is not None:
        raise Refused(f"{agent.window}: {agent.held or 'nothing is to be resumed'} (it is {agent.state})")
    if not Path(agent.worktree_path).is_dir():
        raise FleetError(f"{agent.window}: its worktree {agent.worktree_path} is gone")
    return agent


def _seen(desk: Desk, agent: Agent) -> Sight | None:
    pane_id = agent.pane_on(desk.server)
    return desk.look(pane_id) if pane_id else None
