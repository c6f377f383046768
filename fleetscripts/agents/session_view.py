"""A session as its client's own files show it, and one held by a background service."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from pathlib import Path

from fleetscripts.core.gates.completion import Checkpoint, Message
from fleetscripts.dataclass import dataclass
from fleetscripts.models import Evidence


@dataclass(frozen=True, slots=True)
class SessionView:
    """Evidence, checkpoints of the whole session, the last turn's messages."""

    evidence: tuple[Evidence, ...] = ()
    session_id: str | None = None
    transcript: Path | None = None
    checkpoints: tuple[Checkpoint, ...] = ()
    messages: tuple[Message, ...] = ()
    shown: Mapping[str, str] = field(default_factory=dict)
    """Display-only facts by name: recorded under ``seen.shown``; ``status`` may have a column for one."""
    denied: str = ""
    """What the client's own check denied in the present turn or the last one; empty: nothing."""
    github_limited_at: float = 0.0
    """When a tool of the session last printed GitHub's secondary rate limit; Unix seconds, 0: never."""
    wakes_at: float = 0.0
    """When it continues by itself, as the agent has scheduled; 0: not at all."""
    shown_as: str = ""
    """The end of the pane's title while it shows this conversation; empty: it can show no other."""


@dataclass(frozen=True, slots=True)
class BackgroundSession:
    """A session without a terminal of its own. ``session_id`` is empty while the process waits for one."""

    session_id: str
    busy: bool = False
