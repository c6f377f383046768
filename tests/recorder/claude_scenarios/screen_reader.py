"""What is drawn for a screen reader: no box, no rows that are pointed at, one line after the other."""

from __future__ import annotations

from tests.recorder.claude import Claude
from tests.recorder.claude_scenarios.dialogs import question
from tests.recorder.claude_scenarios.talk import bash
from tests.recorder.replies import Call, Hold, Reply, Say
from tests.recorder.scenario import scenario
from tests.recorder.stage import Stage

READ_ALOUD = {"CLAUDE_AX_SCREEN_READER": "1"}


def given(s: Claude, prompt: str, *replies: Reply) -> None:
    """Type a prompt at the line that waits for one."""
    s.script.on(prompt, *replies)
    s.terminal.type(prompt)
    s.terminal.settle()
    s.terminal.keys("Enter")
    s.terminal.wait(lambda: s.script.asked(prompt) > 0, f"the request of {prompt!r}", 10)


def at_rest(s: Claude) -> None:
    """Wait until nothing is asked of the model, and the client says that it is idle."""
    Stage.turn_over(s)


@scenario(
    "claude",
    "reader-prompt",
    "reader-busy",
    "reader-draft",
    "reader-after-answer",
    "reader-permission",
    "reader-question",
    own_start=True,
)
def read_aloud(s: Claude) -> None:
    s.configure()
    s.start(extra=READ_ALOUD)
    s.terminal.await_text("Screen Reader Mode: on.*manual mode on", 40)
    s.terminal.settle(1.5, 10)
    s.snap("reader-prompt", "prompt")
    given(s, "say a word", (Hold(), Say("A word, said.")))
    s.terminal.settle()
    s.snap("reader-busy", "running")
    s.script.release()
    s.terminal.await_text("A word, said.*done", 12)
    at_rest(s)
    s.snap("reader-after-answer", "prompt")
    s.terminal.type("a draft of somebody")
    s.terminal.settle()
    s.snap("reader-draft", "prompt", draft="a draft of somebody")
    s.terminal.keys("C-u")
    s.terminal.settle()
    given(s, "remove the cart", (bash("rm -rf ./cart"),), (Say("Gone."),))
    s.terminal.settle(2.0, 8)
    s.snap("reader-permission", "waiting_approval", dialog="permission")
    s.terminal.keys("Escape")
    at_rest(s)
    asked = {"questions": [question("Sum", "How should I add up?")]}
    given(s, "ask me about sums", (Call("AskUserQuestion", asked),), (Say("Asked."),))
    s.terminal.settle(2.0, 8)
    s.snap("reader-question", "waiting_approval", dialog="question")
    s.terminal.keys("Escape")
    at_rest(s)
    s.terminal.kill_client()
