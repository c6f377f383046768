"""Messages of a conversation and their senders. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from fleetscripts.dataclass import dataclass

_LOCAL = ("<command-", "<local-command-", "<bash-", "[Request interrupted", "<system-reminder>")
"""Text in the user's name that nobody typed as a message."""


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
