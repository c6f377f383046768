"""A turn: the script's steps, as a generator that yields what it waits for.

It yields ``("pause", seconds)``, ``("run", Process)`` or ``("ask", Dialog)``, and is sent the result: for a dialog the
chosen row, empty for Escape."""

from __future__ import annotations

import re
import time

from fleetscripts.practice import dialog as dialogs
from fleetscripts.practice.process import Process
from fleetscripts.practice.script import (
    DEFAULT_THINK_SECONDS,
    DEFAULT_WALL_SECONDS,
    FAILURES,
    NOTHING_LEFT,
    TEXTS,
    TOOL_FINISHED,
    TOOLS,
    Step,
    command_of,
    says,
    steps_in,
)
from fleetscripts.practice.session import Session, Turn
from fleetscripts.practice.view import clock

LOGGED_OUT = "logged-out"
"""The token of an account whose login is revoked: each of its turns fails."""

WORD_SECONDS = 0.3
RETRY_SECONDS = 1.0
RETRIES = 10
_ERRORS = {
    "overloaded": ("API Error: 529 Overloaded.", "overloaded"),
    "server": ("API Error: 500 Internal server error.", "server_error"),
    "auth": ("Please run /login · API Error: 401 OAuth token has expired.", "authentication_failed"),
    "credit": (
        "Credit balance too low · Add funds: https://platform.claude.com/settings/billing",
        "billing_error",
    ),
    "context": ("Prompt is too long", "invalid_request"),
}


def course(session: Session) -> Turn:
    """The rest of the session's script; later messages get a polite answer."""
    used_tool = False
    said = False
    while session.position < len(session.script):
        step = session.script[session.position]
        if not (yield from _step(session, step)):
            return False
        session.position += 1
        used_tool, said = step.name in TOOLS, True
    if used_tool or not said:
        session.say(TOOL_FINISHED if used_tool else NOTHING_LEFT, last=True)
    return True


def _step(session: Session, step: Step) -> Turn:
    if step.name in TEXTS:
        return (yield from _text(session, step))
    if session.options.token == LOGGED_OUT:
        session.fail(step, *_ERRORS["auth"])
        return False
    if step.name in FAILURES:
        return (yield from _failure(session, step))
    if step.name in ("ask", "plan"):
        return (yield from _asked(session, step))
    return (yield from _tool(session, step))


def _text(session: Session, step: Step) -> Turn:
    text = says(step)
    if step.name == "think":
        yield "pause", step.number(DEFAULT_THINK_SECONDS)
    if step.name == "slow":
        shown = ""
        session.view.add("agent", shown)
        for word in re.findall(r"\S+\s*", text):
            yield "pause", WORD_SECONDS
            shown += word
            session.view.replace_last(shown)
        session.view.drop_last()
    rest = session.script[session.position + 1 :]
    session.say(text, last=not any(other.name not in TEXTS for other in rest))
    return True


def _tool(session: Session, step: Step) -> Turn:
    if step.name == "task":
        return (yield from _sub_agent(session, step))
    name, call = _call_of(step)
    identity = session.begin_tool(step, name, call)
    if _asks(session.mode, step):
        behaviour = session.hooks.permission(name, call)
        if not behaviour:
            session.hooks.run("Notification", notification_type="permission_prompt", message="needs your permission")
            row = yield "ask", dialogs.permission(step, session.cwd)
            behaviour = "allow" if row.startswith("Yes") else "deny"
            if row.startswith("Yes, and switch"):
                session.set_mode("acceptEdits")
        if behaviour == "deny":
            return session.reject_tool(identity)
    if step.name == "edit":
        session.write_file(call)
        session.end_tool(identity, name, call, f"File created successfully at: {call['file_path']}", 0)
        return True
    process = Process(str(call["command"]))
    if step.name == "bgbash":
        session.background.append(process)
        session.end_tool(identity, name, call, "Command running in background with ID: practice.", 0)
        return True
    yield "run", process
    session.end_tool(identity, name, call, process.output(), process.status or 0)
    return True


def _call_of(step: Step) -> tuple[str, dict[str, object]]:
    if step.name == "edit":
        path, _, text = step.argument.partition(" ")
        return "Write", {"file_path": path or "x.txt", "content": f"{text or 'hello'}\n"}
    call: dict[str, object] = {"command": command_of(step), "description": "Run a command"}
    return "Bash", {**call, "run_in_background": True} if step.name == "bgbash" else call


def _asks(mode: str, step: Step) -> bool:
    if mode in ("bypassPermissions", "auto", "dontAsk") or step.name == "crash":
        return False
    return not (mode == "acceptEdits" and step.name == "edit")


def _asked(session: Session, step: Step) -> Turn:
    name = "ExitPlanMode" if step.name == "plan" else "AskUserQuestion"
    call: dict[str, object] = {"plan": step.argument} if step.name == "plan" else {"questions": step.argument}
    identity = session.begin_tool(step, name, call)
    asked = [dialogs.plan(step)] if step.name == "plan" else dialogs.questions(step)
    answers = []
    for dialog in asked:
        row = yield "ask", dialog
        if not row or row.startswith("No"):
            return session.reject_tool(identity)
        answers.append(row)
    if step.name == "plan":
        session.set_mode("bypassPermissions" if "bypass" in answers[0] else "default")
    session.end_tool(identity, name, call, f"User answered: {'; '.join(answers)}", 0)
    return True


def _sub_agent(session: Session, step: Step) -> Turn:
    """A part for a sub-agent: its commands run, its texts stay with it."""
    prompt = step.argument.replace("{{", "[[").replace("}}", "]]")
    call: dict[str, object] = {"prompt": prompt, "subagent_type": "general-purpose"}
    identity = session.begin_tool(step, "Task", call)
    for inner in steps_in(prompt):
        if inner.name == "think":
            yield "pause", inner.number(DEFAULT_THINK_SECONDS)
        elif command_of(inner):
            yield "run", Process(command_of(inner))
    session.end_tool(identity, "Task", call, "The sub-agent has finished.", 0)
    return True


def _failure(session: Session, step: Step) -> Turn:
    if step.name in ("overloaded", "server"):
        times = step.number(float("inf"))
        label = "529 Overloaded" if step.name == "overloaded" else "500 Internal server error"
        for attempt in range(1, int(min(times, RETRIES)) + 1):
            session.retrying = f"{label} · retrying in {int(RETRY_SECONDS)}s · attempt {attempt}/{RETRIES}"
            yield "pause", RETRY_SECONDS
        session.retrying = ""
        if times <= RETRIES:
            return True
        session.fail(step, *_ERRORS[step.name])
        return False
    wall = step.number(DEFAULT_WALL_SECONDS) if step.name == "ratelimit" else float("inf")
    until = session.fails_until(step, time.time() + wall)
    if until is None:
        return True
    if step.name == "ratelimit":
        session.hit_wall(step, until, f"You've hit your 5-hour limit · resets {clock(until)} (UTC)")
    else:
        session.fail(step, *_ERRORS[step.name])
    return False
