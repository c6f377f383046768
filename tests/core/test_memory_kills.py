"""Whose end in a window's scope was which: a tool's, the client's, or nobody's for memory."""

from __future__ import annotations

from typing import Any

import pytest

from fleetscripts.core.planning.memory_kills import memory_noted
from fleetscripts.core.planning.observation import Observation
from fleetscripts.core.planning.policy import Limits, PolicyCase, decide
from fleetscripts.fleet import Agent
from fleetscripts.models import ActionKind, Classification, Client, ClientEnd, MemoryScope, PaneState
from fleetscripts.record import Attempts, LastLook, Notices

NOW = 1_000_000.0
ALIVE, ENDED = Client(1, 0.0), None


def scope(kills: int, name: str = "fleet-agent-1-1") -> MemoryScope:
    return MemoryScope(name, 4_000_000_000, kills)


@pytest.mark.parametrize(
    ("known", "found", "client", "status", "tools", "out_of_memory"),
    [
        ("", None, ALIVE, None, 0, ""),
        ("", scope(0), ALIVE, None, 0, ""),
        ("", scope(2), ALIVE, None, 2, ""),
        ("fleet-agent-1-1:1", scope(3), ALIVE, None, 2, ""),
        ("fleet-agent-1-1:3", scope(3), ALIVE, None, 0, ""),
        ("fleet-agent-1-1:9", scope(3), ALIVE, None, 0, ""),
        ("fleet-agent-9-9:1", scope(1), ALIVE, None, 1, ""),
        ("damaged", scope(1), ALIVE, None, 1, ""),
        ("fleet-agent-1-1:0", scope(1), ENDED, 137, 0, "its limit is 4.0 GB"),
        ("fleet-agent-1-1:0", scope(1), ENDED, 1, 0, "its limit is 4.0 GB"),
        ("fleet-agent-1-1:0", scope(1), ENDED, None, 0, "its limit is 4.0 GB"),
        ("fleet-agent-1-1:0", scope(1), ENDED, 0, 0, ""),
        ("fleet-agent-1-1:1", scope(1), ENDED, 137, 0, ""),
        ("", None, ENDED, 137, 0, ""),
    ],
)
def test_what_a_look_finds(
    known: str, found: MemoryScope | None, client: Client | None, status: int | None, tools: int, out_of_memory: str
) -> None:
    seen, told = noted(Agent("s:1", seen=LastLook(scope=known)), found, client, status)
    assert (told.get("tools_killed", 0), seen.get("out_of_memory", "")) == (tools, out_of_memory)


def noted(
    agent: Agent, found: MemoryScope | None, client: Client | None, status: int | None, logged: bool = False
) -> tuple[dict[str, Any], dict[str, Any]]:
    state = PaneState.IDLE if client is None else PaneState.RUNNING
    ended = None if status is None else ClientEnd(status, logged)
    look = Observation(Classification(state, ""), client=client, scope=found, ended=ended)
    return memory_noted(agent, look, NOW)


def test_a_kill_that_was_counted_while_the_client_was_dying_is_the_clients() -> None:
    dying = Agent("s:1", seen=LastLook(scope="fleet-agent-1-1:1", killed_at=NOW - 2), notices=Notices(tools_killed=1))
    seen, told = noted(dying, scope(1), ENDED, 137)
    assert (seen["out_of_memory"], told) == ("its limit is 4.0 GB", {"tools_killed": 0})


def test_without_a_scope_the_kernels_log_says_it_and_the_next_look_does_not_forget() -> None:
    seen, _ = noted(Agent("s:1"), None, ENDED, 137, logged=True)
    assert seen["out_of_memory"] == "as its log says"
    again, _ = noted(Agent("s:1", seen=LastLook(out_of_memory="as its log says")), None, ENDED, 137)
    assert "out_of_memory" not in again
    running, _ = noted(Agent("s:1", seen=LastLook(out_of_memory="as its log says")), None, ALIVE, None)
    assert running["out_of_memory"] == ""


@pytest.mark.parametrize(("tries", "action"), [(0, "resume"), (1, "out_of_memory"), (2, "out_of_memory")])
def test_it_is_resumed_once_and_then_somebody_decides(tries: int, action: str) -> None:
    agent = Agent("s:1", seen=LastLook(out_of_memory="x"), attempts=Attempts(restarts=tries, memory_restarts=tries))
    rule = decide(PolicyCase(agent, Classification(PaneState.IDLE, ""), Limits(), NOW))
    assert rule is not None
    assert (rule.action, rule.kind is ActionKind.DECISION) == (action, bool(tries))
    assert rule.reason.startswith("the kernel ended its client for memory ({seen.out_of_memory})")


def test_progress_lets_it_be_resumed_once_more() -> None:
    assert Attempts(memory_restarts=1).after_progress().memory_restarts == 0
    assert Attempts(memory_restarts=1).lifted().memory_restarts == 0
