"""Ends and new beginnings."""

from __future__ import annotations

from tests.recorder.codex import Codex
from tests.recorder.replies import Hold, Say
from tests.recorder.scenario import scenario


@scenario("codex", "shell-after-ctrl-c")
def two_interrupts(s: Codex) -> None:
    s.terminal.keys("C-c")
    if not s.terminal.comes(lambda: s.terminal.command() == "bash", 0.3):
        s.terminal.keys("C-c")
    s.terminal.wait(lambda: s.terminal.command() == "bash", "the shell", 10)
    s.terminal.settle()
    s.snap("shell-after-ctrl-c", "idle")


@scenario("codex", "shell-after-kill-idle", "prompt-resumed", "shell-after-kill-busy", wide=True)
def killed(s: Codex) -> None:
    s.say("something to come back to", (Say("Come back to this."),))
    s.answered("Come back to this")
    session = s.newest_session()
    s.terminal.kill_client()
    s.terminal.settle()
    s.snap("shell-after-kill-idle", "idle")
    s.launch("resume", session)
    s.terminal.await_text("Come back to this", 20)
    s.terminal.settle(1.0)
    s.snap("prompt-resumed", "prompt")
    s.say("something that never ends", (Hold(), Say("It ended.")))
    s.taken("something that never ends")
    s.terminal.kill_client()
    s.terminal.settle()
    s.snap("shell-after-kill-busy", "idle")


@scenario("codex", "picker-resume", own_start=True)
def resume_picker(s: Codex) -> None:
    if s.terminal.command() != "bash":
        s.terminal.kill_client()
    s.start("resume")
    s.terminal.await_text(r"Resume a previous session", 12)
    s.terminal.settle()
    s.snap("picker-resume", "waiting_approval", dialog="picker")
    s.terminal.kill_client()
