"""The state of the pane that a person means: resolved, looked at with all evidence, or missing."""

from __future__ import annotations

from dataclasses import dataclass

from fleetscripts.adapters.tmux.tmux import Tmux
from fleetscripts.config import Settings
from fleetscripts.core.planning.classify import classify
from fleetscripts.core.screen.explain import nearest
from fleetscripts.fleet import Fleet
from fleetscripts.models import Classification
from fleetscripts.services.observe.agent_meant import agent_meant
from fleetscripts.services.observe.observe import Observation, look
from fleetscripts.services.observe.rule_files import load_rules


@dataclass(frozen=True, slots=True)
class WindowState:
    """The answer for one WINDOW; ``observation`` None: there is no such pane, and the answer is ``missing``."""

    target: str
    classification: Classification
    observation: Observation | None = None


def state_of(target: str, settings: Settings, fleet: Fleet | None, now: float) -> WindowState:
    """Look at the pane meant by SESSION:WIN, a pane id, a window id or a worktree's name."""
    tmux = Tmux(settings.tmux_socket)
    server = tmux.server()
    if server is None:
        return _missing(target, "no tmux server runs", now)
    agent = agent_meant(settings, fleet, target) if fleet is not None else None
    facts = tmux.resolve((agent.pane_on(server) if agent is not None else None) or target)
    seen = look(tmux, settings, fleet, facts.pane_id, now) if facts is not None else None
    if seen is None:
        return _missing(target, f"no such window: {target!r} (tmux list-windows -a shows all)", now)
    return WindowState(target, seen.classification, seen)


def nearest_rule(settings: Settings, state: WindowState) -> str | None:
    """The screen rule that came nearest to matching without doing so."""
    reading = state.observation.reading if state.observation is not None else None
    if reading is None:
        return None
    near = nearest(load_rules(settings.fleet_home)[reading.agent], reading.layout, reading.screen.rule)
    return near.rule.name if near else None


def _missing(target: str, reason: str, now: float) -> WindowState:
    found = classify(None, (), now)
    return WindowState(target, Classification(found.state, reason))
