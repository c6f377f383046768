"""Restarts, dialogs and prompts: one function per action, each of which checks the pane again before it acts.

A count is written before the thing it counts: a crash between the two costs one try, never repeats one blindly."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from fleetscripts.adapters.git.git import Git
from fleetscripts.adapters.records.locks import LockTaken, hold
from fleetscripts.adapters.system.processes import read_processes
from fleetscripts.adapters.tmux.tmux import Tmux
from fleetscripts.agents.kinds import kind_named
from fleetscripts.core.planning.attention import WAITS
from fleetscripts.core.planning.progress import JUDGED
from fleetscripts.errors import FleetError, Refusal
from fleetscripts.fleet import Agent, Fleet
from fleetscripts.invocation import spelled
from fleetscripts.models import AgentState, Classification, PaneFacts, PaneState, ServerId
from fleetscripts.services.accounts.launcher import account_to_resume
from fleetscripts.services.actions.case import Case
from fleetscripts.services.briefing.briefing import nudge as nudge_text
from fleetscripts.services.clients.client_start import client_start
from fleetscripts.services.clients.closing import free_conversation, place_of
from fleetscripts.services.clients.launch import Start, open_window, restart_in
from fleetscripts.services.clients.readiness import at_prompt
from fleetscripts.services.clients.sessions import make_sessions, session_meant
from fleetscripts.services.observe.agent_pane import agent_at
from fleetscripts.services.observe.conversations import open_conversations
from fleetscripts.services.observe.servers import refuse_unseen
from fleetscripts.services.typing.deliver import deliver
from fleetscripts.services.typing.dialog_context import dialog_context
from fleetscripts.services.typing.dialogs import dialog_on, recover
from fleetscripts.services.typing.pane_io import PaneIO, open_pane_io

SESSION_SECONDS = 30.0
"""For another process that creates the same session."""

STANDING = frozenset({PaneState.PROMPT, PaneState.COMPLETE, PaneState.RATE_LIMITED, PaneState.API_ERROR})
"""States in which a resumed conversation may be."""


def resume(case: Case) -> str:
    """Resume the conversation, in the window where its client ended."""
    with alone(case):
        pane_io = open_pane_io(case.settings, case.fleet)
        observation = pane_io.look(case.agent.pane_id)
        if held := case.current().hold.reason:
            raise Refusal(f"{case.agent.called}: {held}")
        if observation is None or observation.classification.state is not PaneState.IDLE:
            found = "no pane" if observation is None else observation.classification.state
            raise Refusal(f"{case.agent.called}: expected its ended client, found {found}")
        facts = observation.frame.facts
        start = _counted(case, pane_io)
        return _continue(case, pane_io, restart_in(pane_io.tmux, facts, start, children_of(facts)))


def restore(case: Case) -> str:
    """Resume the conversation in a new window: the old one is gone."""
    tmux = Tmux(case.settings.tmux_socket)
    with alone(case):
        refuse_unseen(case.agent, tmux)
        if not case.starts_server and tmux.server() is None:
            raise Refusal(f"{case.agent.called}: no tmux server runs")
        if place_of(tmux, case.agent, Path(case.agent.worktree_path)) is not None:
            raise Refusal(f"{case.agent.called}: its pane is there again")
        if (home := _home(case, tmux)) is not None:
            return _taken_over(case, tmux.require_server(), home)
        session = session_for(case, tmux)
        pane_io = open_pane_io(case.settings, case.fleet, tmux)
        start = _counted(case, pane_io)
        return _continue(case, pane_io, open_window(pane_io.tmux, session, case.agent.worktree, start))


def _home(case: Case, tmux: Tmux) -> PaneFacts | None:
    """A pane of this server in which its conversation is already open: reopened by a person or otherwise."""
    if not case.agent.session_id:
        return None
    known = open_conversations(case.settings, tmux.panes(), time.time()).get(case.agent.session_id)
    return known.pane if known is not None else None


def _taken_over(case: Case, server: ServerId, home: PaneFacts) -> str:
    """Record that pane; no try is counted, and nothing is typed."""

    def take(fleet: Fleet) -> Fleet:
        holder, known = agent_at(fleet, home.pane_id, server), fleet.current(case.agent)
        if holder is not None and holder is not known and holder.state is not AgentState.RECYCLED:
            raise Refusal(f"{case.agent.handle}: its conversation is open in the pane of {holder.handle}")
        return fleet if known is None else fleet.exchange(known, known.at(home, server))

    case.store.update(take)
    return f"its client runs in {home.window}: the record names that pane now"


def session_for(case: Case, tmux: Tmux) -> str:
    """The session for its window; created if it was closed, once for all of its agents, before a try counts."""
    named = case.agent.window.rpartition(":")[0] or case.fleet.tmux_session
    session = session_meant(tmux, case.store.read(), named)
    with hold(case.settings.locks / "sessions.lock", SESSION_SECONDS):
        problems = make_sessions(tmux, case.settings, [session], case.environ)
    if problems:
        raise Refusal(f"{case.agent.handle}: {problems[session]}")
    return session


def nudge(case: Case) -> str:
    """Remind an agent at its prompt of the objective and of what is missing."""
    pane_io = open_pane_io(case.settings, case.fleet)
    _still_stalled(case, pane_io)
    try:
        receipt = deliver(
            pane_io,
            case.agent.pane_id,
            nudge_text(case.current()),
            why=case.action.reason,
            known_obstacle=case.agent.attempts.obstacle,
        )
    except Refusal:
        raise
    except FleetError:
        case.change(attempts={"nudges": case.current().attempts.nudges + 1, "nudged_at": time.time()})
        raise
    case.change(attempts={"nudges": case.current().attempts.nudges + 1, "nudged_at": time.time()})
    return f"prompted to go on (proof: {receipt.proof})"


def _still_stalled(case: Case, pane_io: PaneIO) -> None:
    """Refuse what was planned on an older look: only at a real prompt, not twice per cooldown, only on its task."""
    agent, observation = case.current(), pane_io.look(case.agent.pane_id)
    wanted = PaneState.API_ERROR if case.action.action == "continue" else PaneState.PROMPT
    found = PaneState.MISSING if observation is None else observation.classification.state
    if found is not wanted:
        raise Refusal(f"{agent.called}: expected it at {wanted}, found {found}")
    if agent.hold.reason or agent.task.pending is not None or agent.task.started_at != case.agent.task.started_at:
        raise Refusal(f"{agent.called}: {agent.hold.reason or 'it has been given another task since'}")
    ago = time.time() - max(agent.attempts.nudged_at, agent.last_rebriefed_at)
    if wanted is PaneState.PROMPT and 0 <= ago < case.settings.nudge_cooldown_seconds:
        raise Refusal(f"{agent.called}: it was told {ago:.0f} s ago")


def answer_dialog(case: Case) -> str:
    """Answer the dialog by the policy; if it is a decision after all, record the reason."""
    pane_io = open_pane_io(case.settings, case.fleet)
    folder = Path(case.agent.worktree_path) if case.agent.worktree_path else None
    observation = pane_io.look(case.agent.pane_id)
    dialog = dialog_on(
        pane_io, case.agent.pane_id, dialog_context(case.settings, folder, observation.frame if observation else None)
    )
    try:
        return f"chose {recover(pane_io, dialog)!r}"
    except Refusal as refusal:
        case.change(attempts={"refusal": str(refusal)})
        raise


@contextmanager
def alone(case: Case, wait_seconds: float = 0) -> Iterator[None]:
    """One process at a time starts a client on one conversation; LockTaken if another one takes longer."""
    conversation = re.sub(
        r"[^0-9A-Za-z-]", "_", case.agent.session_id or case.agent.pane_id or case.agent.worktree_path
    )
    with ExitStack() as held:
        try:
            held.enter_context(hold(case.settings.locks / f"client-{conversation}.lock", wait_seconds))
        except LockTaken:
            raise LockTaken(f"{case.agent.called}: another process is starting its client just now") from None
        yield


def _counted(case: Case, pane_io: PaneIO) -> Start:
    """The command to start, once nobody is known to run this conversation; counts the try."""
    agent = case.current()
    if agent.finished:
        raise Refusal(f"{agent.called}: it is {agent.state} now")
    now = time.time()
    free_conversation(case.settings, agent, pane_io.tmux.panes())
    kind = kind_named(agent.agent)
    folder = Path(agent.worktree_path)
    if not folder.is_dir():
        raise FleetError(f"{agent.called}: its worktree {folder} is gone")
    refuse_other_branch(agent, folder)
    account = account_to_resume(case.settings, case.environ, agent)
    tries = {"restarts": agent.attempts.restarts + 1, "restarted_at": now}
    if agent.seen.out_of_memory:
        tries["memory_restarts"] = agent.attempts.memory_restarts + 1
    case.change(attempts=tries, account=account)
    return client_start(
        case.settings, case.environ, kind, folder, agent.session_id, resume=True, name=agent.branch, account=account,
        reads_only=bool(agent.task.reviews),
    )  # fmt: skip


def refuse_other_branch(agent: Agent, folder: Path) -> None:
    """Nobody is set to work on another's branch. In the middle of a rebase the worktree is on none."""
    branch = Git.in_worktree(str(folder), agent.repository).branch()
    if branch and agent.branch and branch != agent.branch:
        raise Refusal(
            f"{agent.handle}: its worktree is on {branch}, its work is on {agent.branch}:"
            f" git switch {agent.branch} there, or {spelled('update-agent')} {agent.handle} branch={branch}"
        )


def children_of(facts: PaneFacts) -> list[str]:
    """A shell's running children."""
    return [process.command for process in read_processes().tree(facts.pid) if process.pid != facts.pid]


def _continue(case: Case, pane_io: PaneIO, facts: PaneFacts) -> str:
    """Record the window, wait for the prompt, and prompt an agent that was cut off to continue."""
    case.change(window=facts.window, pane_id=facts.pane_id, window_id=facts.window_id, tmux_server=pane_io.server)
    observation = at_prompt(pane_io, case.settings, facts.pane_id, Path(case.agent.worktree_path), stands)
    agent = case.current()
    alone = case.settings.supervision != "active" or bool(agent.hold.reason) or agent.state in (*WAITS, *JUDGED)
    if alone or observation.classification.state is not PaneState.PROMPT:
        return f"resumed in {facts.window}, it is at {observation.classification.state}"
    receipt = deliver(pane_io, facts.pane_id, nudge_text(agent), why="the client had ended and was resumed")
    case.change(attempts={"nudged_at": time.time()})
    return f"resumed in {facts.window} and prompted to go on (proof: {receipt.proof})"


def stands(said: Classification) -> bool:
    return said.state in STANDING
