"""The recorder's own decisions; what it records is proved by the recordings."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from fleetscripts.practice.server import ModelReply, Request, Stream
from tests.recorder.model_claude import ClaudeModel
from tests.recorder.model_codex import CodexModel
from tests.recorder.replies import Call, Fail, Say, Script
from tests.recorder.stage import Options
from tests.recorder.terminal import squeezed
from tests.recorder.verdicts import cases_below, report

USER: dict[str, object] = {"role": "user", "content": "count the shelves"}
TOOLS = [{"name": "Bash", "input_schema": {"properties": {"command": {}}}}]


def claude_says(model: ClaudeModel, messages: Sequence[object]) -> str:
    answer = model.answer(Request("/v1/messages", "", {"messages": messages, "tools": TOOLS, "stream": True}), 0.0)
    assert isinstance(answer, Stream)
    return "".join(json.dumps(event.data) for event in answer.events)


def test_the_nth_request_of_a_turn_gets_the_nth_reply_also_when_it_is_tried_again() -> None:
    script = Script()
    model = ClaudeModel(script)
    script.on("count the shelves", (Call("Bash", {"command": "ls", "unknown": 1}),), (Say("Nine."),))
    first = claude_says(model, [USER])
    assert all("tool_use" in each and "unknown" not in each for each in (first, claude_says(model, [USER])))
    answered = [USER, {"role": "assistant", "content": "x"}, {"role": "user", "content": [{"type": "tool_result"}]}]
    assert "Nine." in claude_says(model, answered)
    assert (script.asked("count the shelves"), script.asked("count the shelves", 1)) == (2, 1)
    assert script.in_flight == 0


def test_a_failure_is_answered_with_its_status() -> None:
    script = Script()
    script.on("count the shelves", (Fail(529, "overloaded_error", "Overloaded"),))
    answer = ClaudeModel(script).answer(Request("/v1/messages", "", {"messages": [USER], "tools": TOOLS}), 0.0)
    assert isinstance(answer, ModelReply)
    assert answer.status == 529


def test_codex_calls_the_tool_that_it_offers() -> None:
    script = Script()
    script.on("count the shelves", (Call("shell", {"command": "ls"}),))
    item = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "count the shelves"}]}
    body = {"input": [item], "tools": [{"type": "function", "name": "exec_command"}]}
    answer = CodexModel(script).answer(Request("/v1/responses", "", body), 0.0)
    assert isinstance(answer, Stream)
    done = [event.data["item"] for event in answer.events if event.name == "response.output_item.done"]
    assert [(each["name"], json.loads(each["arguments"])) for each in done] == [("exec_command", {"cmd": "ls"})]


@pytest.mark.parametrize(
    ("given", "folder"),
    [
        ({}, "claude/2.1.329-oauth+default-140x45"),
        ({"permission_mode": "plan", "theme": "light"}, "claude/2.1.329-oauth+plan+light-140x45"),
        ({"mode": "api", "status_line": True, "size": (80, 24)}, "claude/2.1.329-api+default+statusline-80x24"),
    ],
)
def test_a_folder_says_how_it_was_recorded(given: dict[str, object], folder: str) -> None:
    usual: dict[str, object] = {"agent": "claude", "release": "2.1.329", "mode": "oauth", "size": (140, 45)}
    options = Options(**{**usual, **given}, screens=Path())  # type: ignore[arg-type]
    assert str(options.folder) == folder


def test_wrapped_text_is_found_in_a_frame() -> None:
    assert squeezed("│ half a mess │\n│ age       │") == "halfamessage"


def test_a_check_of_nothing_fails(tmp_path: Path) -> None:
    assert cases_below(tmp_path) == []
    assert report(tmp_path) == 1
