"""Token usage from Claude Code's transcripts: each answer of the model once, although its parts are separate records.

Seen in 2.1.329 and 2.1.332: every record of an answer carries the answer's usage so far, the last one all of it. A
sub-agent writes a transcript of its own below the conversation's folder. A fork begins with copies of the original
conversation's records, under its id. The request that compacts a conversation is in none."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from fleetscripts.adapters.system.zone import local_zone
from fleetscripts.agents.usage_by_day import Days, used_by_day
from fleetscripts.core.spending.tokens import NONE, Tokens, tokens_of, whole

MOST_OPEN = 8
"""Answers that may be written in parallel: sub-agents of older releases write into the same file."""
MOST_SUB_AGENTS = 2000


def used(fleet_home: Path, transcript: Path) -> Days:
    """The conversation and its sub-agents."""
    files = [transcript, *_sub_agents(transcript)]
    return used_by_day(fleet_home, transcript, files, b'"usage"', partial(_after, transcript.stem), local_zone())


def tokens_in(usage: object) -> Tokens:
    """From ``message.usage`` of a Claude Code transcript."""
    names = ("input_tokens", "output_tokens", "cache_read_input_tokens", "cache_creation_input_tokens")
    return Tokens(*(whole(usage.get(name)) for name in names)) if isinstance(usage, Mapping) else NONE


def _after(session: str, state: dict[str, Any], record: Mapping[str, Any]) -> tuple[dict[str, Any], Tokens]:
    """``state``: the latest answers, with each one's known usage."""
    message, of = record.get("message"), record.get("requestSessionId") or record.get("session_id") or session
    if record.get("type") != "assistant" or not isinstance(message, Mapping) or "usage" not in message or of != session:
        return state, NONE
    name, found = str(message.get("id") or record.get("uuid") or ""), tokens_in(message["usage"])
    open_answers: dict[str, Any] = dict(state)
    before = tokens_of(open_answers.pop(name, NONE))
    most = Tokens(*map(max, before, found))
    kept = [*open_answers.items(), (name, list(most))]
    return dict(kept[-MOST_OPEN:]), most.minus(before)


def _sub_agents(transcript: Path) -> list[Path]:
    """Their transcripts: in the conversation's own folder, or one below it."""
    return sorted(_listed(transcript.with_suffix("") / "subagents", deeper=True))[:MOST_SUB_AGENTS]


def _listed(folder: Path, *, deeper: bool) -> Iterator[Path]:
    try:
        entries = list(os.scandir(folder))
    except OSError:
        return
    for entry in entries:
        if entry.is_dir(follow_symlinks=False):
            yield from _listed(Path(entry.path), deeper=False) if deeper else ()
        elif entry.name.startswith("agent-") and entry.name.endswith(".jsonl"):
            yield Path(entry.path)
