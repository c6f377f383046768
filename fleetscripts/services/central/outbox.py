"""Notifications for people, stored until the central has sent them: once, by one of the two machines."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Collection
from dataclasses import asdict
from pathlib import Path
from typing import Any

from fleetscripts.adapters.records.json_files import read_json, write_json
from fleetscripts.adapters.records.locks import hold
from fleetscripts.adapters.system.steady_clock import this_moment
from fleetscripts.config import Settings
from fleetscripts.dataclass import dataclass
from fleetscripts.moment import Moment
from fleetscripts.services.central.central import central_folder

HANDED_TIMES = 3
"""Fetched notifications have most likely been sent: confirmation is awaited this many times longer."""

MOST_KEPT = 1_000
MOST_HANDED = 50
MOST_TEXT = 4_000
LOCK_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class QueuedNotice:
    """One notification. ``handed``: the central has fetched it, without confirming that it was sent."""

    id: str
    text: str
    urgent: bool
    at: Moment
    handed: bool = False


def leave_to_central(settings: Settings, text: str, urgent: bool) -> None:
    """Store a notification for the central."""
    new = QueuedNotice(secrets.token_hex(16), text[:MOST_TEXT], urgent, this_moment())
    _change(settings, lambda kept: [*kept, new][-MOST_KEPT:])


def waiting_notices(settings: Settings) -> int:
    """How many wait for the central. Costs one look at a file."""
    return len(_read(_file(settings)))


def hand_notices(settings: Settings) -> list[dict[str, object]]:
    """The waiting ones, oldest first, in the form handed to the central."""
    now = this_moment()
    _change(settings, lambda kept: [_handed(one) if n < MOST_HANDED else one for n, one in enumerate(kept)])
    return [
        {"id": one.id, "text": one.text, "urgent": one.urgent, "age": now.seconds_since(one.at)}
        for one in _read(_file(settings))[:MOST_HANDED]
    ]


def notices_told(settings: Settings, ids: Collection[str]) -> None:
    """The central has sent these."""
    _change(settings, lambda kept: [one for one in kept if one.id not in ids])


def take_overdue(settings: Settings) -> list[QueuedNotice]:
    """Remove and return those that the central did not fetch in time: the caller sends them."""
    after, now = settings.notify_alone_after_seconds, this_moment()
    taken: list[QueuedNotice] = []

    def overdue(one: QueuedNotice) -> bool:
        return now.seconds_since(one.at) >= after * (HANDED_TIMES if one.handed else 1)

    if not any(map(overdue, _read(_file(settings)))):
        return []

    def take(kept: list[QueuedNotice]) -> list[QueuedNotice]:
        taken[:] = [one for one in kept if overdue(one)]
        return [one for one in kept if not overdue(one)]

    _change(settings, take)
    return taken


def _handed(one: QueuedNotice) -> QueuedNotice:
    return QueuedNotice(one.id, one.text, one.urgent, one.at, True)


def _change(settings: Settings, change: Callable[[list[QueuedNotice]], list[QueuedNotice]]) -> None:
    with hold(settings.locks / "central-notices.lock", LOCK_SECONDS):
        before = _read(_file(settings))
        after = change(before)
        if after != before:
            write_json(_file(settings), [_members(one) for one in after])


def _members(one: QueuedNotice) -> dict[str, object]:
    return {"id": one.id, "text": one.text, "urgent": one.urgent, "at": asdict(one.at), "handed": one.handed}


def _read(file: Path) -> list[QueuedNotice]:
    said = read_json(file)
    kept = [_kept(one) for one in said] if isinstance(said, list) else []
    return [one for one in kept if one is not None]


def _kept(one: Any) -> QueuedNotice | None:
    """None for an invalid entry."""
    try:
        at = Moment(str(one["at"]["boot"]), float(one["at"]["steady"]), float(one["at"]["wall"]))
        return QueuedNotice(str(one["id"]), str(one["text"]), bool(one["urgent"]), at, bool(one["handed"]))
    except (LookupError, TypeError, ValueError):
        return None


def _file(settings: Settings) -> Path:
    return central_folder(settings) / "notices.json"
