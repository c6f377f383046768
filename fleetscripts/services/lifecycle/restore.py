"""Reopens agents on their own conversations after windows, the tmux server or the machine are gone; each exactly once.

A conversation that is already open is never opened again: if it is in a pane of this server, that becomes the agent's
window; if elsewhere, the agent is refused."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from fleetscripts.adapters.records.journal import Journal
from fleetscripts.adapters.records.locks import LockTaken
from fleetscripts.adapters.records.store import Store
from fleetscripts.adapters.tmux.tmux import Tmux
from fleetscripts.config import Settings
from fleetscripts.errors import FleetError, Refusal
from fleetscripts.fleet import Agent, Fleet
from fleetscripts.models import Action, ActionKind, PaneFacts, PaneState, ServerId
from fleetscripts.services.actions.case import Case
from fleetscripts.services.actions.perform import FAILED, REFUSED, AgentResult, perform, side_by_side
from fleetscripts.services.actions.resume import alone
from fleetscripts.services.actions.resume_spawn import is_spawn
from fleetscripts.services.clients.sessions import make_sessions, session_meant
from fleetscripts.services.lifecycle.pane_survey import PaneSurvey, is_ending, survey_panes
from fleetscripts.services.observe.servers import unseen
from fleetscripts.services.typing.pane_io import open_pane_io

AT_ONCE = 5
"""Clients that start in parallel: each takes a core for about a second, then waits for its prompt."""

ANOTHER_START_SECONDS = 60.0
"""For another process, such as the loop, that is starting the same client: its result counts as ours."""

DEFAULT_SESSION = "fleet"
RESTORED, STANDING, UNDONE = "restored", "standing", "undone"
"""``standing``: it was alive; ``undone``: it was never briefed. Beside these: refused and failed."""


def restore_agents(
    settings: Settings,
    fleet: Fleet,
    environ: Mapping[str, str],
    agents: Sequence[Agent],
    tell: Callable[[AgentResult], None] = lambda outcome: None,
    named: bool = False,
) -> list[AgentResult]:
    """Reopen those without a live client, in their former sessions. ``tell`` is called with each result.

    ``named``: a person named these agents, so that paused ones are reopened and released too; otherwise paused agents
    are reopened only if their window is gone, and stay paused. Refusal if a tmux session is needed and may not be
    created."""
    tmux = Tmux(settings.tmux_socket)
    survey = survey_panes(settings, tmux)
    gone = [agent for agent in agents if survey.home_of(agent) is None and not unseen(agent, survey.server)]
    wanted = [session_meant(tmux, fleet, session_of(agent, fleet)) for agent in gone]
    survey = replace(survey, unmade=make_sessions(tmux, settings, wanted, environ))

    if named:
        _release(settings, agents)

    def settle(agent: Agent) -> AgentResult:
        return _settled(settings, fleet, environ, agent, survey, named)

    return side_by_side(agents, settle, AT_ONCE, tell)


def session_of(agent: Agent, fleet: Fleet) -> str:
    """The tmux session of its window."""
    return agent.window.rpartition(":")[0] or fleet.tmux_session or DEFAULT_SESSION


def restorable(fleet: Fleet) -> list[Agent]:
    """Every agent that is neither done nor recycled."""
    return [agent for agent in fleet.agents if not agent.finished]


def _settled(
    settings: Settings, fleet: Fleet, environ: Mapping[str, str], agent: Agent, survey: PaneSurvey, named: bool
) -> AgentResult:
    """One agent's result; its problems affect nobody else."""
    try:
        try:
            return _restored(settings, fleet, environ, agent, survey, named)
        except LockTaken:
            with alone(_case(settings, fleet, environ, agent, "resume"), ANOTHER_START_SECONDS):
                survey = replace(survey_panes(settings, Tmux(settings.tmux_socket)), unmade=survey.unmade)
            now = Store(settings.state_file).read().current(agent) or agent
            return _restored(settings, fleet, environ, now, survey, named)
    except LockTaken:
        return AgentResult(agent, REFUSED, "another process is starting its client")
    except Refusal as refusal:
        return AgentResult(agent, REFUSED, _without_window(refusal, agent))
    except FleetError as error:
        return AgentResult(agent, FAILED, _without_window(error, agent))


def _restored(
    settings: Settings, fleet: Fleet, environ: Mapping[str, str], agent: Agent, survey: PaneSurvey, named: bool
) -> AgentResult:
    if agent.finished:
        raise Refusal(f"it is {agent.state}: nothing is to be reopened")
    if is_spawn(agent.task.pending):
        words = perform(_case(settings, fleet, environ, agent, "settle_task"))
        now = Store(settings.state_file).read().current(agent)
        if now is None:
            return AgentResult(agent, UNDONE, words)
        agent = now
    known = survey.conversation_of(agent)
    own_pane = survey.pane_of(agent)
    if own_pane is not None and not agent.pane_id:
        agent = _placed(settings, agent, own_pane, survey.server)
    if known is not None and known.pane is not None:
        return _found_again(settings, agent, known.pane, survey.server)
    if known is not None and not known.at_rest_behind and not is_ending(known, own_pane):
        raise Refusal(f"its conversation is open in {known.place}: end that first")
    if own_pane is None and (why := survey.unmade.get(session_of(agent, fleet))):
        raise FleetError(why)
    if own_pane is None:
        return _perform(settings, fleet, environ, agent, "restore")
    state = _state_of(settings, fleet, own_pane)
    if state is not PaneState.IDLE:
        return AgentResult(agent, STANDING, f"its window exists, at {state}")
    if agent.hold.reason and not named:
        return AgentResult(agent, STANDING, f"left as it is: {agent.hold.reason}")
    return _perform(settings, fleet, environ, agent, "resume")


def _release(settings: Settings, agents: Sequence[Agent]) -> None:
    """End its pause."""

    def change(fleet: Fleet) -> Fleet:
        for agent in agents:
            fleet = fleet.change(agent, hold={"reason": "", "since": 0})
        return fleet

    if any(agent.hold.reason for agent in agents):
        Store(settings.state_file).update(change)


def _found_again(settings: Settings, agent: Agent, pane: PaneFacts, server: ServerId | None) -> AgentResult:
    """Record the pane in which its client lives."""
    if agent.pane_on(server) == pane.pane_id:
        return AgentResult(agent, STANDING, "its client runs there")
    after = _placed(settings, agent, pane, server)
    words = f"its client runs in {pane.window}; the record names that window now"
    _journal(settings).write(
        "found-again", id=agent.id, window=pane.window, pane_id=pane.pane_id, why=f"was {agent.window}"
    )
    return AgentResult(after, RESTORED, words)


def _placed(settings: Settings, agent: Agent, pane: PaneFacts, server: ServerId | None) -> Agent:
    """The agent, with the pane in its record."""

    def put(fleet: Fleet) -> Fleet:
        known = fleet.current(agent)
        return fleet if known is None else fleet.exchange(known, known.at(pane, server))

    return Store(settings.state_file).update(put).current(agent) or agent


def _perform(settings: Settings, fleet: Fleet, environ: Mapping[str, str], agent: Agent, name: str) -> AgentResult:
    """``restore`` or ``resume`` as by the loop, with the same lines in the journal."""
    session = session_of(agent, fleet)
    placed = agent if agent.window.rpartition(":")[0] else replace(agent, window=f"{session}:{agent.window}")
    case = _case(settings, fleet, environ, placed, name)
    words = perform(case)
    case.change(attempts={"restarts": 0})  # a person's word that it shall go on: the tries of the loop begin anew
    return AgentResult(case.current(), RESTORED, words)


def _case(settings: Settings, fleet: Fleet, environ: Mapping[str, str], agent: Agent, name: str) -> Case:
    action = Action(agent.window, agent.pane_id, name, ActionKind.RECOVERY, "asked for by restore-agent")
    return Case(agent, action, fleet, settings, environ)


def _state_of(settings: Settings, fleet: Fleet, pane: PaneFacts) -> PaneState:
    observation = open_pane_io(settings, fleet).look(pane.pane_id)
    return PaneState.MISSING if observation is None else observation.classification.state


def _journal(settings: Settings) -> Journal:
    return Journal(settings.journal_file)


def _without_window(error: FleetError, agent: Agent) -> str:
    return str(error).removeprefix(f"{agent.called}: ").removeprefix(f"{agent.handle}: ")
