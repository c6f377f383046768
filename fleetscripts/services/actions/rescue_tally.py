"""Counts rescues since the last notification, in a file, so that many at once are reported in one line."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from fleetscripts.adapters.records.json_files import read_json, write_json
from fleetscripts.adapters.records.locks import hold
from fleetscripts.config import Settings
from fleetscripts.fleet import Fleet
from fleetscripts.models import AgentState
from fleetscripts.services.notify.notify import notify

LOCK_SECONDS = 5.0
HANDED_OVER = " by a hand-over"


def count(settings: Settings, account: str, *, handed_over: bool = False) -> None:
    """Count one more rescued agent on this account."""
    name = account + (HANDED_OVER if handed_over else "")
    with hold(settings.locks / "rescued.lock", LOCK_SECONDS):
        tally = _read(_file(settings))
        tally[name] = tally.get(name, 0) + 1
        write_json(_file(settings), tally)


def taken(settings: Settings) -> dict[str, int]:
    """The tally by account, which is then reset."""
    if not _file(settings).exists():
        return {}
    with hold(settings.locks / "rescued.lock", LOCK_SECONDS):
        tally = _read(_file(settings))
        _file(settings).unlink(missing_ok=True)
    return tally


def line(tally: Mapping[str, int], parked: int) -> str:
    """``rescued 22 agents: 14 → work, 8 → spare; 0 parked``."""
    total = sum(tally.values())
    by_account = ", ".join(f"{number} → {name}" for name, number in sorted(tally.items(), key=lambda one: -one[1]))
    where = f": {by_account}" if tally else ""
    return f"rescued {total} agent{'' if total == 1 else 's'}{where}; {parked} parked"


def parked(fleet: Fleet) -> int:
    """How many agents wait for a limit to reset."""
    return sum(agent.state is AgentState.RATE_LIMITED for agent in fleet.agents)


def tell_rescued(settings: Settings, environ: Mapping[str, str], fleet: Fleet, under_way: bool) -> list[str]:
    """After a storm, send one notification of what was done; returns it. ``under_way``: more rescues are running or
    starting."""
    tally = {} if under_way else taken(settings)
    if not tally:
        return []
    told = line(tally, parked(fleet))
    return [told, *(f"not notified everywhere: {warning}" for warning in notify(told, settings, environ))]


def _file(settings: Settings) -> Path:
    return settings.fleet_home / "rescued.json"


def _read(file: Path) -> dict[str, int]:
    members = read_json(file)
    known = members if isinstance(members, dict) else {}
    return {name: number for name, number in known.items() if isinstance(number, int)}
