"""Proof that a text was submitted: from the transcript, the client's hook, or else the screen; also for a text whose
sender crashed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from fleetscripts.adapters.sessions.json_lines import parse_line
from fleetscripts.adapters.sessions.spool import read_events
from fleetscripts.adapters.system.regular_file import open_regular
from fleetscripts.agents.kinds import AgentKind, kind_named
from fleetscripts.config import Settings
from fleetscripts.core.records.message import same_message
from fleetscripts.dataclass import dataclass
from fleetscripts.fleet import Agent
from fleetscripts.models import ServerId
from fleetscripts.services.typing.outbox import CONFIRMED, INTENDED, Outbox

TAIL_BYTES = 1 << 20
"""Of a conversation's file, in which its latest texts are looked for."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """``proof``: transcript, hook, or screen (the box emptied, and the text is listed as queued, or a turn began where
    there is no transcript). ``note``: a warning for the sender, empty for none."""

    message_id: str
    window: str
    pane_id: str
    proof: str
    at: float
    note: str = ""


@dataclass(frozen=True, slots=True)
class ConversationMark:
    """The end of a conversation's file at some moment; ``path`` None without one."""

    path: Path | None
    offset: int

    @classmethod
    def at_end_of(cls, path: Path | None) -> ConversationMark:
        """The end of the file now; 0 for a file that does not exist yet."""
        try:
            return cls(path, path.stat().st_size if path is not None else 0)
        except FileNotFoundError:
            return cls(path, 0)


def in_transcript(kind: AgentKind, path: Path | None, mark: ConversationMark, text: str) -> bool:
    """Whether the user sent this text in the conversation after the mark. A file begun since then counts whole."""
    if path is None:
        return False
    offset = mark.offset if path == mark.path else 0
    return any(same_message(said, text) for said in _submitted(kind, path, offset))


def in_hooks(fleet_home: Path, session_id: str | None, since: float, text: str) -> bool:
    """Whether the client's hook reported this prompt since then. An agent can write there: never proof alone."""
    if not session_id:
        return False
    events = (event for event in read_events(fleet_home, session_id) if event.at >= since)
    prompts = (event.payload.get("prompt") for event in events if event.name == "UserPromptSubmit")
    return any(isinstance(prompt, str) and same_message(prompt, text) for prompt in prompts)


def last_submitted(kind: AgentKind, path: Path | None) -> str | None:
    """The latest text that the user sent, within the end of the conversation's file."""
    return next((text for record in reversed(_tail(path)) if (text := kind.typed_text(record)) is not None), None)


def last_unanswered(kind: AgentKind, path: Path | None) -> str | None:
    """The same, as long as the agent has said nothing since: only then an interruption puts it back into the box."""
    for record in reversed(_tail(path)):
        typed, said = kind.typed_text(record), kind.said(record)
        if typed is not None or (said is not None and said.by_agent):
            return typed
    return None


def _submitted(kind: AgentKind, path: Path, offset: int) -> Iterator[str]:
    texts = (kind.typed_text(record) for record in _records(path, offset))
    return (text for text in texts if text is not None)


def was_told(settings: Settings, agent: Agent, intent: Mapping[str, Any]) -> bool:
    """Whether the agent has received this intent's ``text`` since its ``at``."""
    server = agent.tmux_server
    if not isinstance(server, ServerId) or not agent.pane_id:
        return False
    sent = Outbox(settings.fleet_home, server, agent.pane_id).last()
    if sent is None or sent.text != intent.get("text") or sent.at < float(intent.get("at", 0)):
        return False
    if sent.outcome == CONFIRMED:
        return True
    path = Path(sent.transcript) if sent.transcript else None
    return sent.outcome == INTENDED and in_transcript(
        kind_named(agent.agent), path, ConversationMark(path, sent.offset), sent.text
    )


def _tail(path: Path | None) -> list[Mapping[str, Any]]:
    return [] if path is None else list(_records(path, max(0, ConversationMark.at_end_of(path).offset - TAIL_BYTES)))


def _records(path: Path, offset: int) -> Iterator[Mapping[str, Any]]:
    try:
        with open_regular(path) as file:
            file.seek(offset)
            lines = file.read().split(b"\n")[:-1]
    except OSError:
        return
    for line in lines:
        record = parse_line(line)
        if record is not None:
            yield record
