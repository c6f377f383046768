"""Rescues: agents stopped by a usage limit or a dead end continue on another account, in a new conversation, or later.

One at a time per account: the ledger is read again at each agent's turn. A rescue's intent is in the record before it
is carried out (``rescue_stage``), so that after a crash it continues from what the pane shows."""

from __future__ import annotations

import time
from pathlib import Path

from fleetscripts.adapters.records.ledger import AccountLedger
from fleetscripts.adapters.records.locks import LockTaken, hold
from fleetscripts.core.planning.limits import Limits
from fleetscripts.core.planning.observation import Observation
from fleetscripts.core.planning.rescue import PARKED, Pick
from fleetscripts.errors import FleetError, Refusal
from fleetscripts.fleet import Agent
from fleetscripts.models import Classification, PaneState
from fleetscripts.services.accounts.account_check import AccountProblem, unfit
from fleetscripts.services.accounts.account_choice import account_of, next_account, note_wall
from fleetscripts.services.accounts.accounts import account_named
from fleetscripts.services.actions.case import Case
from fleetscripts.services.actions.rescue_move import Move, Target
from fleetscripts.services.actions.rescue_return import put_back
from fleetscripts.services.actions.rescue_tally import count
from fleetscripts.services.actions.resume import alone
from fleetscripts.services.briefing.briefing import go_on
from fleetscripts.services.observe.servers import refuse_unseen
from fleetscripts.services.spending.spending import note_spent
from fleetscripts.services.typing.deliver import deliver
from fleetscripts.services.typing.pane_io import PaneIO, open_pane_io
from fleetscripts.usage import LOGIN

TURN_SECONDS = 300.0
"""How long a rescue waits for the one before it on the same account."""

STAGGER_SECONDS = 1.0
"""Between two agents that are moved to one account: the first is at work again, and its usage begins to show."""

NAMED = "named"
"""In an action's details: the account chosen by a person."""


def rescue(case: Case) -> str:
    """Continue the conversation on another account, or hand it over to another client; returns what was done, in
    words."""
    try:
        with alone(case):
            pane_io = open_pane_io(case.settings, case.fleet)
            agent = _at_hand(case)
            observation = _seen(pane_io, agent)
            if observation is not None:
                note_wall(case.settings, agent, observation.classification, time.time())
                note_spent(case.settings, [(agent, observation)], time.time(), every=True)
            return _on_its_turn(case, pane_io, agent, observation)
    except LockTaken:
        raise Refusal(f"{case.agent.called}: another process is starting its client") from None


def renew(case: Case) -> str:
    """Start a fresh conversation in the same worktree, on the same account, with the full one's known facts."""
    try:
        with alone(case):
            pane_io = open_pane_io(case.settings, case.fleet)
            agent = _at_hand(case)
            return _moved(case, Move(case, pane_io, Target(agent.account, agent.agent, fresh=True)))
    except LockTaken:
        raise Refusal(f"{case.agent.called}: another process is starting its client") from None


def wake(case: Case) -> str:
    """Prompt an agent whose limit has reset and whose client does not continue by itself."""
    pane_io = open_pane_io(case.settings, case.fleet)
    agent = _at_hand(case)
    observation = _seen(pane_io, agent)
    state = PaneState.MISSING if observation is None else observation.classification.state
    put_back = state is PaneState.PROMPT and agent.rescue.stage == PARKED
    if state is not PaneState.RATE_LIMITED and not put_back:
        raise Refusal(f"{agent.called}: expected it at a usage limit, it is {state}")
    text = go_on(agent, "a usage limit")
    told = {"wakes": agent.attempts.wakes + 1}
    try:
        receipt = deliver(
            pane_io,
            agent.pane_id,
            text,
            after_wall=True,
            keep_draft=True,
            why=case.action.reason,
            known_obstacle=case.agent.attempts.obstacle,
        )
    except Refusal:
        raise
    except FleetError:
        case.change(attempts={**told, "nudged_at": time.time()})
        raise
    case.change(attempts={**told, "nudged_at": time.time()}, rescue={"stage": ""})
    return f"prompted to go on (proof: {receipt.proof})"


def _on_its_turn(case: Case, pane_io: PaneIO, agent: Agent, observation: Observation | None) -> str:
    """Once the account is free: chosen again then, since the rescue before may have used the rest."""
    chosen = _chosen(case, agent, observation)
    while True:
        with hold(case.settings.locks / f"rescue-{chosen.account.name}.lock", TURN_SECONDS):
            again = _chosen(case, agent, observation)
            if again.account.name == chosen.account.name:
                if problem := unfit(again.account, case.settings, case.environ):
                    _locked_out(case, agent, again.account.name, problem)
                    chosen = _chosen(case, agent, observation)
                    continue
                rest = (
                    observation is not None
                    and observation.classification.state is PaneState.PROMPT
                    and not agent.rescue.stage
                )
                rest = rest and bool(case.action.details.get("account"))
                target = Target(again.account.name, again.account.agent, again.kind_changes, from_rest=rest)
                words = _moved(case, Move(case, pane_io, target))
                time.sleep(STAGGER_SECONDS)
                return f"{words} ({again.reason})"
        chosen = again


def _locked_out(case: Case, agent: Agent, account: str, problem: AccountProblem) -> None:
    """Known before anything is ended: the account is left alone by all for a while. Refusal if a person chose it."""
    if case.action.details.get(NAMED):
        raise Refusal(f"{agent.called}: account {account} cannot be worked on: {problem.why}")
    now = time.time()
    until = None if problem.seconds is None else now + problem.seconds
    AccountLedger(case.settings.fleet_home).note_wall(account, LOGIN, until, now, "its client")
    case.journal.write("account-locked", window=agent.window, account=account, why=problem.why)


def _chosen(case: Case, agent: Agent, observation: Observation | None) -> Pick:
    named = str(case.action.details.get(NAMED, ""))
    if named:
        account = account_named(case.settings, named, agent.agent)
        return Pick(account, "named by a person", kind_changes=account.agent != agent.agent)
    found = observation.classification if observation is not None else Classification(PaneState.MISSING, "")
    chosen = next_account(case.settings, agent, found, time.time())
    if chosen is None:
        raise Refusal(f"{agent.called}: no account but {account_of(case.settings, agent)} has budget")
    return chosen


def _moved(case: Case, move: Move) -> str:
    """Make the move and update the record: a failure is counted, so that the next account is tried."""
    origin = case.current()
    try:
        words = move.run()
    except Exception as error:
        if isinstance(error, Refusal) and not move.touched:
            raise
        agent = case.current()
        failed = tuple(dict.fromkeys((*agent.attempts.failed_accounts, move.target.account)))
        problem = " ".join(str(error).split())[:300]
        case.change(
            attempts={"rescues": agent.attempts.rescues + 1, "failed_accounts": failed}, rescue={"problem": problem}
        )
        move.give_up()
        if move.left_a_limit and not _another(case, move):
            put_back(case, move, origin.worktree_path)
        if isinstance(error, Refusal):
            raise FleetError(str(error)) from error
        raise
    if move.answered:
        count(case.settings, account_of(case.settings, case.current()), handed_over=move.target.fresh)
    return words


def _another(case: Case, move: Move) -> bool:
    """Whether there is an account that may be used and has not failed yet."""
    agent = case.current()
    if agent.attempts.rescues >= Limits().tries:
        return False
    chosen = next_account(case.settings, agent, Classification(PaneState.MISSING, ""), time.time())
    tried = {*agent.attempts.failed_accounts, move.target.account, move.origin}
    return chosen is not None and chosen.account.name not in tried


def _at_hand(case: Case) -> Agent:
    agent = case.current()
    if agent.finished or agent.hold.reason or agent.task.pending is not None:
        raise Refusal(f"{agent.called}: {agent.hold.reason or 'nothing is to be resumed'} (it is {agent.state})")
    if not Path(agent.worktree_path).is_dir():
        raise FleetError(f"{agent.called}: its worktree {agent.worktree_path} is gone")
    return agent


def _seen(pane_io: PaneIO, agent: Agent) -> Observation | None:
    """None if its pane is gone; refused if another server was asked than the one it is on."""
    seen = pane_io.look_at(agent)
    if seen is None:
        refuse_unseen(agent, pane_io.tmux)
    return seen
