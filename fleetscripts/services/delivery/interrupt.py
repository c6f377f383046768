"""Stopping what an agent does because a person wants it: the turn by Escape, or the client by its end.

The record is held then: the loop neither nudges nor resumes it until it has got a text and works again.
"""

from __future__ import annotations

import time
from collections.abc import Mapping

from fleetscripts.adapters.records.store import Store
from fleetscripts.adapters.tmux.keyboard import press
from fleetscripts.config import Settings
from fleetscripts.errors import FleetError, Refused
from fleetscripts.fleet import Agent, Fleet
from fleetscripts.models import PaneState
from fleetscripts.services.delivery import draft as drafts
from fleetscripts.services.delivery.desk import Desk, Sight, agent_at, excerpt, wait_for
from fleetscripts.services.delivery.outbox import Outbox
from fleetscripts.services.delivery.own_text import is_own
from fleetscripts.services.own_pane import own_pane
from fleetscripts.services.rescue.ending import end_client

TURN_STOPPED = "its turn was stopped by a person"
CLIENT_ENDED = "its client was ended by a person"

STOP_SECONDS = 6.0
"""In which a turn ends after Escape; a tool that has to be ended takes the clients up to 2 s."""

ENDING_SECONDS = 120.0
"""More than any client takes to end, with waiting for a sender in its pane."""

TRIES = 3


def interrupt(
    desk: Desk, settings: Settings, fleet: Fleet | None, pane_id: str, environ: Mapping[str, str], kill: bool
) -> list[str]:
    """Stop the turn, or with ``kill`` end the client; what was done, in sentences. Refused where there is nothing."""
    if pane_id == own_pane(environ, desk.server):
        raise Refused(f"{pane_id} is the pane that this call comes from")
    agent = agent_at(desk, fleet, pane_id)
    said = _end(desk, settings, agent, pane_id) if kill else _stop(desk, settings, agent, pane_id)
    if agent is not None:
        said.append("held: the loop leaves it alone until it has got a text (send-agent) and works again")
    return said


def _stop(desk: Desk, settings: Settings, agent: Agent | None, pane_id: str) -> list[str]:
    said = stop_turn(desk, pane_id)
    _hold(settings, agent, TURN_STOPPED)
    return said


def _end(desk: Desk, settings: Settings, agent: Agent | None, pane_id: str) -> list[str]:
    """Held before it ends: the loop would resume it in the next moment. That it still works then is no release."""
    _hold(settings, agent, CLIENT_ENDED, ENDING_SECONDS)
    try:
        ended = end_client(desk, pane_id, keep_draft=True, by_force=True, why="a person wants it ended")
    except FleetError:
        if agent is not None:
            Store(settings.state_file).update(lambda fleet: fleet.change(agent, held=agent.held, held_at=agent.held_at))
        raise
    _hold(settings, agent, CLIENT_ENDED)
    draft = [f"unsent in its input box stood: {ended.draft}"] if ended.draft else []
    where = ended.facts.window if ended.facts is not None else pane_id
    return [f"{where}: the client has ended {ended.how}", *draft]


def stop_turn(desk: Desk, pane_id: str) -> list[str]:
    """Press Escape while a turn is in progress, and empty the box of the prompt that comes back into it."""
    with desk.turn(pane_id):
        for _ in range(TRIES):
            sight = _in_a_turn(desk, pane_id)
            facts = sight.frame.facts
            frame = desk.screen(pane_id)
            desk.journal.write("interrupt-intended", window=facts.window, pane_id=pane_id, why="a person wants it")
            if press(desk.tmux, desk.guard(frame, sight.kind), "Escape") and _stopped(desk, pane_id):
                desk.journal.write("interrupted", window=facts.window, pane_id=pane_id, why="a person wants it")
                return [f"{facts.window}: the turn was stopped", *_tidied(desk, pane_id)]
        raise FleetError(f"{facts.window}: the turn does not end: {excerpt(desk.screen(pane_id))}")


def _in_a_turn(desk: Desk, pane_id: str) -> Sight:
    sight = desk.look(pane_id)
    if sight is None:
        raise Refused(f"{pane_id}: there is no such pane")
    said = sight.classification
    if said.state is not PaneState.RUNNING or said.dialog is not None:
        found = f"a {said.dialog} dialog" if said.dialog else said.state
        raise Refused(f"{sight.frame.facts.window}: no turn is in progress, it is at {found} ({said.reason})")
    return sight


def _stopped(desk: Desk, pane_id: str) -> bool:
    def at_rest() -> bool:
        sight = desk.look(pane_id)
        return sight is None or sight.classification.state is not PaneState.RUNNING

    return wait_for(at_rest, STOP_SECONDS)


def _tidied(desk: Desk, pane_id: str) -> list[str]:
    """The box emptied of a text of ours; what else stands in it is told."""
    sight = desk.look(pane_id)
    typed = drafts.typed_in(sight.frame, sight.kind) if sight is not None else None
    if sight is None or not typed:
        return []
    if is_own(Outbox(desk.settings.fleet_home, desk.server, pane_id), sight, typed):
        drafts.clear(desk, sight.kind, pane_id)
        return ["its prompt came back into the input box, which is empty again"]
    return [f"in its input box stands: {' '.join(typed.split())[:200]}"]


def _hold(settings: Settings, agent: Agent | None, why: str, from_seconds: float = 0) -> None:
    """Held; a turn that is seen only ``from_seconds`` later lifts it."""
    if agent is not None:
        at = time.time() + from_seconds
        Store(settings.state_file).update(lambda fleet: fleet.change(agent, held=why, held_at=at))
