"""The practice agent: a small terminal program that looks and behaves like Claude Code, and does what its messages
script.

Started as ``python -I -S …/agent.py``; see ``options`` for its arguments and ``script`` for the script language. It
keeps the client's files (transcript, session registry) under the config dir, and wakes only for keys, ended commands
and the spinner."""

from __future__ import annotations

import os
import select
import signal
import sys
import time

if __name__ == "__main__":
    sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))

from fleetscripts.practice import dialog as dialogs
from fleetscripts.practice.controls import ClientExit, Controls
from fleetscripts.practice.keys import Keys
from fleetscripts.practice.options import Options
from fleetscripts.practice.session import Session
from fleetscripts.practice.startup import control_pipe, remember, session_for, startup_dialogs
from fleetscripts.practice.terminal import Terminal
from fleetscripts.practice.view import GLYPHS

SPINNER_SECONDS = 0.4
ESCAPE_SECONDS = 0.03


class Program:
    """The loop around a session: waits for keys, signals, the control pipe and due times; draws."""

    def __init__(self, options: Options, session: Session, terminal: Terminal, source: str) -> None:
        self.session = session
        self.terminal = terminal
        self.keys = Keys()
        self.controls = Controls(session)
        self._options = options
        self._source = source
        self._startup = startup_dialogs(options, session)
        self._shown_at = 0.0
        self._live_at = time.time() + options.start_seconds
        seconds = options.die_seconds()
        self._die_at = None if seconds is None else time.time() + seconds
        self._pipe = control_pipe(options)
        self._wake, wakened = os.pipe()
        os.set_blocking(self._wake, False)
        os.set_blocking(wakened, False)
        signal.set_wakeup_fd(wakened, warn_on_full_buffer=False)
        for number in (signal.SIGCHLD, signal.SIGWINCH):
            signal.signal(number, lambda *_: None)
        for number in (signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, _leave)

    def run(self) -> int:
        """Runs until the user leaves; returns the exit status."""
        while True:
            self._due(time.time())
            self._draw()
            ready = select.select([0, self._wake, *self._pipe], [], [], self._timeout())[0]
            if self._wake in ready:
                os.read(self._wake, 4096)
                self.terminal.forget()
            for pipe in self._pipe:
                if pipe in ready:
                    for line in os.read(pipe, 65536).decode("utf-8", "replace").splitlines():
                        self.controls.order(line)
            if 0 in ready:
                data = self.terminal.read()
                if not data:
                    raise ClientExit("other")
                events = self.keys.feed(data)
            else:
                events = self.keys.settle()
            for kind, value in events:
                self._event(kind, value)

    def _live(self) -> bool:
        return self.session.registry is not None

    def _event(self, kind: str, value: str) -> None:
        if not self._startup:
            if self._live():
                self.controls.event(kind, value)
            return
        if time.time() < self._shown_at + dialogs.DEAF_SECONDS:
            return
        row = self._startup[0].key(kind, value)
        if row is None:
            self.terminal.draw_inline(_plain(self._startup[0], self.terminal.size()[0]))
        elif row in (dialogs.YES, dialogs.ACCEPT):
            remember(self._options.config_dir, self._startup.pop(0).name, self.session.cwd)
            self.terminal.clear_inline()
            self._shown_at = 0.0
        else:
            raise ClientExit("other")

    def _due(self, now: float) -> None:
        """Does what is due."""
        session = self.session
        if self._die_at is not None and now >= self._die_at:
            os.kill(os.getpid(), signal.SIGKILL)
        if not self._startup and not self._live() and now >= self._live_at:
            session.go_live(self._source)
        ended = [process for process in session.background if process.finished()]
        session.background = [process for process in session.background if process not in ended]
        if (session.running is not None and session.running.finished()) or (
            session.wake_at is not None and now >= session.wake_at
        ):
            session.advance("")
        elif session.turn is None and session.resume_at is not None and now >= session.resume_at:
            session.begin_turn()
        if session.view.hint and now >= self.controls.again_until:
            session.view.hint = ""
        if ended:
            session.show_status()

    def _timeout(self) -> float | None:
        """Seconds until something is due; None to wait for a key or a signal."""
        session, now = self.session, time.time()
        times = [session.wake_at, session.resume_at, self._die_at]
        times.append(now + ESCAPE_SECONDS if self.keys.waiting else None)
        times.append(now + SPINNER_SECONDS if session.turn is not None and session.dialog is None else None)
        times.append(self.controls.again_until if session.view.hint else None)
        times.append(self._live_at if not self._live() and not self._startup else None)
        due = [at for at in times if at is not None]
        return max(0.0, min(due) - now) if due else None

    def _draw(self) -> None:
        columns, rows = self.terminal.size()
        if self._startup:
            if not self._shown_at:
                self.terminal.draw_inline(_plain(self._startup[0], columns))
                self._shown_at = time.time()
            return
        if not self._live():
            return
        session = self.session
        session.view.shells = len(session.background)
        session.view.status = self._status()
        frame = session.view.frame(columns, rows, session.box.shown(), session.queue, session.dialog)
        self.terminal.draw(*frame)

    def _status(self) -> str:
        session = self.session
        if session.turn is None:
            return ""
        seconds = time.time() - session.turn_began
        glyph = GLYPHS[int(seconds / SPINNER_SECONDS) % len(GLYPHS)]
        if session.retrying:
            return f"{glyph} {session.retrying}"
        bracket = f" ({int(seconds)}s · ↓ 50 tokens)" if seconds >= 3 else ""
        return f"{glyph} {session.next_text()}…{bracket}"


def _leave(number: int, frame: object) -> None:
    raise ClientExit("other")


def _plain(dialog: dialogs.Dialog, columns: int) -> list[str]:
    return ["─" * columns, *(line[:columns] for line, _ in dialog.lines())]


def main() -> int:
    """Runs the practice agent in this terminal."""
    try:
        options = Options(sys.argv[1:], dict(os.environ))
        if not (os.isatty(0) and os.isatty(1)):
            raise ValueError("error: the practice agent needs a terminal")
        session, source = session_for(options)
    except ValueError as problem:
        print(problem, file=sys.stderr)
        return 1
    terminal = Terminal(f"{options.keylog}/{options.session_id}.keys" if options.keylog else "")
    program = Program(options, session, terminal, source)
    terminal.start("✳ Claude Code")
    try:
        return program.run()
    except ClientExit as leave:
        return _farewell(session, terminal, str(leave))


def _farewell(session: Session, terminal: Terminal, reason: str) -> int:
    live = session.registry is not None
    if live:
        session.hooks.run("SessionEnd", reason=reason)
    if session.running is not None:
        session.running.kill()
    if session.registry is not None:
        session.registry.leave()
    terminal.stop()
    if live and os.path.exists(session.transcript.path):
        mode = "" if session.mode == "default" else f"--permission-mode {session.mode} "
        terminal.write(f"\nResume this session with:\nclaude {mode}--resume {session.session_id}\n")
    return 0 if live else 1


if __name__ == "__main__":
    raise SystemExit(main())
