"""Asks the tmux server that a record names: a server that does not answer is not gone."""

from __future__ import annotations

import shlex
import time

from fleetscripts.adapters.system.processes import read_processes, started_at
from fleetscripts.adapters.tmux.tmux import NoServer, Tmux
from fleetscripts.adapters.tmux.tmux_client import ServerUnreachable
from fleetscripts.errors import Refusal
from fleetscripts.fleet import Agent
from fleetscripts.models import AgentState, ServerId

START_SLACK_SECONDS = 5.0
"""Between a process's start and its tmux server's start time: under a second, but clocks are set."""


def server_at_work(recorded: ServerId | None, default: Tmux) -> Tmux | None:
    """The recorded server, which has just answered; None if it is provably dead. Refusal if neither is certain.

    Without a recorded server it is ``default``, where the record's window number was read."""
    if recorded is None:
        return _answering(default)
    tmux, found, why = Tmux(recorded.socket), None, "nothing listens at its socket"
    try:
        found = tmux.require_server()
    except NoServer:
        pass
    except ServerUnreachable as error:
        why = str(error)
    if found == recorded:
        return tmux
    if not runs(recorded, found):
        return None
    if found is not None:
        what = shlex.join(["ps", "--ppid", str(recorded.pid), "-f"])
        raise Refusal(
            f"the tmux server of its record (pid {recorded.pid}) runs, but another one has its socket"
            f" {recorded.socket}: {what} lists what runs in it; end that, then call again"
        )
    raise Refusal(
        f"the tmux server of its record (pid {recorded.pid}) runs and cannot be asked ({why}):"
        f" kill -USR1 {recorded.pid} makes it open its socket anew; then call again"
    )


def unseen(agent: Agent, asked: ServerId | None) -> str:
    """Why a pane that was not found may exist all the same; empty if it is gone."""
    server = _elsewhere(agent, asked)
    if server is None or not runs(server, asked):
        return ""
    return f"its tmux server (pid {server.pid}) runs, and another one was asked"


def refuse_unseen(agent: Agent, asked: Tmux) -> None:
    """Refuse to act on an agent whose pane is, or may be, on another tmux server than the one asked."""
    server = _elsewhere(agent, asked.server())
    its = server_at_work(server, asked) if server is not None else None
    if its is not None and any(pane.pane_id == agent.pane_id for pane in its.panes()):
        again = f"FLEET_TMUX_SOCKET={shlex.quote(its.client.path)}"
        raise Refusal(f"{agent.handle}: its pane is on another tmux server than the one asked: call again with {again}")


def _elsewhere(agent: Agent, asked: ServerId | None) -> ServerId | None:
    """The record's server, if it is another than the one asked."""
    known = bool(agent.pane_id) and agent.state is not AgentState.RECYCLED
    return agent.tmux_server if known and agent.tmux_server != asked else None


def _answering(tmux: Tmux) -> Tmux | None:
    try:
        tmux.require_server()
    except NoServer:
        return None
    except ServerUnreachable as error:
        raise Refusal(f"{error}: call again when it answers") from error
    return tmux


def runs(server: ServerId, answered: ServerId | None) -> bool:
    """Whether the server's process may be alive: only a pid that is free, or certainly another process's, proves its
    end. ``answered``: a server that has just given its own pid."""
    if answered is not None and answered.pid == server.pid:
        return answered == server
    process = read_processes().by_pid.get(server.pid)
    if process is None or process.status.startswith("Z"):
        return False
    apart = abs(started_at(process, time.time()) - server.start_time)
    return process.command.startswith("tmux") or apart <= START_SLACK_SECONDS
