"""The tmux sessions for new windows: existing ones, or new ones."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from fleetscripts.adapters.tmux.tmux import NoServer, Tmux
from fleetscripts.adapters.tmux.tmux_words import is_session_name, name_given
from fleetscripts.agents.kinds import inside_session
from fleetscripts.config import Settings
from fleetscripts.errors import FleetError, Refusal
from fleetscripts.fleet import Fleet
from fleetscripts.invocation import spelled
from fleetscripts.services.observe.servers import refuse_unseen


def missing_sessions(tmux: Tmux, wanted: Iterable[str]) -> list[str]:
    """Those that do not exist, each once; all of them if no server runs."""
    try:
        known = tmux.sessions()
    except NoServer:
        known = {}
    return [name for name in dict.fromkeys(wanted) if name not in known]


def session_meant(tmux: Tmux, fleet: Fleet | None, session: str) -> str:
    """The session's current name: the fleet's own is known by its id, even after a rename.

    Without an id, its agents' panes identify it. Unchanged if there is such a session, or none to identify. Refusal if
    its agents' server is alive and cannot be asked: a new session would be on another one."""
    try:
        known, server = tmux.sessions(), tmux.require_server()
    except NoServer:
        for agent in fleet.agents if fleet is not None else ():
            refuse_unseen(agent, tmux)
        return session
    if session not in known and name_given(session) in known:
        return name_given(session)
    if fleet is None or session in known:
        return session
    by_id = {number: name for name, number in known.items()} if fleet.tmux_session_server == server else {}
    own = {agent.pane_on(server) for agent in fleet.agents if session in agent.sessions}
    if fleet.tmux_session_id in by_id and (own or session == fleet.tmux_session):
        return by_id[fleet.tmux_session_id]
    return next((pane.session for pane in tmux.panes() if pane.pane_id in own), session)


def session_line(tmux: Tmux, session: str) -> str:
    """The command for a person to create the session."""
    return tmux.client.line("new-session", "-d", "-s", session)


def require_session(tmux: Tmux, session: str) -> None:
    """Refusal, with the command for a person, if there is no such session."""
    if missing_sessions(tmux, [session]):
        line = session_line(tmux, session)
        raise Refusal(f"no tmux session {session!r}; in a terminal of your own run: {line}")


def make_sessions(tmux: Tmux, settings: Settings, wanted: Iterable[str], environ: Mapping[str, str]) -> dict[str, str]:
    """Create the missing sessions, each with a shell in its first window; returns why some could not be created, by
    name.

    Refusal inside a client's session, since a tmux server started there ends with it: a person has to run the
    commands."""
    missing = missing_sessions(tmux, wanted)
    makeable = [name for name in missing if is_session_name(name)]
    mend = f"give it another window with {spelled('update-agent')} WINDOW window=SESSION:WIN"
    problems = {name: f"no tmux session can be called {name!r}: {mend}" for name in missing if name not in makeable}
    if makeable and inside_session(environ):
        names, lines = ", ".join(makeable), " && ".join(session_line(tmux, name) for name in makeable)
        raise Refusal(f"no tmux session {names}; let the user run this in a terminal, then call again: {lines}")
    for name in makeable:
        try:
            tmux.new_session(name, settings.home if settings.home.is_dir() else Path("/"))
        except FleetError as error:
            if missing_sessions(tmux, [name]):  # nobody else has made it meanwhile
                problems[name] = str(error)
    return problems
