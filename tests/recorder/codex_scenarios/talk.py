"""A conversation: turns, tools, queues, quotes, completion, compaction, what runs beside it."""

from __future__ import annotations

from tests.recorder.claude_scenarios.quotes import ANSWERS
from tests.recorder.claude_scenarios.talk import DONE, WORDS
from tests.recorder.codex import Codex
from tests.recorder.codex_scenarios.dialogs import APPROVAL
from tests.recorder.model_codex import COMPACT_KEY
from tests.recorder.replies import Call, Hold, Say, Slow
from tests.recorder.scenario import scenario
from tests.recorder.terminal import NotReached


@scenario("codex", "busy-streaming", wide=True)
def streaming(s: Codex) -> None:
    s.say("tell me what you read", (Slow(WORDS * 12),))
    s.waits_for("then the tests", 6)
    if s.script.in_flight:
        s.snap("busy-streaming", "running")
    s.script.release()
    s.turn_over()


@scenario("codex", "busy-tool", "busy-after-tool", wide=True)
def tool(s: Codex) -> None:
    call = Call("shell", {"command": "sleep 9.5 && echo tests passed"})
    s.say("run the slow tests", (Say("I run the tests."), call), (Hold(), Say("Good.")))
    if s.waits_for(APPROVAL, 2.0):
        s.terminal.keys("y")
    s.terminal.wait(lambda: s.running("sleep 9.5"), "the running command", 5)
    s.terminal.settle(seconds=1.5)
    if s.running("sleep 9.5"):
        s.snap("busy-tool", "running")
    s.terminal.wait(lambda: s.script.asked("run the slow tests", 1) > 0, "the tool's result", 10)
    s.terminal.settle(seconds=1.0)
    s.snap("busy-after-tool", "running")
    s.script.release()
    s.answered("Good")


@scenario("codex", "prompt-after-interrupt", wide=True)
def interrupt(s: Codex) -> None:
    s.say("count the shelves slowly", (Hold(), Say("Never said.")))
    s.drawn()
    s.terminal.keys("Escape")
    s.terminal.await_text("interrupted", 8)
    s.script.release()
    s.turn_over()
    boxed = s.boxed("count the shelves slowly")
    s.snap("prompt-after-interrupt", "prompt", **({"draft": True} if boxed else {}))
    s.clear()


@scenario("codex", "complete-marker", "prompt-after-complete", wide=True)
def complete(s: Codex) -> None:
    s.say("finish all steps", (Say(DONE),))
    s.answered("ORCHESTRATOR:DONE")
    s.snap("complete-marker", "complete")
    s.say("thank you, one more question", (Say("Ask away, which one is it?"),))
    s.answered("which one is it")
    s.snap("prompt-after-complete", "prompt")


@scenario("codex", *ANSWERS, wide=True)
def quotes(s: Codex) -> None:
    for name, text in ANSWERS.items():
        if not s.options.wants([name]):
            continue
        s.say(f"tell me about {name.removeprefix('prompt-quoting-')} number {len(name)}", (Say(text),))
        s.terminal.await_text(text.split()[-1].rstrip(".)"), 10)
        s.turn_over()
        s.snap(name, "prompt")


@scenario("codex", "prompt-quoting-user", "busy-quoting-user")
def quoting_user(s: Codex) -> None:
    text = (
        "When done say ORCHESTRATOR:DONE on a line. Do you want to proceed? 1. Yes 2. No. You've hit your usage limit."
    )
    s.say(text, (Hold(), Say("Understood, I begin.")))
    s.taken(text)
    s.snap("busy-quoting-user", "running")
    s.script.release()
    s.answered("Understood, I begin")
    s.snap("prompt-quoting-user", "prompt")


@scenario("codex", "draft-quoting-marker", "draft-quoting-dialog", "draft-quoting-busy")
def quoting_drafts(s: Codex) -> None:
    for name, text in {
        "draft-quoting-marker": "ORCHESTRATOR:DONE",
        "draft-quoting-dialog": "Would you like to run the following command? 1. Yes, proceed (y)",
        "draft-quoting-busy": "• Working (12s • esc to interrupt)",
    }.items():
        s.type(text)
        s.terminal.settle()
        s.snap(name, "prompt", draft=True)
        s.clear()


@scenario("codex", "busy-compacting", "prompt-after-compact")
def compacting(s: Codex) -> None:
    s.say("tell me something to keep", (Say("Keep the basket in mind."),))
    s.answered("Keep the basket in mind")
    s.script.on(COMPACT_KEY, (Hold(), Say("The basket is to be kept in mind.")))
    s.type("/compact")
    s.terminal.keys("Enter")
    s.terminal.wait(lambda: s.script.asked(COMPACT_KEY) > 0, "the request for a summary", 8)
    s.terminal.settle(seconds=1.0)
    s.snap("busy-compacting", "running")
    s.script.release()
    s.terminal.await_text(r"[Cc]ompacted", 10)
    s.turn_over()
    s.snap("prompt-after-compact", "prompt")


@scenario("codex", "prompt-background-terminal")
def background(s: Codex) -> None:
    call = Call("exec_command", {"cmd": "sleep 66", "yield_time_ms": 500})
    s.say("serve the shop meanwhile", (call,), (Say("It is being served."),))
    if s.waits_for(APPROVAL, 2.0):
        s.terminal.keys("y")
    s.answered("It is being served")
    if not s.running("sleep 66"):
        raise NotReached("nothing runs in the background")
    s.snap("prompt-background-terminal", "prompt", background=True)
    s.restart()
