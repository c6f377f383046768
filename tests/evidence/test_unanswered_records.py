"""Records of a transcript that look like a message and that nobody answers."""

from __future__ import annotations

from typing import Any

import pytest

from fleetscripts.agents.claude_transcript import Turn, evidence_of, fold
from fleetscripts.agents.claude_typed import typed_text
from fleetscripts.core.planning.classify import classify
from fleetscripts.models import Evidence, PaneFacts, PaneState, Source

STARTED = 1_795_000_000.0
STOPPED = (
    "<task-notification>\n<task-id>b1</task-id>\n<status>stopped</status>\n"
    "<summary>Background command was stopped</summary>\n</task-notification>"
)
FACTS = PaneFacts(pane_id="%1", command="claude")


def _record(kind: str, content: object, second: int, **more: Any) -> dict[str, Any]:
    message: dict[str, object] = {"role": kind, "content": content}
    if kind == "assistant":
        message |= {"id": "m1", "stop_reason": "end_turn"}
    return {"type": kind, "message": message, "timestamp": f"2026-11-18T11:07:{second:02}.000Z", **more}


def _after(record: dict[str, Any], said: str = "ORCHESTRATOR:DONE") -> Turn:
    turn = Turn()
    for one in (
        _record("user", "do it", 1),
        _record("assistant", [{"type": "text", "text": said}], 2),
        record,
    ):
        turn = fold(turn, one)
    return turn


@pytest.mark.parametrize(
    "more",
    [
        {"queueTranscriptOnly": True, "origin": {"kind": "task-notification"}, "promptSource": "system"},
        {"queueTranscriptOnly": True},
        {"isVisibleInTranscriptOnly": True},
        {"isMeta": True},
        {"isSidechain": True},
    ],
    ids=lambda more: "+".join(more),
)
@pytest.mark.parametrize("content", [STOPPED, [{"type": "text", "text": STOPPED}]], ids=["text", "blocks"])
def test_a_record_that_nobody_answers_changes_nothing(more: dict[str, Any], content: object) -> None:
    record = _record("user", content, 30, **more)
    found = evidence_of(_after(record), STARTED)
    assert found.state is PaneState.COMPLETE
    assert typed_text(record) is None or "isVisibleInTranscriptOnly" in more


def test_a_notification_that_is_answered_begins_a_turn() -> None:
    record = _record("user", STOPPED, 30, origin={"kind": "task-notification"}, promptSource="system")
    assert _after(record).phase == "user"


def _classified(turn_state: PaneState, rule: str, age: float, screen: PaneState, registry: PaneState) -> PaneState:
    now = STARTED + 1000
    pieces = [
        Evidence(Source.PROCESS, None, "a client", at=STARTED),
        Evidence(Source.REGISTRY, registry, "the registry", at=now - age - 50),
        Evidence(Source.TRANSCRIPT, turn_state, "the transcript", at=now - age, rule=rule),
        Evidence(Source.SCREEN, screen, "the screen"),
    ]
    return classify(FACTS, pieces, now).state


@pytest.mark.parametrize("rule", ["user", "tool_use", "tool_result", "streaming"])
def test_an_unknown_form_holds_no_state_against_screen_and_registry(rule: str) -> None:
    rest = PaneState.PROMPT
    assert _classified(PaneState.RUNNING, rule, 5, rest, rest) is PaneState.RUNNING
    assert _classified(PaneState.RUNNING, rule, 30, rest, rest) is rest
    assert _classified(PaneState.RUNNING, rule, 5000, rest, rest) is rest


def test_one_of_them_alone_contradicts_later() -> None:
    assert _classified(PaneState.RUNNING, "user", 30, PaneState.UNKNOWN, PaneState.PROMPT) is PaneState.RUNNING
