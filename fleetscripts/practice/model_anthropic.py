"""A scripted Anthropic Messages API, so that a real Claude Code works with no account and no network.

``python -m fleetscripts.practice.model_anthropic --port-file F`` prints its port and exits with its parent."""

from __future__ import annotations

import json
import os
import re
import uuid
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from fleetscripts.practice.budget import Usage
from fleetscripts.practice.cues import Cues
from fleetscripts.practice.progress import Piece, PieceKind, ScriptProgress, failing, next_steps, standing, tool_id
from fleetscripts.practice.safety_check import SafetyCheck
from fleetscripts.practice.script import (
    DEFAULT_THINK_SECONDS,
    FAILURES,
    TEXTS,
    Step,
    command_of,
    questions_of,
    says,
)
from fleetscripts.practice.server import Event, Model, ModelReply, Request, Stream, serve

_WORKING_DIRECTORY = re.compile(r"[Ww]orking directory: (/[^\n]*)")
_COMPACTING = "Your task is to create a detailed summary"
_WORD_SECONDS = 0.3
_FAILURE_BODIES = {
    "overloaded": (529, "overloaded_error", "Overloaded"),
    "server": (500, "api_error", "Internal server error"),
    "auth": (401, "authentication_error", "OAuth token has expired."),
    "credit": (400, "invalid_request_error", "Your credit balance is too low to access the Anthropic API."),
    "context": (400, "invalid_request_error", "prompt is too long: 210000 tokens > 200000 maximum"),
    "ratelimit": (429, "rate_limit_error", "This request would exceed your account's rate limit."),
}


def pieces_of(messages: Sequence[Mapping[str, Any]]) -> list[Piece]:
    """A request's messages as pieces of a conversation."""
    pieces = []
    for message in messages:
        user = message.get("role") != "assistant"
        content = message.get("content") or ""
        blocks = [{"type": "text", "text": content}] if isinstance(content, str) else content
        for block in blocks:
            kind = block.get("type")
            if kind == "text":
                pieces.append(Piece(PieceKind.USER if user else PieceKind.AGENT, block["text"]))
            elif kind == "tool_use":
                pieces.append(Piece(PieceKind.TOOL, block["id"]))
            elif kind == "tool_result":
                pieces.append(Piece(PieceKind.RESULT, block["tool_use_id"]))
    return pieces


def limit_headers(usage: Usage) -> dict[str, str]:
    """The API's headers on a subscriber's usage and reset."""
    prefix, reset = "anthropic-ratelimit-unified", str(int(usage.resets_at))
    status = "rejected" if usage.walled_until else "allowed"
    return {
        f"{prefix}-status": status,
        f"{prefix}-reset": reset,
        f"{prefix}-representative-claim": "five_hour",
        f"{prefix}-5h-status": status,
        f"{prefix}-5h-reset": reset,
        f"{prefix}-5h-utilization": f"{usage.used:.2f}",
    }


def _tool_call(step: Step, directory: str) -> tuple[str, dict[str, Any]]:
    if step.name == "edit":
        path, _, text = step.argument.partition(" ")
        return "Write", {"file_path": f"{directory}/{path or 'x.txt'}", "content": f"{text or 'hello'}\n"}
    if step.name == "ask":
        questions = [
            {
                "question": question,
                "header": f"Q{number}",
                "multiSelect": several,
                "options": [{"label": option, "description": f"option {option}"} for option in options],
            }
            for number, (question, options, several) in enumerate(questions_of(step), 1)
        ]
        return "AskUserQuestion", {"questions": questions}
    if step.name == "plan":
        return "ExitPlanMode", {"plan": step.argument or "1. Do it\n2. Test it"}
    if step.name == "task":
        prompt = step.argument.replace("{{", "[[").replace("}}", "]]")
        return "Task", {"description": "A part of it", "prompt": prompt, "subagent_type": "general-purpose"}
    if step.name == "tool":
        name, _, given = step.argument.partition(" ")
        return name, json.loads(given or "{}")
    call: dict[str, Any] = {"command": command_of(step), "description": "Run a command"}
    if step.name == "bgbash":
        call["run_in_background"] = True
    return "Bash", call


class AnthropicModel(Model):
    """Does the next steps of the script in the conversation, up to and with the next tool call."""

    def __init__(self, cues: Cues | None = None, check: SafetyCheck | None = None) -> None:
        super().__init__()
        self.cues = cues or Cues()
        self.check = check or SafetyCheck()

    def answer(self, request: Request, now: float) -> ModelReply | Stream:
        """Serves Messages and token counts; any other start-up request gets an empty object."""
        path = request.path.partition("?")[0]
        if path.endswith("/count_tokens"):
            return ModelReply({"input_tokens": 1000})
        if not path.endswith("/messages"):
            return ModelReply({})
        pieces = pieces_of(request.body.get("messages") or [])
        self.cues.keep(pieces)
        found = standing(self.cues.followed(pieces))
        usage = self.budget.charge(request.token, now)
        self.log.append({"at": now, "token": request.token, "path": path, "next": [s.name for s in found.remaining]})
        if usage.walled_until is not None:
            return self._failure("ratelimit", request, now)
        failure = failing(found, self.budget, request.token, now) if request.body.get("tools") else None
        return self._failure(failure, request, now) if failure else self._served(found, request, usage)

    def _charged(self, purpose: str) -> dict[str, int]:
        """The usage of the request that was logged last, with different figures for each; logged with its purpose."""
        count = len(self.log)
        kinds = ("input_tokens", "output_tokens", "cache_read_input_tokens", "cache_creation_input_tokens")
        used = {kind: base + count for kind, base in zip(kinds, (10, 50, 1000, 100), strict=True)}
        self.log[-1] = {**self.log[-1], "usage": used, "purpose": purpose}
        return used

    def _failure(self, name: str, request: Request, now: float) -> ModelReply:
        status, kind, message = _FAILURE_BODIES[name]
        headers = {"x-should-retry": "false"} if status in (401, 400, 429) else {}
        if name == "ratelimit":
            usage = self.budget.charge(request.token, now)
            told = self.refusals.get(request.token, {}).get("headers") or limit_headers(usage)
            headers |= {**told, "retry-after": str(max(1, int(usage.resets_at - now)))}
        return ModelReply({"type": "error", "error": {"type": kind, "message": message}}, status, headers)

    def _served(self, found: ScriptProgress, request: Request, usage: Usage) -> ModelReply | Stream:
        model = str(request.body.get("model", "claude"))
        latest = _latest_text(request.body)
        if _COMPACTING in latest:
            purpose, texts = "summary", [Step("say", _summary(found), 0)]
        elif not request.body.get("tools"):
            purpose, texts = "title", [Step("say", "A title", 0)]
        else:
            purpose, texts = "turn", next_steps(found)
        used = self._charged(purpose)
        if not request.body.get("stream"):
            content = [{"type": "text", "text": says(texts[0])}]
            return ModelReply({**_message(model, used), "content": content, "stop_reason": "end_turn"})
        ping = Event("ping", {"type": "ping"})
        return Stream(_events(texts, model, used, request.body, self.check), limit_headers(usage), ping)


def _latest_text(body: Mapping[str, Any]) -> str:
    users = [piece.text for piece in pieces_of(body.get("messages") or [])[-8:] if piece.kind is PieceKind.USER]
    return "\n".join(users)


def _summary(found: ScriptProgress) -> str:
    """A summary that keeps the rest of the script, as a careful model would."""
    left = " ".join(f"[[{step.name} {step.argument}]]" for step in found.remaining if step.name not in FAILURES)
    return f"<analysis>All of it is scripted.</analysis>\n<summary>\nStill to do: {left or 'nothing'}\n</summary>"


def _directory(body: Mapping[str, Any]) -> str:
    match = _WORKING_DIRECTORY.search(json.dumps(body, ensure_ascii=False).replace("\\n", "\n"))
    return match[1].split('"')[0] if match else "."


def _message(model: str, usage: Mapping[str, int]) -> dict[str, Any]:
    head = {"id": f"msg_{uuid.uuid4().hex}", "type": "message", "role": "assistant", "model": model}
    return {**head, "content": [], "stop_reason": None, "stop_sequence": None, "usage": dict(usage)}


def _events(
    steps: Sequence[Step], model: str, used: Mapping[str, int], body: Mapping[str, Any], check: SafetyCheck
) -> Iterator[Event]:
    """The message as it streams: its start reports one output token."""
    begun = _message(model, {**used, "output_tokens": 1})
    yield Event("message_start", {"type": "message_start", "message": begun})
    calls: dict[str, Mapping[str, Any]] = {}
    stop, directory = "end_turn", _directory(body)
    for index, step in enumerate(steps):
        if step.name in TEXTS:
            yield from _text_block(index, step)
        else:
            stop, identity = "tool_use", tool_id(step, uuid.uuid4().hex[:16])
            name, calls[identity] = _tool_call(step, directory)
            yield from _tool_block(index, identity, name, calls[identity], body)
    delta = {"stop_reason": stop, "stop_sequence": None, **check.results(body, calls)}
    yield Event("message_delta", {"type": "message_delta", "delta": delta, "usage": dict(used)})
    yield Event("message_stop", {"type": "message_stop"})


def _text_block(index: int, step: Step) -> Iterator[Event]:
    wait = step.number(DEFAULT_THINK_SECONDS) if step.name == "think" else 0.0
    start = {"type": "content_block_start", "index": index, "content_block": {"type": "text", "text": ""}}
    yield Event("content_block_start", start, wait)
    text = says(step)
    slow = step.name == "slow"
    for part in re.findall(r"\S+\s*", text) if slow else [text]:
        delta = {"type": "content_block_delta", "index": index, "delta": {"type": "text_delta", "text": part}}
        yield Event("content_block_delta", delta, _WORD_SECONDS if slow else 0.0)
    yield Event("content_block_stop", {"type": "content_block_stop", "index": index})


def _tool_block(
    index: int, identity: str, name: str, call: Mapping[str, Any], body: Mapping[str, Any]
) -> Iterator[Event]:
    offered = {tool.get("name") for tool in body.get("tools") or []}
    if name == "Task" and "Agent" in offered:
        name = "Agent"
    block = {"type": "tool_use", "id": identity, "name": name, "input": {}}
    yield Event("content_block_start", {"type": "content_block_start", "index": index, "content_block": block})
    delta = {"type": "input_json_delta", "partial_json": json.dumps(call)}
    yield Event("content_block_delta", {"type": "content_block_delta", "index": index, "delta": delta})
    yield Event("content_block_stop", {"type": "content_block_stop", "index": index})


if __name__ == "__main__":
    raise SystemExit(serve(AnthropicModel(Cues.of(os.environ), SafetyCheck.of(os.environ))))
