"""A host's facts besides its records: its machine, and what waits there for the central."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from datetime import datetime
from functools import lru_cache
from pathlib import Path

from fleetscripts import __version__
from fleetscripts.adapters.records.spent_file import SpentFile
from fleetscripts.adapters.records.store import Store
from fleetscripts.adapters.system.machine import spare
from fleetscripts.adapters.tmux.tmux import Tmux
from fleetscripts.config import Settings, in_home
from fleetscripts.core.spending.caps import DAY, FLEET, day_of, totals
from fleetscripts.core.spending.ledger import NOTHING
from fleetscripts.errors import FleetError
from fleetscripts.fleet import Agent
from fleetscripts.services.accounts.figures_shared import figures_here
from fleetscripts.services.central.caps_told import caps_kept
from fleetscripts.services.central.central import has_central
from fleetscripts.services.central.outbox import waiting_notices
from fleetscripts.services.central.pulls_told import asked_of_central
from fleetscripts.services.central.questions import questions_open
from fleetscripts.services.hosts.spent_elsewhere import SPENT, spent_members
from fleetscripts.services.links.change_feed import FIGURES
from fleetscripts.services.single_instance.single_instance import loop_runs
from fleetscripts.services.spending.spending import ledger_in
from fleetscripts.services.worktrees.spares import free, survey

ASKED = "pulls_asked"
NOTICES = "notices"
LOOP_RUNS = "loop_runs"
CAPS = "caps"
QUESTIONS = "questions"


def central_facts(settings: Settings) -> dict[str, object]:
    """Requested pull requests, other questions to GitHub, number of waiting notifications, spending, and account
    usage."""
    if not has_central(settings):
        return {}
    return {
        ASKED: asked_of_central(settings),
        QUESTIONS: questions_open(settings),
        NOTICES: waiting_notices(settings),
        SPENT: _spent(settings, day_of(datetime.now().astimezone())),
        CAPS: caps_kept(settings),
        FIGURES: figures_here(settings),
    }


def _spent(settings: Settings, today: str) -> dict[str, object]:
    """Today's sum, and that of the agents in the state file."""
    try:
        status = SpentFile(settings.fleet_home).path.stat()
    except OSError:
        return {}
    return _spent_by(settings.fleet_home, settings.state_file, today, (status.st_ino, status.st_mtime_ns))


@lru_cache(maxsize=1)
def _spent_by(fleet_home: Path, state_file: Path, today: str, _stamp: object) -> dict[str, object]:
    """Read again if the file has changed."""
    try:
        agents = {agent.id for agent in Store(state_file).read().agents}
        known = totals(ledger_in(fleet_home), agents, today)
    except FleetError:
        return {}
    sums = {"today": known.get(f"{DAY} {today}", NOTHING), "fleet": known.get(FLEET, NOTHING)}
    return {"day": today, **{name: spent_members(spent) for name, spent in sums.items()}}


def fleet_folder(settings: Settings, agents: Iterable[Agent]) -> Path | None:
    """The repository in which the fleet works: the configured one, else an agent's. None if neither is there."""
    named = [in_home(settings.tasks_repo, settings.home)] if settings.tasks_repo else []
    known = [Path(agent.repository.main_folder) for agent in agents if agent.repository is not None]
    return next((place for place in (*named, *known) if place.is_absolute() and place.is_dir()), None)


def machine_facts(settings: Settings, repository: Path | None) -> dict[str, object]:
    """``repository``: the fleet's there."""
    folder = next(place for place in (settings.fleet_home, *settings.fleet_home.parents) if place.is_dir())
    facts = {**spare(folder), "server": tmux_server(settings), "version": __version__}
    with contextlib.suppress(FleetError):  # without writable locks nobody can say
        facts[LOOP_RUNS] = loop_runs(settings)
    with contextlib.suppress(FleetError):  # no repository, or none that can be read
        facts["free_spares"] = len(free(survey(repository, settings))) if repository is not None else 0
    return facts


def tmux_server(settings: Settings) -> str:
    """The tmux server there, in words that identify it; empty if none runs."""
    try:
        server = Tmux(settings.tmux_socket).server()
    except FleetError:
        return ""
    return "" if server is None else f"{server.socket} {server.pid} {server.start_time}"
