"""The hooks given with ``--settings``: run with their event on standard input, as the client runs them."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping

from fleetscripts.practice.process import Process

HOOK_SECONDS = 10.0


def settings_from(argument: str) -> dict[str, object]:
    """The settings in an inline JSON text or a file; ValueError if they cannot be read."""
    if not argument:
        return {}
    if argument.lstrip().startswith("{"):
        settings = json.loads(argument)
    else:
        with open(argument, encoding="utf-8") as file:
            settings = json.load(file)
    return settings if isinstance(settings, dict) else {}


class Hooks:
    """The hooks of one session. They run one after the other, before the session continues."""

    def __init__(self, settings: Mapping[str, object], session_id: str, transcript: str, permission_mode: str) -> None:
        hooks = settings.get("hooks")
        self._by_event: Mapping[str, list[dict[str, object]]] = hooks if isinstance(hooks, dict) else {}
        self._common = {
            "session_id": session_id,
            "transcript_path": transcript,
            "cwd": os.getcwd(),
            "permission_mode": permission_mode,
        }

    def run(self, event: str, **fields: object) -> list[dict[str, object]]:
        """Runs an event's hooks; returns their JSON answers."""
        answers = []
        payload = json.dumps({**self._common, "hook_event_name": event, **fields}, ensure_ascii=False)
        for command in self._commands(event):
            process = Process(command, payload)
            if process.wait(HOOK_SECONDS) and process.status == 0:
                answers += _answer(process.output())
        return answers

    def permission(self, tool: str, call: Mapping[str, object]) -> str:
        """The hooks' decision on a permission request: ``allow``, ``deny``, or empty to ask the user."""
        for answer in self.run("PermissionRequest", tool_name=tool, tool_input=call):
            specific = answer.get("hookSpecificOutput")
            decision = specific.get("decision") if isinstance(specific, dict) else None
            if isinstance(decision, dict) and decision.get("behavior") in ("allow", "deny"):
                return str(decision["behavior"])
        return ""

    def _commands(self, event: str) -> list[str]:
        found = []
        for group in self._by_event.get(event) or []:
            inner = group.get("hooks")
            found += [str(hook.get("command", "")) for hook in inner] if isinstance(inner, list) else []
        return [command for command in found if command]


def _answer(output: str) -> list[dict[str, object]]:
    if not output.lstrip().startswith("{"):
        return []
    try:
        answer = json.loads(output)
    except ValueError:
        return []
    return [answer] if isinstance(answer, dict) else []
