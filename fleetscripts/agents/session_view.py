"""What a client's own files say of its session, and of one that a service of its user's holds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from pathlib import Path

from fleetscripts.core.gates.completion import Checkpoint, Message
from fleetscripts.dataclass import dataclass
from fleetscripts.models import Evidence


@dataclass(frozen=True, slots=True)
class SessionView:
    """What a client's own files say of its session: evidence, checkpoints of all of it, the last turn's messages."""

    evidence: tuple[Evidence, ...] = ()
    session_id: str | None = None
    transcript: Path | None = None
    checkpoints: tuple[Checkpoint, ...] = ()
    messages: tuple[Message, ...] = ()
    shown: Mapping[str, str] = field(default_factory=dict)
    """What is only shown of it, by name: recorded under ``seen.shown``, and a column of ``status`` may tell it."""
    denied: str = ""
    """What the client's own check denied in the present turn or the last one; empty: nothing."""
    github_limited_at: float = 0.0
    """When a tool of the session last printed that GitHub's secondary rate limit was hit; Unix seconds, 0: never."""
    wakes_at: float = 0.0
    """When it goes on by itself, as the agent has arranged; 0: not at all."""
    shown_as: str = ""
    """How the pane's title ends while it shows this conversation; empty: it can show no other."""


@dataclass(frozen=True, slots=True)
class BackgroundSession:
    """A session without a terminal of its own. ``session_id`` is empty while the process waits for one."""

    session_id: str
    busy: bool = False
