"""Records of a transcript that look like a message and that nobody answers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetscripts.agents.claude_transcript import Turn, evidence_of, fold
from fleetscripts.agents.claude_typed import typed_text
from fleetscripts.core.planning.classify import CONTRADICTED_SECONDS, classify
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


FORMS = json.loads((Path(__file__).parent / "samples" / "record_forms.json").read_text(encoding="utf-8"))
"""Each form in which records of real conversations were seen beside messages and answers, with the releases."""


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form["form"])
def test_every_form_that_was_seen_begins_a_turn_or_does_not(form: dict[str, Any]) -> None:
    turn = _after(form["record"])
    assert (turn.phase == "user") is form["answered"]
    if not form["answered"]:
        assert evidence_of(turn, STARTED).state is PaneState.COMPLETE


_CONTENT = st.one_of(
    st.text(max_size=40),
    st.lists(
        st.fixed_dictionaries({"type": st.sampled_from(["text", "image", "tool_result", "new"]), "text": st.text()}),
        max_size=3,
    ),
    st.none(),
    st.integers(),
)
_FLAGS = st.dictionaries(
    st.text("abcisMetaQueue", min_size=1, max_size=12), st.one_of(st.booleans(), st.text()), max_size=4
)
_KIND = st.one_of(st.sampled_from(["user", "assistant", "system", "attachment", "continued-in"]), st.text(max_size=9))


@given(_KIND, _CONTENT, _FLAGS, st.floats(CONTRADICTED_SECONDS + 1, 1e6))
def test_no_form_at_all_holds_a_state_alone(kind: str, content: object, flags: dict[str, Any], age: float) -> None:
    found = evidence_of(_after(_record(kind, content, 30, **flags)), STARTED)
    if found.state is PaneState.RUNNING:
        rest = PaneState.PROMPT
        assert _classified(PaneState.RUNNING, found.rule or "", age, rest, rest) is rest
