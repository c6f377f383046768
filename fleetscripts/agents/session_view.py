"""A session and its messages as its client's own files show them, and one held by a background service. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from pathlib import Path

from fleetscripts.core.gates.completion import Checkpoint, Message
from fleetscripts.dataclass import dataclass
from fleetscripts.models import Evidence

_LOCAL = ("<command-", "<local-command-", "<bash-", "[Request interrupted", "<system-reminder>")
"""Text in the user's name that nobody typed as a message."""


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


@dataclass(frozen=True, slots=True)
class ConversationMessage:
    """One message by the agent, or to it. ``message_id``: the same in all parts of one of the agent's; empty:
    unknown."""

    by_agent: bool
    text: str
    message_id: str = ""


def said_in(typed: str | None, answer: object) -> ConversationMessage | None:
    """The message of a record. ``typed``: the text that the user sent by this record; ``answer``: a model's message,
    whose ``content`` is text or blocks of it."""
    if typed is not None:
        return None if typed.lstrip().startswith(_LOCAL) or not typed.strip() else ConversationMessage(False, typed)
    if not isinstance(answer, Mapping) or answer.get("role") != "assistant":
        return None
    content = answer.get("content")
    blocks = [block for block in content if isinstance(block, Mapping)] if isinstance(content, list) else []
    texts = [block["text"] for block in blocks if isinstance(block.get("text"), str)]
    text = content if isinstance(content, str) else "\n".join(texts)
    return ConversationMessage(True, text, str(answer.get("id") or "")) if text.strip() else None
