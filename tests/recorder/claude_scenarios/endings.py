"""Ends and new beginnings: exits, killed clients, resumed conversations, the resume picker."""

from __future__ import annotations

import json
import time

from tests.recorder.claude import Claude
from tests.recorder.claude_scenarios.errors import limit
from tests.recorder.maker import stand_in
from tests.recorder.namespace import HOME
from tests.recorder.replies import Hold, Say
from tests.recorder.scenario import scenario
from tests.recorder.terminal import NotReached

LONG_AGO_HOURS = 30
RESUME_EARLY = {
    "CLAUDE_CODE_RESUME_THRESHOLD_MINUTES": "1",
    "CLAUDE_CODE_RESUME_TOKEN_THRESHOLD": "10",
    "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "",
    "DISABLE_TELEMETRY": "",
}
MANY_TOKENS = 180_000


@scenario("claude", "shell-after-ctrl-c", "shell-typed")
def two_interrupts(s: Claude) -> None:
    s.terminal.keys_taken("C-c")
    s.terminal.keys("C-c")
    s.terminal.wait(lambda: s.terminal.command() == "bash", "the shell", 10)
    s.terminal.settle()
    s.snap("shell-after-ctrl-c", "idle")
    s.terminal.type("git status --short")
    s.terminal.settle()
    s.snap("shell-typed", "idle")


@scenario("claude", "shell-after-kill-idle", "prompt-resumed", wide=True)
def killed_idle(s: Claude) -> None:
    s.say("something to come back to", (Say("Come back to this."),))
    s.answered("Come back to this")
    session = s.newest_session()
    s.terminal.kill_client()
    s.terminal.settle()
    s.snap("shell-after-kill-idle", "idle")
    s.launch("--resume", session)
    s.terminal.settle(1.0)
    s.snap("prompt-resumed", "prompt")


@scenario("claude", "shell-after-kill-busy", "prompt-resumed-mid-turn")
def killed_busy(s: Claude) -> None:
    s.say("something that never ends", (Hold(), Say("It ended.")))
    s.taken("something that never ends")
    session = s.newest_session()
    s.terminal.kill_client()
    s.terminal.settle()
    s.snap("shell-after-kill-busy", "idle")
    s.script.release()
    s.launch("--resume", session)
    s.terminal.settle(1.0)
    if s.script.in_flight == 0:
        s.snap("prompt-resumed-mid-turn", "prompt")


@scenario("claude", "shell-after-kill-dialog")
def killed_at_dialog(s: Claude) -> None:
    from tests.recorder.claude_scenarios.dialogs import PERMISSION
    from tests.recorder.claude_scenarios.talk import bash

    s.say("clean it all up", (bash("rm -rf ./nowhere; touch ~/outside"),))
    s.dialog_stands(PERMISSION)
    s.terminal.settle()
    s.terminal.kill_client()
    s.terminal.settle()
    s.snap("shell-after-kill-dialog", "idle")


@scenario("claude", "prompt-resumed-wall", "shell-after-kill-wall", modes=("oauth",), own_start=True)
def resumed_after_wall(s: Claude) -> None:
    s.restart()
    failure, _ = limit()
    s.say("look at the old stock", (failure,))
    s.terminal.await_text(r"limit", 10)
    s.at_rest("look at the old stock")
    session = s.newest_session()
    s.terminal.kill_client()
    s.terminal.settle()
    s.snap("shell-after-kill-wall", "idle")
    s.launch("--resume", session)
    s.terminal.settle(1.0)
    s.snap("prompt-resumed-wall", "prompt")


@scenario("claude", "picker-resume", own_start=True)
def resume_picker(s: Claude) -> None:
    if s.terminal.command() != "bash":
        s.terminal.kill_client()
    s.start("--resume")
    s.terminal.await_text(r"Resume (a )?(conversation|session)|Modified|ago", 12)
    s.terminal.settle()
    look = s.take()
    if s.at_prompt():
        raise NotReached("the client is at its prompt")
    s.write("picker-resume", look, state="waiting_approval", dialog="picker")
    s.terminal.kill_client()


@scenario("claude", "dialog-resume-summary", own_start=True)
def resume_from_summary(s: Claude) -> None:
    s.restart()
    for number in range(2):
        s.say(f"talk of chapter {number}", (Say(f"Chapter {number} is told."),))
        s.answered(f"Chapter {number} is told")
    session = s.newest_session()
    s.terminal.kill_client()
    path = next(each for each in s.transcripts() if each.stem == session)
    path.write_text("".join(_aged(line) for line in path.read_text().splitlines()))
    s.configure(features={"tengu_gleaming_fair": True, "tengu_gleaming_fair_reuse": True})
    trusted = {"NODE_EXTRA_CA_CERTS": str(stand_in(HOME))}
    s.start("--resume", session, extra={**RESUME_EARLY, **trusted})
    s.configure()
    s.terminal.await_text(r"Resume from summary|Resume full session", 10)
    s.terminal.settle()
    s.snap("dialog-resume-summary", "waiting_approval", dialog="resume")
    s.terminal.kill_client()


def _aged(line: str) -> str:
    """A transcript's line as if written long ago in a conversation that had grown big."""
    record = json.loads(line)
    if "timestamp" in record:
        then = time.gmtime(time.time() - LONG_AGO_HOURS * 3600)
        record["timestamp"] = time.strftime("%Y-%m-%dT%H:%M:%S.000Z", then)
    usage = (record.get("message") or {}).get("usage") if isinstance(record.get("message"), dict) else None
    if usage:
        usage["input_tokens"] = MANY_TOKENS
    return json.dumps(record) + "\n"
