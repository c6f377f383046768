"""The Anthropic Messages API as the recorder scripts it, on the practice model's HTTP."""

from __future__ import annotations

import json
import re
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from fleetscripts.practice.server import Event, Model, ModelReply, Request, Stream
from tests.recorder.replies import Call, Fail, Hold, Reply, Say, Script, Slow

COMPACTING = re.compile(r"Your task is to create a detailed summary|CRITICAL: Respond with TEXT ONLY")
SUGGESTING = "[SUGGESTION MODE"
COMPACT_KEY = "\0compact"
SUGGEST_KEY = "\0suggest"
PING = Event("ping", {"type": "ping"})


def _texts(message: Mapping[str, Any]) -> str:
    content = message.get("content") or ""
    if isinstance(content, str):
        return content
    return "\n".join(block.get("text") or "" for block in content if block.get("type") == "text")


class ClaudeModel(Model):
    """Answers the main conversation, sub-agents and compaction by script; whatever else a client asks gets a word."""

    def __init__(self, script: Script) -> None:
        super().__init__()
        self.script = script
        self.headers: dict[str, str] = {}

    def answer(self, request: Request, now: float) -> ModelReply | Stream:
        """The scripted answer to one request."""
        path = request.path.partition("?")[0]
        body = request.body
        if path.endswith("/count_tokens"):
            return ModelReply({"input_tokens": 1000})
        if not path.endswith("/messages"):
            self.script.side_requests.append(path)
            return ModelReply({})
        reply = self._reply(body)
        failure = next((step for step in reply if isinstance(step, Fail)), None)
        if failure:
            error = {"type": "error", "error": {"type": failure.kind, "message": failure.message}}
            return ModelReply(error, failure.status, {**self.headers, **failure.headers})
        model = str(body.get("model", "claude"))
        if not body.get("stream"):
            text = " ".join(step.text for step in reply if isinstance(step, Say)) or "ok"
            content = [{"type": "text", "text": text}]
            return ModelReply({**_message(model), "content": content, "stop_reason": "end_turn"}, 200, self.headers)
        return Stream(self._events(reply, body), self.headers, PING)

    def _reply(self, body: Mapping[str, Any]) -> Reply:
        messages: Sequence[Mapping[str, Any]] = body.get("messages") or []
        last = "\n".join(_texts(message) for message in _since_answer(messages))
        if SUGGESTING in last:
            return self._known(SUGGEST_KEY, ())
        if COMPACTING.search(last):
            return self._known(COMPACT_KEY, (Say("<summary>\nNothing is left to do.\n</summary>"),))
        if body.get("tools"):
            keys = self.script.known()
            answers = 0
            for message in reversed(messages):
                if message.get("role") == "assistant":
                    answers += 1
                    continue
                text = _texts(message)
                for key in keys:
                    if key in text:
                        return self.script.reply(key, answers)
        self.script.side_requests.append(last[-200:])
        return (Say('{"title": "A session", "isNewTopic": false}'),)

    def _known(self, key: str, otherwise: Reply) -> Reply:
        return self.script.reply(key, 0) if key in self.script.known() else otherwise

    def _events(self, reply: Reply, body: Mapping[str, Any]) -> Iterator[Event]:
        self.script.count(1)
        try:
            yield from self._stream(reply, body)
        finally:
            self.script.count(-1)

    def _stream(self, reply: Reply, body: Mapping[str, Any]) -> Iterator[Event]:
        model = str(body.get("model", "claude"))
        yield Event("message_start", {"type": "message_start", "message": _message(model)})
        stop = "end_turn"
        index = 0
        for step in reply:
            if isinstance(step, Hold):
                for _ in self.script.held():
                    yield PING
                continue
            if isinstance(step, Call):
                stop = "tool_use"
                yield from _tool(index, step, body)
            elif isinstance(step, Say | Slow):
                yield from self._text(index, step)
            index += 1
        delta = {"stop_reason": stop, "stop_sequence": None}
        usage = {"output_tokens": 50}
        yield Event("message_delta", {"type": "message_delta", "delta": delta, "usage": usage})
        yield Event("message_stop", {"type": "message_stop"})

    def _text(self, index: int, step: Say | Slow) -> Iterator[Event]:
        start = {"type": "content_block_start", "index": index, "content_block": {"type": "text", "text": ""}}
        yield Event("content_block_start", start)
        for part in [step.text] if isinstance(step, Say) else re.findall(r"\S+\s*", step.text):
            delta = {"type": "content_block_delta", "index": index, "delta": {"type": "text_delta", "text": part}}
            pause = step.seconds if isinstance(step, Slow) and not self.script.let_go else 0.0
            yield Event("content_block_delta", delta, pause)
        yield Event("content_block_stop", {"type": "content_block_stop", "index": index})


def _since_answer(messages: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    tail: list[Mapping[str, Any]] = []
    for message in reversed(messages):
        if message.get("role") == "assistant":
            break
        tail.insert(0, message)
    return tail


def _message(model: str) -> dict[str, Any]:
    usage = {"input_tokens": 10, "output_tokens": 1}
    head = {"id": f"msg_{uuid.uuid4().hex}", "type": "message", "role": "assistant", "model": model}
    return {**head, "content": [], "stop_reason": None, "stop_sequence": None, "usage": usage}


def _tool(index: int, step: Call, body: Mapping[str, Any]) -> Iterator[Event]:
    offered = {tool.get("name") for tool in body.get("tools") or []}
    name = "Agent" if step.tool == "Task" and "Agent" in offered else step.tool
    schema = next((tool.get("input_schema") for tool in body.get("tools") or [] if tool.get("name") == name), None)
    known = (schema or {}).get("properties") or step.input
    given = {field: value for field, value in step.input.items() if field in known}
    identity = f"toolu_{time.time_ns()}"
    block = {"type": "tool_use", "id": identity, "name": name, "input": {}}
    yield Event("content_block_start", {"type": "content_block_start", "index": index, "content_block": block})
    delta = {"type": "input_json_delta", "partial_json": json.dumps(given)}
    yield Event("content_block_delta", {"type": "content_block_delta", "index": index, "delta": delta})
    yield Event("content_block_stop", {"type": "content_block_stop", "index": index})


def limit_headers(
    status: str, claim: str, resets_at: float, used: float | None = None, threshold: float | None = None
) -> dict[str, str]:
    """The headers by which the API tells a subscriber's client how much of a limit is used and when it resets."""
    prefix, reset = "anthropic-ratelimit-unified", str(int(resets_at))
    short = {"five_hour": "5h", "seven_day": "7d", "seven_day_opus": "7d_opus"}[claim]
    headers = {
        f"{prefix}-status": status,
        f"{prefix}-reset": reset,
        f"{prefix}-representative-claim": claim,
        f"{prefix}-{short}-status": status,
        f"{prefix}-{short}-reset": reset,
    }
    if used is not None:
        headers[f"{prefix}-{short}-utilization"] = f"{used:.2f}"
    if threshold is not None:
        headers[f"{prefix}-{short}-surpassed-threshold"] = f"{threshold:.2f}"
    return headers
