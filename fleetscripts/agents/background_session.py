"""A session that a client's service holds for its user."""

from __future__ import annotations

from fleetscripts.dataclass import dataclass


@dataclass(frozen=True, slots=True)
class BackgroundSession:
    """A session without a terminal of its own. ``session_id`` is empty while the process waits for one."""

    session_id: str
    busy: bool = False
