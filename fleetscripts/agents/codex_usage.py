"""Token usage from Codex's rollouts: each counts up what its conversation has used, sub-agents in rollouts of their
own.

Seen in 0.169.0: the total continues across a compaction, whose usage it includes, and across a resume; a fork starts
from the original conversation's total. The client's requests outside turns, about one per turn, are in none."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from fleetscripts.adapters.system.zone import local_zone
from fleetscripts.agents.codex_session import session_meta
from fleetscripts.agents.usage_by_day import Days, used_by_day
from fleetscripts.core.spending.tokens import NONE, Tokens, tokens_of, whole


def used(fleet_home: Path, transcript: Path) -> Days:
    """The conversation and its sub-agents, whose rollouts begin on its own day or a later one."""
    files, family = [transcript], {str(session_meta(transcript).get("id"))}
    for day in _days_from(transcript.parent):
        for path in _rollouts(day, day.stat().st_mtime_ns):
            try:
                name, parent = _relation(path)
            except LookupError:
                continue
            if name not in family and parent in family:
                family.add(name)
                files.append(Path(path))
    return used_by_day(fleet_home, transcript, files, b'"token_count"', _after, local_zone())


def tokens_in(usage: object) -> Tokens:
    """From ``total_token_usage`` of a Codex rollout, whose input includes cache reads and writes."""
    if not isinstance(usage, Mapping):
        return NONE
    given, read = whole(usage.get("input_tokens")), whole(usage.get("cached_input_tokens"))
    written = whole(usage.get("cache_write_input_tokens"))
    return Tokens(max(0, given - read - written), whole(usage.get("output_tokens")), read, written)


def _after(state: dict[str, Any], record: Mapping[str, Any]) -> tuple[dict[str, Any], Tokens]:
    """``state``: the last total. The first one of a file may include earlier usage."""
    payload = record.get("payload")
    info = payload.get("info") if isinstance(payload, Mapping) and payload.get("type") == "token_count" else None
    if not isinstance(info, Mapping) or "total_token_usage" not in info:
        return state, NONE
    total, before = tokens_in(info["total_token_usage"]), tokens_of(state.get("total"))
    goes_on = "total" in state and before == Tokens(*map(min, before, total))
    more = total.minus(before) if goes_on else tokens_in(info.get("last_token_usage"))
    return {"total": list(total)}, more


def _days_from(first: Path) -> list[Path]:
    """The folders ``YYYY/MM/DD`` from this one on; none if it is not such a folder."""
    date = first.parts[-3:]
    if not all(part.isdecimal() for part in date):
        return []
    return [day for day in sorted(first.parents[2].glob("*/*/*")) if day.parts[-3:] >= date and day.is_dir()]


@lru_cache(maxsize=64)
def _rollouts(day: Path, _changed_ns: int) -> tuple[str, ...]:
    return tuple(sorted(str(path) for path in day.glob("rollout-*.jsonl")))


@lru_cache(maxsize=4096)
def _relation(path: str) -> tuple[str, str]:
    """A conversation and its parent, empty for none. A complete first record never changes: LookupError before that."""
    meta = session_meta(Path(path))
    parent = meta.get("parent_thread_id") or next(_named("parent_thread_id", meta.get("source")), "")
    return str(meta["id"]), str(parent)


def _named(name: str, value: object) -> Iterator[object]:
    """Members of that name, at any depth."""
    if isinstance(value, Mapping):
        yield from (member for key, member in value.items() if key == name)
        for member in value.values():
            yield from _named(name, member)
