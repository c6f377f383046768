"""User input to a session: keys, slash commands, and lines that tests write into its control pipe."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

from fleetscripts.practice import dialog as dialogs
from fleetscripts.practice.script import Step
from fleetscripts.practice.session import Session
from fleetscripts.practice.transcript import new_id
from fleetscripts.practice.view import clock

AGAIN_SECONDS = 1.0
LONGEST_FREEZE_SECONDS = 60.0
_MODES = ["default", "acceptEdits", "plan", "bypassPermissions"]


class ClientExit(Exception):
    """The user ends the client. ``reason``: for the SessionEnd hook."""


class Controls:
    """Applies keys and commands to the session."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.again_until = 0.0
        self._again_key = ""

    def event(self, kind: str, value: str) -> None:
        """One key, typed text or paste."""
        session = self.session
        if session.dialog is not None:
            self._answer(session.dialog, kind, value)
        elif session.view.overlay:
            if value in ("escape", "c-o", "c-c"):
                session.view.overlay = []
        elif kind == "text":
            session.box.type(value)
        elif kind == "paste":
            session.box.paste(value)
        else:
            self._key(value)

    def _answer(self, dialog: dialogs.Dialog, kind: str, value: str) -> None:
        row = dialog.key(kind, value)
        if row is None:
            return
        self.session.dialog = None
        if dialog.name in ("permission", "question", "plan") and self.session.turn is not None:
            self.session.advance(row)
        self.session.show_status()

    def _key(self, name: str) -> None:
        session = self.session
        if name == "enter":
            self._enter()
        elif name == "newline":
            session.box.type("\n")
        elif name == "backspace":
            session.box.erase()
        elif name == "c-u":
            session.box.erase_line()
        elif name == "escape":
            self._escape()
        elif name in ("c-c", "c-d"):
            self._leave_or_clear(name)
        elif name == "up" and session.queue and not session.box:
            session.box.type("\n".join(session.queue))
            session.queue = []
        elif name == "c-o":
            session.view.overlay = ["Showing detailed transcript · ctrl+o to toggle", ""]
        elif name == "shift-tab":
            mode = session.mode if session.mode in _MODES else _MODES[0]
            session.set_mode(_MODES[(_MODES.index(mode) + 1) % len(_MODES)])

    def _enter(self) -> None:
        session = self.session
        plain, sent = session.box.plain(), session.box.sent()
        if not plain.strip():
            return
        parts = session.box.take()
        if plain.startswith("/"):
            self.command(plain.strip())
        else:
            session.submit(sent, parts)

    def _escape(self) -> None:
        if self.session.turn is not None:
            self.session.interrupt()
        elif self.session.resume_at is not None:
            self.session.cancel_resume()

    def _leave_or_clear(self, key: str) -> None:
        session, now = self.session, time.time()
        if key == self._again_key and now < self.again_until:
            raise ClientExit("prompt_input_exit")
        if key == "c-c" and session.turn is None and session.resume_at is not None:
            session.cancel_resume()
            return
        if key == "c-c" and session.turn is not None:
            session.interrupt()
        if key == "c-c":
            session.box.take()
        self._again_key, self.again_until = key, now + AGAIN_SECONDS
        session.view.hint = f"Press {'Ctrl-C' if key == 'c-c' else 'Ctrl-D'} again to exit"

    def command(self, line: str) -> None:
        """A slash command."""
        session = self.session
        name = line.split()[0]
        if name in ("/exit", "/quit"):
            raise ClientExit("prompt_input_exit")
        if name == "/clear":
            self._clear()
        elif name == "/compact":
            self._compact()
        elif name == "/model":
            session.dialog = dialogs.model()
        elif name == "/rate-limit-options":
            session.dialog = dialogs.limit(clock(session.resume_at or time.time()))
        else:
            session.view.add("result", f"Unknown command: {name}")
        session.show_status()

    def _clear(self) -> None:
        session = self.session
        session.interrupt()
        session.hooks.run("SessionEnd", reason="clear")
        registry = session.registry
        session.open(new_id())
        session.registry = registry
        session.view.entries = []
        session.script, session.position = [], 0
        if registry is not None:
            registry.rename(session.session_id)
        session.hooks.run("SessionStart", source="clear", model="practice")

    def _compact(self) -> None:
        session = self.session
        session.hooks.run("PreCompact", trigger="manual")
        left = " ".join(f"[[{step.name} {step.argument}]]" for step in session.script[session.position :])
        session.transcript.compacted(f"Still to do: {left or 'nothing'}")
        session.view.add("note", "Conversation compacted · ctrl+o for history")
        session.hooks.run("PostCompact", trigger="manual")

    def order(self, line: str) -> None:
        """``turn TEXT``, ``type TEXT``, ``dialog NAME``, ``wall SECONDS``, ``freeze FILE``, ``crash`` or ``exit``."""
        word, _, rest = line.partition(" ")
        session = self.session
        if word == "turn":
            session.submit(rest.replace("\\n", "\n"))
        elif word == "type":
            session.box.type(rest)
        elif word == "dialog":
            session.dialog = _dialog_named(rest, session.cwd)
            session.show_status()
        elif word == "wall":
            session.submit(f"[[ratelimit {rest}]]")
        elif word == "freeze":
            _freeze(Path(rest))
        elif word == "crash":
            os.kill(os.getpid(), signal.SIGKILL)
        elif word == "exit":
            raise ClientExit("other")


def _freeze(file: Path) -> None:
    """Block while the file exists; it is created to show the start: simulates a stalled machine."""
    file.touch()
    end = time.monotonic() + LONGEST_FREEZE_SECONDS
    while file.exists() and time.monotonic() < end:
        time.sleep(0.005)


def _dialog_named(name: str, cwd: str) -> dialogs.Dialog:
    step = Step("bash", "rm -rf ./build", 0)
    made = {
        "permission": lambda: dialogs.permission(step, cwd),
        "plan": lambda: dialogs.plan(Step("plan", "", 0)),
        "question": lambda: dialogs.questions(Step("ask", "", 0))[0],
        "limit": lambda: dialogs.limit(clock(time.time())),
        "model": dialogs.model,
        "trust": lambda: dialogs.trust(cwd),
        "bypass": dialogs.bypass,
    }
    return made.get(name, dialogs.model)()
