"""Interrupts an agent at a person's request: Escape ends the turn, or the client is ended.

The record is then paused: the loop neither nudges nor resumes the agent until it has received a message and works
again, or until its ended client is restored."""

from __future__ import annotations

import time
from collections.abc import Mapping

from fleetscripts.adapters.records.store import Store
from fleetscripts.adapters.tmux.keyboard import press
from fleetscripts.agents.kinds import kind_named
from fleetscripts.config import Settings
from fleetscripts.core.planning.observation import Observation
from fleetscripts.core.records.sanitize import shell_word
from fleetscripts.errors import FleetError, Refusal
from fleetscripts.fleet import Agent, Fleet
from fleetscripts.invocation import spelled
from fleetscripts.models import PaneState
from fleetscripts.services.observe.agent_pane import agent_at
from fleetscripts.services.own_pane import own_pane
from fleetscripts.services.typing import input_box as drafts
from fleetscripts.services.typing.end_client import end_client
from fleetscripts.services.typing.outbox import Outbox
from fleetscripts.services.typing.own_text import is_own
from fleetscripts.services.typing.pane_io import PaneIO, excerpt, wait_for

TURN_STOPPED = "its turn was stopped by a person"
CLIENT_ENDED = "its client was ended by a person"

STOP_SECONDS = 6.0
"""For a turn to end after Escape; ending a tool takes the clients up to 2 s."""

ENDING_SECONDS = 120.0
"""Longer than any client takes to exit, including the wait for another sender in its pane."""

TRIES = 3


def interrupt(
    pane_io: PaneIO, settings: Settings, fleet: Fleet | None, pane_id: str, environ: Mapping[str, str], kill: bool
) -> list[str]:
    """Stop the turn, or with ``kill`` end the client; returns what was done, in sentences. Refusal if there is nothing
    to stop."""
    if pane_id == own_pane(environ, pane_io.server):
        raise Refusal(f"{pane_id} is the pane that this call comes from")
    agent = agent_at(fleet, pane_id, pane_io.server)
    said = _end(pane_io, settings, agent, pane_id) if kill else _stop(pane_io, settings, agent, pane_id)
    if agent is not None:
        again = f"{spelled('send-agent')} {shell_word(agent.handle)}"
        until = f"it receives a message ({again}) and works again"
        if kill:
            until = f"{spelled('restore-agent')} {shell_word(agent.handle)} reopens its conversation"
        said.append(f"paused: the loop leaves it alone until {until}")
    return said


def _stop(pane_io: PaneIO, settings: Settings, agent: Agent | None, pane_id: str) -> list[str]:
    said = stop_turn(pane_io, pane_id)
    _hold(settings, agent, TURN_STOPPED)
    return said


def _end(pane_io: PaneIO, settings: Settings, agent: Agent | None, pane_id: str) -> list[str]:
    """Paused before it ends: the loop would resume it the next moment. Activity until then does not release it."""
    _hold(settings, agent, CLIENT_ENDED, ENDING_SECONDS)
    try:
        ended = end_client(pane_io, pane_id, keep_draft=True, by_force=True, why="a person wants it ended")
    except FleetError:
        if agent is not None:
            Store(settings.state_file).update(
                lambda fleet: fleet.change(agent, hold={"reason": agent.hold.reason, "since": agent.hold.since})
            )
        raise
    _hold(settings, agent, CLIENT_ENDED)
    draft = [f"unsent in its input box: {ended.draft}"] if ended.draft else []
    where = ended.facts.window if ended.facts is not None else pane_id
    return [f"{where}: the client has ended {ended.how}", *draft]


def stop_turn(pane_io: PaneIO, pane_id: str) -> list[str]:
    """Press Escape during a turn, and clear the prompt that comes back into the box."""
    with pane_io.turn(pane_id):
        for _ in range(TRIES):
            observation = _in_a_turn(pane_io, pane_id)
            facts = observation.frame.facts
            frame = pane_io.screen(pane_id)
            pane_io.journal.write("interrupt-intended", window=facts.window, pane_id=pane_id, why="a person wants it")
            if press(pane_io.tmux, pane_io.guard(frame, kind_named(observation.kind)), "Escape") and _stopped(
                pane_io, pane_id
            ):
                pane_io.journal.write("interrupted", window=facts.window, pane_id=pane_id, why="a person wants it")
                return [f"{facts.window}: the turn was stopped", *_tidied(pane_io, pane_id)]
        raise FleetError(f"{facts.window}: the turn does not end: {excerpt(pane_io.screen(pane_id))}")


def _in_a_turn(pane_io: PaneIO, pane_id: str) -> Observation:
    observation = pane_io.require_look(pane_id)
    said = observation.classification
    if said.state is not PaneState.RUNNING or said.dialog is not None:
        found = f"a {said.dialog} dialog" if said.dialog else said.state
        raise Refusal(f"{observation.frame.facts.window}: no turn is in progress, it is at {found} ({said.reason})")
    return observation


def _stopped(pane_io: PaneIO, pane_id: str) -> bool:
    def at_rest() -> bool:
        observation = pane_io.look(pane_id)
        return observation is None or observation.classification.state is not PaneState.RUNNING

    return wait_for(at_rest, STOP_SECONDS)


def _tidied(pane_io: PaneIO, pane_id: str) -> list[str]:
    """Clear our own text from the box; report any other."""
    observation = pane_io.look(pane_id)
    typed = drafts.typed_in(observation.frame, kind_named(observation.kind)) if observation is not None else None
    if observation is None or not typed:
        return []
    outbox = Outbox(pane_io.settings.fleet_home, pane_io.server, pane_id)
    if is_own(outbox, observation, typed):
        drafts.clear(pane_io, kind_named(observation.kind), pane_id)
        outbox.note_cleared()
        return ["its prompt came back into the input box, which is empty again"]
    return [f"unsent in its input box: {' '.join(typed.split())[:200]}"]


def _hold(settings: Settings, agent: Agent | None, why: str, from_seconds: float = 0) -> None:
    """Pause it; only a turn seen ``from_seconds`` later releases it."""
    if agent is not None:
        at = time.time() + from_seconds
        Store(settings.state_file).update(lambda fleet: fleet.change(agent, hold={"reason": why, "since": at}))
