"""A command's starting point: settings (including the state file's) and the store."""

from __future__ import annotations

from collections.abc import Mapping

from fleetscripts.adapters.records.store import StateMissing, Store
from fleetscripts.config import Settings, load_settings
from fleetscripts.fleet import Fleet
from fleetscripts.invocation import spelled


def start_again() -> str:
    """The command that restarts a stopped fleet."""
    return spelled("update-agent --top active=true")


def load_fleet(environ: Mapping[str, str], options: Mapping[str, object] | None = None) -> tuple[Settings, Fleet]:
    """Settings and fleet; raises StateMissing if there is no state file."""
    path = load_settings(environ, options).state_file
    fleet = Store(path).read()
    return load_settings(environ, options, fleet.top()), fleet


def load_fleet_here(
    environ: Mapping[str, str], options: Mapping[str, object] | None = None
) -> tuple[Settings, Fleet | None]:
    """Settings and fleet, None if there is no state file yet."""
    try:
        return load_fleet(environ, options)
    except StateMissing:
        return load_settings(environ, options), None


def load_settings_here(environ: Mapping[str, str], options: Mapping[str, object] | None = None) -> Settings:
    """Settings whether or not there is a state file."""
    return load_fleet_here(environ, options)[0]
