"""The state of the pane that a WINDOW argument names: resolved and observed with all evidence, or missing."""

from __future__ import annotations

from fleetscripts.adapters.tmux.tmux import Tmux
from fleetscripts.config import Settings
from fleetscripts.core.planning.classify import classify
from fleetscripts.core.planning.observation import Observation
from fleetscripts.core.screen.explain import nearest
from fleetscripts.fleet import Fleet
from fleetscripts.models import Classification, PaneState
from fleetscripts.services.observe.agent_meant import agent_meant
from fleetscripts.services.observe.agent_pane import pane_meant, taken_over
from fleetscripts.services.observe.observe import look
from fleetscripts.services.observe.rule_files import load_rules
from fleetscripts.services.observe.servers import unseen


def state_of(target: str, settings: Settings, fleet: Fleet | None, now: float) -> Observation:
    """Look at the pane meant by SESSION:WIN, a pane id, a window id or a worktree's name; ``missing`` without one."""
    tmux = Tmux(settings.tmux_socket)
    server = tmux.server()
    facts = pane_meant(tmux, settings, fleet, server, target) if server is not None else None
    seen = look(tmux, settings, fleet, facts.pane_id, now) if facts is not None else None
    agent = agent_meant(settings, fleet, target) if seen is None and fleet is not None else None
    if agent is not None and (why := unseen(agent, server)):
        return Observation(Classification(PaneState.UNKNOWN, why))
    if server is None:
        return _missing("no tmux server runs", now)
    if agent is not None and (why := taken_over(tmux, agent, target)):
        return _missing(why, now)
    if seen is None:
        return _missing(f"no such window: {target!r} (tmux list-windows -a shows all)", now)
    return seen


def nearest_rule(settings: Settings, state: Observation) -> str | None:
    """The screen rule that came nearest to matching, and its region."""
    reading = state.reading
    if reading is None:
        return None
    near = nearest(load_rules(settings.fleet_home)[reading.agent], reading.layout, reading.screen.rule)
    return str(near) if near else None


def _missing(reason: str, now: float) -> Observation:
    found = classify(None, (), now)
    return Observation(Classification(found.state, reason))
