"""What a Codex conversation says, as far as a test asks: its own file read by itself, not by the product."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

FROM_THE_CLIENT = ("<", "# AGENTS.md")


def records(home: Path, session_id: str) -> list[dict[str, Any]]:
    """The whole lines of the session's rollout, oldest first."""
    paths = sorted((home / "sessions").glob(f"*/*/*/rollout-*{session_id}.jsonl")) if session_id else []
    lines = paths[-1].read_text(encoding="utf-8").splitlines(keepends=True) if paths else []
    return [json.loads(line) for line in lines if line.endswith("\n")]


def said(found: list[dict[str, Any]], role: str) -> list[str]:
    """The texts of ``user`` or ``assistant``, without what the client puts into the user's mouth."""
    messages = [record["payload"] for record in found if record["type"] == "response_item"]
    texts = [
        "\n".join(part["text"] for part in message["content"])
        for message in messages
        if message["type"] == "message" and message["role"] == role
    ]
    return [text for text in texts if role != "user" or not text.startswith(FROM_THE_CLIENT)]


def resting(found: list[dict[str, Any]]) -> bool:
    """Whether the last turn has ended."""
    bounds = [record["payload"]["type"] for record in found if record["type"] == "event_msg"]
    bounds = [kind for kind in bounds if kind in ("task_started", "task_complete", "turn_aborted")]
    if not bounds:  # 0.98 writes down no ends of turns
        items = [record["payload"] for record in found if record["type"] == "response_item"]
        return bool(items) and items[-1].get("role") == "assistant"
    return bounds[-1] != "task_started"
