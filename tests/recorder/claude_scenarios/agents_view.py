"""The view of all agents, which moves the conversation into the background."""

from __future__ import annotations

from tests.recorder.claude import Claude
from tests.recorder.replies import Hold, Say
from tests.recorder.scenario import scenario

VIEW = r"describe a task for a new session"


def open_view(s: Claude) -> None:
    s.terminal.keys("Left")
    s.terminal.await_text(VIEW, 15)
    s.terminal.settle()


@scenario(
    "claude", "view-agents-idle", "view-agents-typed", "view-agents-other", "view-agents-help", "prompt-after-agents",
    "busy-after-agents",
)  # fmt: skip
def agents_view(s: Claude) -> None:
    s.since("2.1.332", "what this view shows")
    s.say("say a word", (Say("A word, said."),))
    s.answered("A word, said")
    open_view(s)
    s.snap("view-agents-idle", "waiting_approval", dialog="view")
    s.terminal.type("mend the basket")
    s.terminal.await_text(r"enter to create")
    s.terminal.settle()
    s.snap("view-agents-typed", "waiting_approval", dialog="view")
    s.script.on("mend the basket", (Say("The basket is mended."),))
    s.terminal.keys("Enter")
    s.terminal.await_text(r"The basket is mended", 20)
    s.terminal.settle()
    s.snap("view-agents-other", "waiting_approval", dialog="view")
    s.terminal.type("?")
    s.terminal.settle()
    s.snap("view-agents-help", "waiting_approval", dialog="view")
    s.terminal.keys("Escape")
    s.terminal.settle()
    for _ in range(3):
        if s.terminal.shows(VIEW):
            s.terminal.keys("Escape")
            s.terminal.settle()
    s.terminal.await_text(r"A word, said")
    s.snap("prompt-after-agents", "prompt")
    s.say("count the shirts", (Hold(), Say("There are nine.")))
    s.terminal.await_text(r"esc to interrupt|…")
    s.snap("busy-after-agents", "running")
    s.script.release()
    s.terminal.await_text(r"There are nine")
    s.terminal.kill_client()
