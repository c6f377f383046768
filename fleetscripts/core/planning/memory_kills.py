"""Processes in an agent's window that the kernel killed for memory, compared from look to look."""

from __future__ import annotations

from typing import Any

from fleetscripts.core.planning.observation import Observation
from fleetscripts.fleet import Agent
from fleetscripts.models import MemoryScope, PaneState

DYING_SECONDS = 10.0
"""A killed process may remain while the kernel reclaims its memory; and how a client ended is known only after its
remains were cleared up."""


def memory_noted(agent: Agent, seen: Observation, now: float) -> tuple[dict[str, Any], dict[str, Any]]:
    """Changes to the last look and the notices. A client that runs again is not the one that was killed."""
    last, scope = agent.seen, seen.scope
    new = _new_kills(last.scope, scope)
    looked: dict[str, Any] = {"killed_at": now if new else min(last.killed_at, now)}
    if scope is not None:
        looked["scope"] = f"{scope.name}:{scope.kills}"
    if seen.client is not None:
        tools = {"tools_killed": agent.notices.tools_killed + new} if new else {}
        return looked | {"out_of_memory": ""}, tools
    ended = seen.ended
    if (
        last.out_of_memory
        or seen.classification.state is not PaneState.IDLE
        or (ended is not None and not ended.status)
    ):
        return looked, {}
    if scope is not None and looked["killed_at"] and now - looked["killed_at"] < DYING_SECONDS:
        return looked | {"out_of_memory": f"its limit is {_words(scope.limit_bytes)}"}, {"tools_killed": 0}
    logged = ended is not None and ended.logged
    return looked | {"out_of_memory": "as its log says" if logged else ""}, {}


def _new_kills(known: str, scope: MemoryScope | None) -> int:
    name, _, count = known.rpartition(":")
    if scope is None:
        return 0
    return max(0, scope.kills - (int(count) if name == scope.name and count.isdecimal() else 0))


def _words(size: int) -> str:
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{size / 1e6:.0f} MB"
