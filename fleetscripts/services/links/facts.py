"""What a host tells of itself beside its records: its machine, and what waits there for the central."""

from __future__ import annotations

import contextlib
from pathlib import Path

from fleetscripts import __version__
from fleetscripts.adapters.system.machine import spare
from fleetscripts.adapters.tmux.tmux import Tmux
from fleetscripts.config import Settings
from fleetscripts.errors import FleetError
from fleetscripts.services.central.central import has_central
from fleetscripts.services.central.outbox import waiting_notices
from fleetscripts.services.central.pulls_told import asked_of_central
from fleetscripts.services.single_instance.single_instance import loop_runs
from fleetscripts.services.worktrees.spares import free, survey

ASKED = "pulls_asked"
NOTICES = "notices"


def central_facts(settings: Settings) -> dict[str, object]:
    """Which pull requests somebody here wants to know of now, and how many notifications wait to be told."""
    if not has_central(settings):
        return {}
    return {ASKED: asked_of_central(settings), NOTICES: waiting_notices(settings)}


def machine_facts(settings: Settings, repo: str) -> dict[str, object]:
    """``repo``: the fleet's repository there, empty where none is known."""
    folder = next(place for place in (settings.fleet_home, *settings.fleet_home.parents) if place.is_dir())
    facts = {**spare(folder), "server": tmux_server(settings), "version": __version__}
    with contextlib.suppress(FleetError):  # where no lock can be written nobody can say
        facts["loop_runs"] = loop_runs(settings)
    with contextlib.suppress(FleetError):  # no repository, or none that can be read
        facts["free_spares"] = len(free(survey(Path(repo), settings))) if repo else 0
    return facts


def tmux_server(settings: Settings) -> str:
    """The tmux server there, in words that differ for each; empty where none runs."""
    try:
        server = Tmux(settings.tmux_socket).server()
    except FleetError:
        return ""
    return "" if server is None else f"{server.socket} {server.pid} {server.start_time}"
