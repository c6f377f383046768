"""Extracts the user's messages from Claude Code's transcript records."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def typed_text(record: Mapping[str, Any]) -> str | None:
    """The text that the user sent, by one record of a transcript; None for all others."""
    if any(record.get(mark) for mark in ("isSidechain", "isMeta", "queueTranscriptOnly")):
        return None
    kind = record.get("type")
    if kind == "user" and isinstance(message := record.get("message"), Mapping):
        return _content(message.get("content"))
    if kind == "queue-operation" and record.get("operation") == "enqueue":
        return record["content"] if isinstance(record.get("content"), str) else None
    if kind == "attachment" and isinstance(queued := record.get("attachment"), Mapping):
        return _content(queued.get("prompt")) if queued.get("type") == "queued_command" else None
    return None


def _content(content: object) -> str | None:
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        return None
    blocks = [block for block in content if isinstance(block, Mapping)]
    if any(block.get("type") == "tool_result" for block in blocks):
        return None
    texts = [block["text"] for block in blocks if isinstance(block.get("text"), str)]
    return "\n".join(texts) if texts else None
