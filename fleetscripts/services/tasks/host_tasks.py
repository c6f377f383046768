"""Tasks handed to other machines: a note here names the machine of each, until it is archived here."""

from __future__ import annotations

from collections.abc import Mapping

from fleetscripts.adapters.git.notes import NoteBook
from fleetscripts.config import Settings
from fleetscripts.dataclass import dataclass
from fleetscripts.fleet import Agent
from fleetscripts.services.hosts.mirrors import mirrors
from fleetscripts.services.hosts.registry import hosts


@dataclass(frozen=True, slots=True)
class HostTask:
    """One such task. ``call_id``: of the call that hands it over; ``arrived``: the host has confirmed it."""

    task: str
    host: str
    call_id: str
    arrived: bool = False


def host_tasks(settings: Settings) -> dict[str, HostTask]:
    """By task; without those of removed or lost hosts."""
    there = {host.name for host in hosts(settings) if not host.gone_at}
    notes = (_read(note) for note in _book(settings).all())
    return {note.task: note for note in notes if note.host in there}


def note(settings: Settings, given: HostTask) -> None:
    """Record it: from now on it is not started here."""
    members = {"host": given.host, "call_id": given.call_id, "arrived": given.arrived}
    _book(settings).write(given.task, members)


def drop(settings: Settings, task: str) -> None:
    """The task is ours again, or archived."""
    _book(settings).drop(task)


def agents_elsewhere(settings: Settings, given: Mapping[str, HostTask], now: float) -> list[Agent]:
    """The agents that work on these tasks, with their windows as they are called from here."""
    if not given:
        return []
    return [
        agent
        for view in mirrors(settings, now)
        for agent in view.agents_from_here()
        if (known := given.get(agent.task.file)) is not None and known.host == view.name
    ]


def _book(settings: Settings) -> NoteBook:
    return NoteBook(settings.fleet_home / "task-hosts")


def _read(note: Mapping[str, object]) -> HostTask:
    return HostTask(str(note["path"]), str(note.get("host")), str(note.get("call_id")), note.get("arrived") is True)
