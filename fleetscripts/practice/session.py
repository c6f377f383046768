"""A session of the practice agent: its conversation, its state, and the effects of a turn."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Generator
from math import isfinite

from fleetscripts.practice.box import Box, Paste
from fleetscripts.practice.dialog import Dialog
from fleetscripts.practice.hooks import Hooks, settings_from
from fleetscripts.practice.options import Options
from fleetscripts.practice.process import Process
from fleetscripts.practice.registry import Registry
from fleetscripts.practice.script import TEXTS, Step, resumes, steps_in
from fleetscripts.practice.transcript import Transcript
from fleetscripts.practice.view import View, clock

REJECTED = "The user doesn't want to proceed with this tool use. The tool use was rejected."


Wait = tuple[str, object]
Turn = Generator[Wait, str, bool]
"""A turn's or a step's course; its value is False if it was cut short."""


class Session:
    """One conversation. ``course`` plays a turn from the script's position. ``fails``: step → the token it failed for
    and until when (Unix seconds)."""

    def __init__(self, options: Options, course: Callable[[Session], Turn]) -> None:
        self.options = options
        self._course = course
        self.cwd = os.getcwd()
        self.mode = options.permission_mode
        self.view = View(self.mode, self.cwd)
        self.box = Box()
        self.queue: list[str] = []
        self.script: list[Step] = []
        self.position = 0
        self.fails: dict[int, tuple[str, float]] = {}
        self.background: list[Process] = []
        self.dialog: Dialog | None = None
        self.resume_at: float | None = None
        self.retrying = ""
        self.turn: Turn | None = None
        self.turn_began = 0.0
        self.wake_at: float | None = None
        self.running: Process | None = None
        self._answered = False
        self._submitted: list[str | Paste] = []
        self._leaf_before: str | None = None
        self._last_message = ""
        self.open(options.session_id)

    def open(self, session_id: str) -> None:
        """Begins to write under a session id; the registry gets it when the prompt is first drawn."""
        self.session_id = session_id
        self.transcript = Transcript(self.options.config_dir, self.cwd, session_id, self.mode)
        settings = settings_from(self.options.settings)
        self.skips_bypass_warning = settings.get("skipDangerousModePermissionPrompt") is True
        self.hooks = Hooks(settings, session_id, self.transcript.path, self.mode)
        self.registry: Registry | None = None

    def go_live(self, source: str) -> None:
        """The start-up dialogs are done. ``source``: startup, resume or clear."""
        self.registry = Registry(self.options.config_dir, self.session_id)
        self.hooks.run("SessionStart", source=source, model="practice")
        self.show_status()

    def show_status(self) -> None:
        """Writes our status to the registry."""
        if self.registry is None:
            return
        if self.dialog is not None:
            self.registry.say("waiting", self.dialog.waiting_for)
        elif self.turn is not None:
            self.registry.say("busy")
        else:
            self.registry.say("shell" if self.background else "idle")

    def submit(self, text: str, parts: list[str | Paste] | None = None, source: str = "typed") -> None:
        """A message of the user: starts a turn, or is queued for the end of the present one."""
        self.hooks.run("UserPromptSubmit", prompt=text)
        if self.turn is not None:
            self.queue.append(text)
            self.transcript.queued("enqueue", text)
            return
        self._submitted, self._leaf_before = parts or [text], self.transcript.leaf
        self.transcript.user(text, source)
        self.view.add("user", "".join(part if isinstance(part, str) else part.text for part in self._submitted).strip())
        steps = steps_in(text)
        if steps and not resumes(self.script, self.position, steps):
            self.script, self.position, self.fails = steps, 0, {}
        self.begin_turn()

    def begin_turn(self) -> None:
        """Continues the script."""
        self.resume_at, self.view.notice = None, []
        self._answered = False
        self.turn_began = time.time()
        self.turn = self._course(self)
        self.show_status()
        self.advance(None)

    def advance(self, answer: str | None) -> None:
        """Runs the turn to its next wait."""
        self.wake_at, self.running = None, None
        if self.turn is None:
            return
        try:
            _, what = next(self.turn) if answer is None else self.turn.send(answer)
        except StopIteration as end:
            self._end_turn(bool(end.value))
            return
        if isinstance(what, Process):
            self.running = what
        elif isinstance(what, Dialog):
            self.dialog = what
        elif isinstance(what, float):
            self.wake_at = time.time() + what
        self.show_status()

    def _end_turn(self, whole: bool) -> None:
        self.turn, self.retrying = None, ""
        if whole:
            seconds = time.time() - self.turn_began
            shells = f" · {len(self.background)} shell still running" if self.background else ""
            self.view.add("done", f"✻ Worked for {int(seconds)}s · done {clock(time.time())}{shells}")
            self.hooks.run("Stop", stop_hook_active=False, last_assistant_message=self._last_message)
            self.transcript.turn_ended(seconds)
        self.show_status()
        if self.queue:
            self.transcript.queued("dequeue")
            waiting, self.queue = "\n".join(self.queue), []
            self.submit(waiting, source="queued")

    def interrupt(self) -> None:
        """Escape during a turn: an unanswered prompt goes back into the box, an answered one stays interrupted."""
        if self.turn is None:
            return
        if self.running is not None:
            self.running.kill()
        self.turn.close()
        self.turn, self.running, self.wake_at, self.retrying = None, None, None, ""
        if self._answered:
            self.transcript.interrupted()
            self.view.add("result", "Interrupted · What should Claude do instead?")
        else:
            self.view.drop_last()
            self.transcript.leaf = self._leaf_before
            self.box.put_back(self._submitted)
        if self.queue:
            self.box.put_back(["\n".join(self.queue)])
            self.queue = []
        self.show_status()

    def say(self, text: str, last: bool) -> None:
        """A text of the agent."""
        self._answered = True
        self._last_message = text
        self.transcript.agent(text, last)
        self.view.add("agent", text)

    def begin_tool(self, step: Step, name: str, call: dict[str, object]) -> str:
        """A tool call of the agent; its id identifies the step."""
        identity = f"toolu_s{step.index}_{os.urandom(8).hex()}"
        self._answered = True
        self.transcript.tool(identity, name, call)
        shown = "Running a command" if name == "Bash" else f"{name}({call.get('file_path', '')})"
        self.view.add("agent", f"{shown}\n  ⎿  $ {call['command']}" if "command" in call else shown)
        self.hooks.run("PreToolUse", tool_name=name, tool_input=call, tool_use_id=identity)
        return identity

    def end_tool(self, identity: str, name: str, call: dict[str, object], text: str, status: int) -> None:
        """The result of a tool call."""
        self.transcript.result(identity, f"Exit code {status}\n{text}" if status else text, failed=status != 0)
        shown = f"Error: Exit code {status}" if status else "Ran 1 shell command" if name == "Bash" else "Done"
        self.view.add("result", shown)
        self.hooks.run("PostToolUse", tool_name=name, tool_input=call, tool_use_id=identity, tool_response=text)

    def reject_tool(self, identity: str) -> bool:
        """The user refused: the turn ends, and the step is not tried again."""
        self.transcript.result(identity, REJECTED, failed=True)
        self.transcript.interrupted(for_tool=True)
        self.view.add("result", "Rejected by user")
        self.position += 1
        return False

    def write_file(self, call: dict[str, object]) -> None:
        """The effect of the Write tool."""
        path = os.path.join(self.cwd, str(call["file_path"]))
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write(str(call["content"]))

    def set_mode(self, mode: str) -> None:
        """Another permission mode from now on."""
        self.mode = self.view.mode = mode

    def fails_until(self, step: Step, until: float) -> float | None:
        """Until when a scripted failure holds; None if it is past, or not this account's."""
        token, until = self.fails.setdefault(step.index, (self._account(), until))
        return until if token == self._account() and time.time() < until else None

    def _account(self) -> str:
        """A short digest of the token in use: enough to tell accounts apart, useless to anybody else."""
        from zlib import crc32

        return f"{crc32(self.options.token.encode()):08x}"

    def fail(self, step: Step, text: str, error: str, until: float | None = None, **fields: object) -> None:
        """An API error ends the turn."""
        token, ends = self.fails.get(step.index, (self._account(), None))
        known = ends if ends is not None and isfinite(ends) else None
        mark = {"practiceToken": token, "practiceUntil": known if until is None else until}
        self.transcript.error(text, error, **mark, **fields)
        self.view.add("result", text)
        self.hooks.run("StopFailure", error=error, last_assistant_message=text)

    def hit_wall(self, step: Step, until: float, text: str) -> None:
        """A usage limit: the client continues by itself when it resets."""
        limits = {"status": "rejected", "resetsAt": int(until), "rateLimitType": "five_hour", "isUsingOverage": False}
        info: dict[str, object] = {"apiErrorParams": {"rate_limit_info": limits}, "quotaLimits": limits}
        self.fail(step, text, "rate_limit", until, apiError="usage_limit_reached", apiErrorStatus=429, **info)
        note = f"Usage limit reached · continuing automatically at {clock(until)} · esc to cancel"
        self.transcript.note(note)
        self.view.add("note", note)
        self.view.notice = [
            f"⚠ Usage limit reached · limit resets {clock(until)}",
            f"  Continuing automatically at {clock(until)} · Esc to cancel",
        ]
        self.resume_at = until

    def cancel_resume(self) -> None:
        """Escape at a limit: stay there."""
        note = "Automatic continue cancelled · /rate-limit-options to re-arm"
        self.resume_at, self.view.notice = None, []
        self.transcript.note(note)
        self.view.add("note", note)

    def next_text(self) -> str:
        """The present step's text, for the spinner."""
        step = self.script[self.position] if self.position < len(self.script) else None
        return "Thinking" if step is None or step.name in TEXTS else "Working"
