"""What stands in the composer and was not sent."""

from __future__ import annotations

from tests.recorder.codex import Codex
from tests.recorder.scenario import scenario


@scenario("codex", "draft-typed", "draft-multiline", "draft-pasted", wide=True)
def drafts(s: Codex) -> None:
    s.type("half typed message not sent")
    s.terminal.settle()
    s.snap("draft-typed", "prompt", draft=True)
    s.clear()
    s.terminal.paste("first line of a note\nsecond line of it\nthird line, unsent")
    s.terminal.await_text("third line, unsent", 5)
    s.terminal.settle()
    s.snap("draft-multiline", "prompt", draft=True)
    s.restart()
    s.terminal.paste(
        "\n".join(f"row {number} of a long pasted text that nobody has sent so far" for number in range(40))
    )
    s.terminal.await_text(r"Pasted", 5)
    s.terminal.settle()
    s.snap("draft-pasted", "prompt", draft=True)
    s.restart()


@scenario("codex", "draft-slash", "draft-slash-word", "draft-at", "draft-shell", "prompt-shortcuts")
def first_characters(s: Codex) -> None:
    for name, text in {
        "draft-slash": "/",
        "draft-slash-word": "/mod",
        "draft-at": "look at @src",
        "draft-shell": "!ls",
    }.items():
        s.terminal.at_a_pace(*text, seconds=0.05, literal=True)
        s.terminal.settle(0.8)
        s.snap(name, "prompt", draft=True)
        s.restart()
    s.terminal.type("?")
    if s.waits_for(r"for shell commands|for newline|for commands"):
        s.terminal.settle()
        s.snap("prompt-shortcuts", "prompt")
    s.restart()
