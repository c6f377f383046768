"""A user's own hooks, approvals that another model gives, and a client whose background server has ended."""

from __future__ import annotations

import json
import os
import signal

from tests.recorder.codex import Codex
from tests.recorder.codex_scenarios.dialogs import escalated
from tests.recorder.model_codex import REVIEW_KEY
from tests.recorder.replies import Hold, Say
from tests.recorder.scenario import scenario
from tests.recorder.terminal import NotReached

AUTO = ("-c", "'approvals_reviewer=\"auto_review\"'", "-a", "on-request", "-s", "workspace-write")


@scenario("codex", "dialog-hooks", "busy-hook", own_start=True)
def hooks(s: Codex) -> None:
    s.configure()
    command = [{"hooks": [{"type": "command", "command": "sleep 78"}]}]
    file = s.home / "hooks.json"
    file.write_text(json.dumps({"hooks": {"UserPromptSubmit": command}}))
    try:
        with_hook(s)
    finally:
        file.unlink()
        s.terminal.kill_client()


def with_hook(s: Codex) -> None:
    """The client asks whether it may run it, and does."""
    s.start()
    s.terminal.await_text("Hooks need review", 40)
    s.terminal.settle()
    s.snap("dialog-hooks", "waiting_approval", dialog="other")
    s.terminal.keys("Down", "Enter")
    s.terminal.wait(lambda: not s.terminal.shows("Hooks need review"), "its end", 20)
    s.terminal.settle()
    s.type("look at the hooks")
    s.terminal.keys("Enter")
    s.terminal.wait(lambda: s.running("sleep 78"), "the hook", 20)
    s.terminal.settle()
    s.snap("busy-hook", "running")


@scenario("codex", "busy-reviewed", "prompt-after-denial", own_start=True)
def reviewed(s: Codex) -> None:
    s.configure()
    s.launch(*AUTO)
    denied = {"risk_level": "high", "user_authorization": "low", "outcome": "deny", "rationale": "Nobody asked for it."}
    s.script.on(REVIEW_KEY, (Hold(), Say(json.dumps(denied))))
    s.say("fetch the prices", (Say("I need the network."), escalated("touch ~/outside; ls ~")), (Say("So I stop."),))
    s.terminal.wait(lambda: s.script.asked(REVIEW_KEY) > 0, "the review", 20)
    s.terminal.settle()
    s.not_run()
    s.snap("busy-reviewed", "running")
    s.script.release()
    s.answered("So I stop", 20)
    s.not_run()
    s.snap("prompt-after-denial", "prompt")
    s.terminal.kill_client()


@scenario("codex", "own-server-lost", "own-server-given-up", own_start=True)
def server_lost(s: Codex) -> None:
    s.configure()
    s.launch()
    s.terminal.settle(3.0, 20.0)
    s.say("say a word", (Say("A word, said."),))
    s.answered("A word, said")
    file = s.home / "app-server-daemon" / "daemon.pid"
    if not file.exists():
        raise NotReached("this release starts no background server")
    os.kill(json.loads(file.read_text())["pid"], signal.SIGKILL)
    s.terminal.await_text("Reconnecting to server", 20)
    s.terminal.settle()
    s.snap("own-server-lost", "api_error", error="server")
    s.terminal.await_text("Reconnect failed", 150)
    s.terminal.settle()
    s.snap("own-server-given-up", "api_error", error="server")
    s.terminal.kill_client()
