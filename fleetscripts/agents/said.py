"""What was said in a conversation, by whom, from one record of any client's transcript: pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fleetscripts.agents import claude_typed, codex_rollout
from fleetscripts.dataclass import dataclass

_LOCAL = ("<command-", "<local-command-", "<bash-", "[Request interrupted", "<system-reminder>")
"""Text of "user" records that nobody typed as a message."""


@dataclass(frozen=True, slots=True)
class Said:
    """One message: the agent's own, or one that was sent to it."""

    by_agent: bool
    text: str


def said_in(record: Mapping[str, Any]) -> Said | None:
    """The message of this record; None for tool calls, errors, sub-agents and what the client wrote itself."""
    typed = claude_typed.typed_text(record) or codex_rollout.typed_text(record)
    if typed is not None:
        return None if typed.lstrip().startswith(_LOCAL) or not typed.strip() else Said(False, typed)
    if record.get("isSidechain") or record.get("isMeta") or record.get("isApiErrorMessage"):
        return None
    holder = record.get("message") if record.get("type") == "assistant" else record.get("payload")
    if not isinstance(holder, Mapping) or holder.get("role") != "assistant" or holder.get("model") == "<synthetic>":
        return None
    content = holder.get("content")
    blocks = [block for block in content if isinstance(block, Mapping)] if isinstance(content, list) else []
    texts = [block["text"] for block in blocks if isinstance(block.get("text"), str)]
    text = content if isinstance(content, str) else "\n".join(texts)
    return Said(True, text) if text.strip() else None
