"""The OpenAI Responses API as the recorder scripts it, on the practice model's HTTP."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from fleetscripts.practice.server import Event, Model, ModelReply, Request, Stream
from tests.recorder.replies import Call, Fail, Hold, Reply, Say, Script, Slow

CALLS = ("function_call", "custom_tool_call", "local_shell_call")
COMPACTING = re.compile(r"CONTEXT CHECKPOINT COMPACTION|handoff summary|You have exceeded the maximum number of tokens")
COMPACT_KEY = "\0compact"
REVIEWING = re.compile(r">>> APPROVAL REQUEST END")
REVIEW_KEY = "\0review"
NOTHING = Event("response.in_progress", {"type": "response.in_progress"})


def _text(item: Mapping[str, Any]) -> str:
    content = item.get("content") or ""
    if isinstance(content, str):
        return content
    return "\n".join(part.get("text") or "" for part in content)


class CodexModel(Model):
    """Answers the conversation by script."""

    def __init__(self, script: Script) -> None:
        super().__init__()
        self.script = script
        self.headers: dict[str, str] = {}
        self.offered: set[str] = set()

    def answer(self, request: Request, now: float) -> ModelReply | Stream:
        """The scripted answer to one request."""
        if not request.path.partition("?")[0].endswith("/responses"):
            self.script.side_requests.append(request.path)
            return ModelReply({"object": "list", "data": [{"id": "gpt-5"}], "models": []})
        reply = self._reply(request.body.get("input") or [])
        failure = next((step for step in reply if isinstance(step, Fail)), None)
        if failure:
            error = {"type": failure.kind, "message": failure.message, **failure.body}
            return ModelReply({"error": error}, failure.status, {**self.headers, **failure.headers})
        self.offered = {str(tool.get("name") or tool.get("type")) for tool in request.body.get("tools") or []}
        return Stream(self._events(reply), self.headers, NOTHING)

    def _reply(self, items: Sequence[Mapping[str, Any]]) -> Reply:
        if items and COMPACTING.search(_text(items[-1])) and COMPACT_KEY in self.script.known():
            return self.script.reply(COMPACT_KEY, 0)
        if items and REVIEWING.search(_text(items[-1])) and REVIEW_KEY in self.script.known():
            return self.script.reply(REVIEW_KEY, 0)
        answers = 0
        for item in reversed(items):
            if item.get("type") in CALLS or item.get("role") == "assistant":
                answers += item.get("type") in CALLS
                continue
            text = _text(item)
            for key in self.script.known():
                if item.get("role") == "user" and key in text:
                    return self.script.reply(key, answers)
        self.script.side_requests.append(_text(items[-1])[-200:] if items else "")
        return (Say("A session"),)

    def _events(self, reply: Reply) -> Iterator[Event]:
        self.script.count(1)
        try:
            yield from self._stream(reply)
        finally:
            self.script.count(-1)

    def _stream(self, reply: Reply) -> Iterator[Event]:
        identity = f"resp_{time.time_ns()}"
        yield _event("response.created", response={"id": identity})
        output: list[dict[str, Any]] = []
        for step in reply:
            if isinstance(step, Hold):
                for _ in self.script.held():
                    yield NOTHING
            elif isinstance(step, Call):
                item = self._call(step)
                output.append(item)
                yield _event("response.output_item.done", output_index=len(output) - 1, item=item)
            elif isinstance(step, Say | Slow):
                yield from self._message(step, output)
        tokens = {"input_tokens": 10, "input_tokens_details": None, "output_tokens": 5}
        usage = {**tokens, "output_tokens_details": None, "total_tokens": 15}
        yield _event("response.completed", response={"id": identity, "output": output, "usage": usage})

    def _message(self, step: Say | Slow, output: list[dict[str, Any]]) -> Iterator[Event]:
        index = len(output)
        head = {"type": "message", "id": f"msg_{time.time_ns()}", "role": "assistant"}
        yield _event("response.output_item.added", output_index=index, item={**head, "content": []})
        for part in re.findall(r"\S+\s*|\s+", step.text):
            data = {"output_index": index, "item_id": head["id"], "content_index": 0, "delta": part}
            pause = step.seconds if isinstance(step, Slow) and not self.script.let_go else 0.0
            yield _event("response.output_text.delta", pause, **data)
        item = {**head, "content": [{"type": "output_text", "text": step.text}]}
        output.append(item)
        yield _event("response.output_item.done", output_index=index, item=item)

    def _call(self, step: Call) -> dict[str, Any]:
        call = f"call_{time.time_ns()}"
        if step.tool == "apply_patch" and "apply_patch" in self.offered:
            custom = {"type": "custom_tool_call", "id": f"ctc_{call}", "call_id": call}
            return {**custom, "name": "apply_patch", "input": step.input["patch"]}
        name, given = step.tool, dict(step.input)
        if step.tool in ("shell", "apply_patch"):
            command = given.pop("command", None) or f"apply_patch <<'END'\n{given.pop('patch')}\nEND\n"
            name = next((each for each in ("shell", "shell_command") if each in self.offered), "exec_command")
            shapes: dict[str, dict[str, Any]] = {
                "shell": {"command": ["bash", "-lc", command]},
                "shell_command": {"command": command},
                "exec_command": {"cmd": command},
            }
            given |= shapes[name]
        function = {"type": "function_call", "id": f"fc_{call}", "call_id": call}
        return {**function, "name": name, "arguments": json.dumps(given)}


def _event(name: str, after_seconds: float = 0.0, **data: Any) -> Event:
    return Event(name, {"type": name, **data}, after_seconds)
