"""A scripted OpenAI Responses API, so that a real Codex works with no account and no network.

``python -m tests.practice.model_openai --port-file F`` prints its port and exits with its parent."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from fleetscripts.practice.progress import Piece, PieceKind, failing, next_steps, standing, tool_id
from fleetscripts.practice.script import DEFAULT_THINK_SECONDS, TEXTS, Step, command_of, quoted, says
from fleetscripts.practice.server import Event, Model, ModelReply, Request, Stream, serve

_CALLS = ("function_call", "custom_tool_call", "local_shell_call")
_WORD_SECONDS = 0.3
_FAILURE_BODIES = {
    "overloaded": (503, "server_error", "overloaded"),
    "server": (500, "server_error", "The server had an error."),
    "auth": (401, "invalid_request_error", "Your authentication token has expired."),
    "credit": (
        429,
        "insufficient_quota",
        "You exceeded your current quota, please check your plan and billing details.",
    ),
    "context": (400, "context_length_exceeded", "Your input exceeds the context window of this model."),
}


def pieces_of(items: Sequence[Mapping[str, Any]]) -> list[Piece]:
    """A request's input items as pieces of a conversation."""
    pieces = []
    for item in items:
        kind = item.get("type", "message")
        if kind in _CALLS:
            pieces.append(Piece(PieceKind.TOOL, str(item.get("call_id"))))
        elif kind in ("function_call_output", "custom_tool_call_output"):
            pieces.append(Piece(PieceKind.RESULT, str(item.get("call_id"))))
        elif item.get("role") in ("user", "assistant"):
            heard = PieceKind.USER if item["role"] == "user" else PieceKind.AGENT
            content = item.get("content") or ""
            parts = [content] if isinstance(content, str) else [part.get("text", "") for part in content]
            pieces += [Piece(heard, part) for part in parts]
    return pieces


class OpenAIModel(Model):
    """Does the next steps of the script in the conversation, up to and with the next tool call."""

    def answer(self, request: Request, now: float) -> ModelReply | Stream:
        """Serves Responses; everything else gets an empty list, as a model listing would."""
        if not request.path.partition("?")[0].endswith("/responses"):
            return ModelReply({"object": "list", "data": [{"id": "gpt-5", "object": "model"}], "models": []})
        items = request.body.get("input") or []
        found = standing(pieces_of([{"role": "user", "content": items}] if isinstance(items, str) else items))
        usage = self.budget.charge(request.token, now)
        self.log.append({"at": now, "token": request.token, "next": [step.name for step in found.remaining]})
        failure = "ratelimit" if usage.walled_until else failing(found, self.budget, request.token, now)
        if failure == "ratelimit":
            return self._walled(request.token, now)
        if failure:
            status, kind, message = _FAILURE_BODIES[failure]
            return ModelReply({"error": {"type": kind, "code": kind, "message": message}}, status)
        return Stream(_events(next_steps(found), request.body, self._charged()))

    def _charged(self) -> dict[str, Any]:
        """The usage of the request that was logged last, with different figures for each; logged."""
        count = len(self.log)
        given, put_out, cached = 1200 + count, 50 + count, 1000 + count
        used = {"input_tokens": given, "input_tokens_details": {"cached_tokens": cached}, "output_tokens": put_out}
        self.log[-1] = {**self.log[-1], "usage": used}
        return {**used, "output_tokens_details": {"reasoning_tokens": 7}, "total_tokens": given + put_out}

    def _walled(self, token: str, now: float) -> ModelReply:
        resets_at = self.budget.charge(token, now).resets_at
        limit = {"plan_type": "plus", "resets_at": int(resets_at), "resets_in_seconds": int(resets_at - now)}
        told = self.refusals.get(token, {})
        error = {"type": "usage_limit_reached", "message": "The usage limit has been reached", **limit}
        error = {name: value for name, value in {**error, **told.get("body", {})}.items() if value is not None}
        return ModelReply({"error": error}, 429, told.get("headers", {}))


def _tool_call(step: Step, body: Mapping[str, Any]) -> dict[str, Any]:
    """Any of the client's tools; one that is offered in a namespace is called there."""
    name, _, given = step.argument.partition(" ")
    call = {"type": "function_call", "id": f"fc_{uuid.uuid4().hex}", "call_id": tool_id(step, uuid.uuid4().hex[:16])}
    call |= {"name": name, "arguments": given or "{}"}
    for offered in body.get("tools") or []:
        if name in [tool.get("name") for tool in offered.get("tools") or []]:
            call["namespace"] = offered["name"]
    return call


def _shell_call(step: Step, body: Mapping[str, Any]) -> dict[str, Any]:
    if step.name in ("edit", "write"):
        path, _, text = step.argument.partition(" ")
        command = f"printf '%s\\n' {quoted(text or 'hello')} >> {quoted(path or 'x.txt')}"
    else:
        command = command_of(step) or "true"
    offered = [tool.get("name") or tool.get("type") for tool in body.get("tools") or []]
    name: str
    arguments: dict[str, Any]
    if "shell" in offered:
        name, arguments = "shell", {"command": ["bash", "-lc", command]}
    elif "shell_command" in offered:
        name, arguments = "shell_command", {"command": command}
    else:
        name, arguments = "exec_command", {"cmd": command}
    call = {"type": "function_call", "id": f"fc_{uuid.uuid4().hex}", "call_id": tool_id(step, uuid.uuid4().hex[:16])}
    return {**call, "name": name, "arguments": json.dumps(arguments)}


def _event(kind: str, after_seconds: float = 0.0, **data: Any) -> Event:
    return Event(kind, {"type": kind, **data}, after_seconds)


def _events(steps: Sequence[Step], body: Mapping[str, Any], used: Mapping[str, Any]) -> Iterator[Event]:
    identity = f"resp_{uuid.uuid4().hex}"
    yield _event("response.created", response={"id": identity})
    output = []
    for index, step in enumerate(steps):
        if step.name in TEXTS:
            item: dict[str, Any] = {"type": "message", "id": f"msg_{uuid.uuid4().hex}", "role": "assistant"}
            yield from _text(index, step, item)
            item = {**item, "content": [{"type": "output_text", "text": says(step)}]}
        else:
            item = _tool_call(step, body) if step.name == "tool" else _shell_call(step, body)
        output.append(item)
        yield _event("response.output_item.done", output_index=index, item=item)
    response = {"id": identity, "output": output, "usage": dict(used)}
    yield _event("response.completed", response=response)


def _text(index: int, step: Step, item: Mapping[str, Any]) -> Iterator[Event]:
    wait = step.number(DEFAULT_THINK_SECONDS) if step.name == "think" else 0.0
    yield _event("response.output_item.added", wait, output_index=index, item={**item, "content": []})
    slow = step.name == "slow"
    for part in re.findall(r"\S+\s*", says(step)) if slow else [says(step)]:
        pause = _WORD_SECONDS if slow else 0.0
        where = {"output_index": index, "item_id": item["id"], "content_index": 0}
        yield _event("response.output_text.delta", pause, **where, delta=part)


if __name__ == "__main__":
    raise SystemExit(serve(OpenAIModel()))
