"""A conversation: turns, tools, drafts and queues while busy, interrupts, completion."""

from __future__ import annotations

import time

from tests.recorder.claude import Claude
from tests.recorder.replies import Call, Hold, Say, Slow
from tests.recorder.scenario import scenario
from tests.recorder.terminal import NotReached

LATE_SECONDS = 7.0
WORDS = "Reading one file after the other, then the tests, and noting what each of them needs from the basket. "
DONE = "All steps complete.\n\nCHECKPOINT:pr-address\n\nORCHESTRATOR:DONE"


def bash(command: str, description: str = "Run a command") -> Call:
    """A call of the shell tool."""
    return Call("Bash", {"command": command, "description": description})


def allow(s: Claude) -> None:
    """Answer a permission dialog with yes where this mode shows one."""
    try:
        s.terminal.await_text(r"Do you want to", 2.5)
    except NotReached:
        return
    s.terminal.settle()
    s.terminal.keys("Enter")


@scenario("claude", "busy-streaming", "busy-streaming-later", wide=True)
def streaming(s: Claude) -> None:
    s.say("tell me what you read", (Slow(WORDS * 12),))
    s.waits_for("then the tests", 4)
    s.snap("busy-streaming", "running")
    time.sleep(LATE_SECONDS)  # the same turn, so much later
    if s.script.in_flight:
        s.snap("busy-streaming-later", "running")
    s.script.release()
    s.turn_over()


@scenario("claude", "busy-tool", "busy-after-tool", wide=True)
def tool(s: Claude) -> None:
    s.say(
        "run the slow tests", (Say("I run the tests."), bash("sleep 9.5 && echo tests passed")), (Hold(), Say("Good."))
    )
    allow(s)
    s.terminal.wait(lambda: s.running("sleep 9.5"), "the running command", 5)
    s.terminal.settle(seconds=2.2)
    if s.running("sleep 9.5"):
        s.snap("busy-tool", "running")
    s.terminal.wait(lambda: s.script.asked("run the slow tests", 1) > 0, "the tool's result", 10)
    s.drawn()
    s.snap("busy-after-tool", "running")
    s.script.release()
    s.turn_over()


@scenario("claude", "prompt-after-interrupt", "prompt-interrupted-answer", wide=True)
def interrupt(s: Claude) -> None:
    prompt = "count the shelves slowly"
    s.say(prompt, (Hold(), Say("Never said.")))
    s.drawn()
    s.terminal.keys("Escape")
    s.terminal.wait(lambda: s.script.in_flight == 0, "the end of the request", 8)
    s.turn_over()
    boxed = s.boxed(prompt)
    s.snap("prompt-after-interrupt", "prompt", **({"draft": True} if boxed else {}))
    s.clear()
    s.ready()
    s.say("tell me of the shelves", (Slow(WORDS * 12),))
    s.waits_for("then the tests", 4)
    s.terminal.keys("Escape")
    s.terminal.wait(lambda: s.script.in_flight == 0, "the end of the request", 8)
    s.turn_over()
    if not s.boxed("tell me of the shelves"):
        s.snap("prompt-interrupted-answer", "prompt")


@scenario("claude", "prompt-interrupted-tool")
def interrupt_tool(s: Claude) -> None:
    s.say("run the endless check", (bash("./check.sh"),))
    allow(s)
    s.terminal.wait(lambda: s.running("sleep 77"), "the running command", 5)
    s.drawn()
    s.terminal.keys("Escape")
    s.terminal.wait(lambda: not s.running("sleep 77"), "the end of the command", 8)
    s.turn_over()
    s.snap("prompt-interrupted-tool", "prompt")


@scenario("claude", "complete-marker", "prompt-after-complete", wide=True)
def complete(s: Claude) -> None:
    s.say("finish all steps", (Say(DONE),))
    s.answered("ORCHESTRATOR:DONE")
    s.snap("complete-marker", "complete")
    s.say("thank you, one more question", (Say("Ask away, which one is it?"),))
    s.answered("which one is it")
    s.snap("prompt-after-complete", "prompt")


@scenario("claude", "prompt-checkpoint")
def checkpoint(s: Claude) -> None:
    s.say("say which checkpoint you reached", (Say("The tests pass.\n\nCHECKPOINT:implement"),))
    s.answered("CHECKPOINT:implement")
    s.snap("prompt-checkpoint", "prompt")


@scenario("claude", "busy-todo")
def todo(s: Claude) -> None:
    items = [
        {"content": "Read the basket", "status": "completed", "activeForm": "Reading the basket"},
        {"content": "Write the tests", "status": "in_progress", "activeForm": "Writing the tests"},
        {"content": "Fix the sum", "status": "pending", "activeForm": "Fixing the sum"},
    ]
    s.say("plan it as a list", (Call("TodoWrite", {"todos": items}),), (Hold(), Say("Listed.")))
    s.terminal.wait(lambda: s.script.asked("plan it as a list", 1) > 0, "the list's result", 8)
    s.drawn()
    s.terminal.settle()
    s.snap("busy-todo", "running")
    s.script.release()
    s.turn_over()
