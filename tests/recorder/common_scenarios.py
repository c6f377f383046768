"""What every client shows alike: an answer, a turn in progress with a text queued behind it, an exit."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from tests.recorder.client import Client
from tests.recorder.replies import Hold, Say
from tests.recorder.scenario import scenario

LATE_SECONDS = 7.0
"""A turn that old shows its seconds and what it does."""


def of_every_client(*names: str) -> Callable[[Callable[[Any], None]], Callable[[Any], None]]:
    """Register a scenario for each agent."""

    def register(run: Callable[[Any], None]) -> Callable[[Any], None]:
        for agent in ("claude", "codex"):
            scenario(agent, *names, wide=True)(run)
        return run

    return register


@of_every_client("prompt-after-answer")
def answer(s: Client) -> None:
    s.say("read the files of the basket", (Say("I have finished reading the files. Shall I continue?"),))
    s.answered("Shall I continue")
    s.snap("prompt-after-answer", "prompt")


@of_every_client("busy-early", "busy-late", "busy-typed", "busy-queued", "prompt-after-queue")
def busy(s: Client) -> None:
    s.script.on("and also look at the prices", (Say("The prices are fine too."),))
    s.say("think about the prices", (Hold(), Say("Thinking is done.")))
    s.taken("think about the prices")
    s.snap("busy-early", "running")
    time.sleep(LATE_SECONDS)  # the same turn, so much later
    s.snap("busy-late", "running")
    s.type("and also look at the prices")
    s.snap("busy-typed", "running", draft=True)
    s.terminal.keys(s.queues)
    s.taken("and also look at the prices")
    s.snap("busy-queued", "running")
    s.script.release()
    s.answered("prices are fine too")
    s.snap("prompt-after-queue", "prompt")


@of_every_client("shell-after-exit")
def exit_command(s: Client) -> None:
    s.say("one last thing before the end", (Say("That was the last thing."),))
    s.answered("That was the last thing")
    s.type(s.exits)
    s.terminal.keys("Enter")
    s.terminal.wait(lambda: s.terminal.command() == "bash", "the shell", 10)
    s.terminal.settle()
    s.snap("shell-after-exit", "idle")
