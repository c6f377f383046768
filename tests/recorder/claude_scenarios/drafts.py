"""What stands in the input box and was not sent."""

from __future__ import annotations

from tests.recorder.claude import Claude
from tests.recorder.claude_scenarios.talk import bash
from tests.recorder.model_claude import SUGGEST_KEY
from tests.recorder.replies import Say
from tests.recorder.scenario import scenario


@scenario("claude", "draft-typed", wide=True)
def typed(s: Claude) -> None:
    s.type("half typed message not sent")
    s.terminal.settle()
    s.snap("draft-typed", "prompt", draft=True)
    s.clear()


@scenario("claude", "draft-multiline", "draft-long")
def several_lines(s: Claude) -> None:
    s.terminal.paste("first line of a note\nsecond line of it\nthird line, unsent")
    s.terminal.await_text("third line, unsent|Pasted text", 5)
    s.terminal.settle()
    s.snap("draft-multiline", "prompt", draft=True)
    for _ in range(4):
        s.clear()
    s.ready()
    s.type("a single sentence that goes on and on over more than one row of the box, " * 5 + "until here")
    s.terminal.settle()
    s.snap("draft-long", "prompt", draft=True)


@scenario("claude", "draft-pasted", wide=True)
def pasted(s: Claude) -> None:
    s.terminal.paste(
        "\n".join(f"row {number} of a long pasted text that nobody has sent so far" for number in range(40))
    )
    s.terminal.await_text(r"Pasted text #\d", 6)
    s.terminal.settle()
    s.snap("draft-pasted", "prompt", draft=True)
    s.clear()


@scenario("claude", "draft-slash", "draft-slash-word", "draft-at", "draft-shell", "draft-memory", "prompt-shortcuts")
def first_characters(s: Claude) -> None:
    for name, text in {
        "draft-slash": "/",
        "draft-slash-word": "/mod",
        "draft-at": "look at @src",
        "draft-shell": "!ls",
        "draft-memory": "#remember the prices",
    }.items():
        s.terminal.keys_taken(text[0])
        if len(text) > 1:
            s.terminal.type(text[1:])
        s.terminal.settle(0.8)
        s.snap(name, "prompt", draft=True)
        s.terminal.at_a_pace("Escape", "Escape", "Escape", seconds=0.1)
        s.ready()
    s.terminal.type("?")
    if s.waits_for(r"for bash mode|! for|shortcuts|double tap esc"):
        s.terminal.settle()
        s.snap("prompt-shortcuts", "prompt")
    s.terminal.keys("Escape")


@scenario("claude", "prompt-shell-command")
def shell_mode(s: Claude) -> None:
    s.terminal.keys_taken("!")
    s.type("echo ORCHESTRATOR:DONE")
    s.terminal.keys("Enter")
    s.terminal.await_text("ORCHESTRATOR:DONE.*ORCHESTRATOR:DONE", 8)
    s.turn_over()
    s.snap("prompt-shell-command", "prompt")


@scenario("claude", "prompt-suggestion", own_start=True)
def suggestion(s: Claude) -> None:
    s.restart(extra={"CLAUDE_CODE_ENABLE_PROMPT_SUGGESTION": "true"})
    s.script.on(SUGGEST_KEY, (Say("run the tests again"),))
    for number in range(3):
        s.say(f"look at file number {number}", (bash("true"),), (Say(f"I looked at number {number}."),))
        s.answered(f"I looked at number {number}")
    s.terminal.wait(lambda: s.script.asked(SUGGEST_KEY) > 0, "a request for a suggestion", 5)
    s.terminal.await_text("run the tests again", 5)
    s.terminal.settle()
    s.snap("prompt-suggestion", "prompt")


@scenario("claude", "prompt-ctrl-c-once", "prompt-escape-once")
def half_way_out(s: Claude) -> None:
    s.terminal.keys("C-c")
    s.terminal.await_text(r"Press Ctrl-C again", 3)
    s.snap("prompt-ctrl-c-once", "prompt")
    s.terminal.wait(lambda: not s.terminal.shows(r"Press Ctrl-C again"), "the end of the hint", 5)
    s.ready()
    s.type("a note")
    s.terminal.keys("Escape")
    if s.waits_for(r"Esc again|again to clear"):
        s.snap("prompt-escape-once", "prompt", draft=True)
    s.clear()
