"""The view of all agents, which moves the conversation into the background."""

from __future__ import annotations

from tests.recorder.claude import Claude
from tests.recorder.replies import Say
from tests.recorder.scenario import scenario

VIEW = r"describe a task for a new session"


def open_view(s: Claude) -> None:
    s.terminal.keys("Left")
    s.terminal.await_text(VIEW, 15)
    s.terminal.settle()


@scenario("claude", "view-agents-idle", "view-agents-typed")
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
    s.terminal.kill_client()
