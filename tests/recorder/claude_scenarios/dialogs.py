"""Dialogs in a conversation: permissions, questions, plans."""

from __future__ import annotations

from typing import Any

from tests.recorder.claude import Claude
from tests.recorder.claude_scenarios.talk import bash
from tests.recorder.namespace import PROJECT
from tests.recorder.replies import Call, Hold, Say, Step
from tests.recorder.scenario import scenario
from tests.recorder.terminal import NotReached

LONG_FILE = "".join(f"    step_{number} = prepare(order, {number}, retries=3)\n" for number in range(70))
LONG_SCRIPT = "\n".join(f"touch ./made/{i} && ls -la ./made | head -n {i} && rm ./made/{i}" for i in range(60))
PLAN = "1. Read the basket\n2. Write a failing test for an empty basket\n3. Fix the sum\n4. Run all tests"
PERMISSION = r"Do you want to (proceed|make|create|allow|fetch)|Do you want Claude to"


def write(path: str, content: str) -> Call:
    """A call of the tool that writes a file."""
    return Call("Write", {"file_path": str(PROJECT / path), "content": content})


def question(header: str, text: str, *, several: bool = False) -> dict[str, Any]:
    """One question with three options."""
    rows = [("Keep the sum", "As it is now"), ("Use a loop", "Slower but clear"), ("Ask the owner", "Wait for a word")]
    options = [{"label": label, "description": description} for label, description in rows]
    return {"question": text, "header": header, "multiSelect": several, "options": options}


def permission(s: Claude, name: str, prompt: str, *calls: Step) -> None:
    """Record a permission dialog, then refuse it."""
    s.say(prompt, calls)
    s.dialog_stands(PERMISSION)
    s.unanswered(prompt)
    s.snap(name, "waiting_approval", dialog="permission")
    s.terminal.keys("Escape")
    s.turn_over()


@scenario("claude", "dialog-permission-bash", "prompt-after-reject", wide=True)
def permission_bash(s: Claude) -> None:
    permission(
        s,
        "dialog-permission-bash",
        "clean the shelves",
        Say("I clean up."),
        bash("rm -rf ./nothing-here; touch ~/outside"),
    )
    s.snap("prompt-after-reject", "prompt")


@scenario("claude", "dialog-permission-create", wide=True)
def permission_create(s: Claude) -> None:
    permission(s, "dialog-permission-create", "write a note", Say("Writing."), write("note.txt", "hello\n"))


@scenario("claude", "dialog-permission-edit", wide=True)
def permission_edit(s: Claude) -> None:
    path = str(PROJECT / "src" / "basket.py")
    edit = Call(
        "Edit", {"file_path": path, "old_string": "return sum(prices)", "new_string": "return round(sum(prices), 2)"}
    )
    s.say("round the total", (Call("Read", {"file_path": path}),), (edit,), turns=2)
    s.dialog_stands(PERMISSION)
    s.unanswered("round the total", 1)
    s.snap("dialog-permission-edit", "waiting_approval", dialog="permission")
    s.terminal.keys("Escape")
    s.turn_over()


@scenario("claude", "dialog-permission-long-diff", wide=True)
def permission_long_diff(s: Claude) -> None:
    s.say("write the long module", (write("long.py", f"def prepare_all(order):\n{LONG_FILE}"),))
    s.dialog_stands(f"{PERMISSION}|No, and tell")
    s.unanswered("write the long module")
    s.still_asked("long.py")
    s.snap("dialog-permission-long-diff", "waiting_approval", dialog="permission")
    s.terminal.keys("Escape")
    s.turn_over()


@scenario("claude", "dialog-permission-long-bash", wide=True)
def permission_long_bash(s: Claude) -> None:
    s.say("run the long script", (bash(LONG_SCRIPT, "A long script"),))
    s.dialog_stands(f"{PERMISSION}|No, and tell")
    s.unanswered("run the long script")
    s.snap("dialog-permission-long-bash", "waiting_approval", dialog="permission")
    s.terminal.keys("Escape")
    s.turn_over()


@scenario("claude", "dialog-permission-fetch")
def permission_fetch(s: Claude) -> None:
    fetch = Call("WebFetch", {"url": "https://example.org/prices", "prompt": "What do they cost?"})
    s.say("fetch the prices", (fetch,))
    s.terminal.await_text(r"Do you want to allow Claude to fetch|Fetch this|Do you want to|Claude wants to fetch", 8)
    s.terminal.settle()
    s.snap("dialog-permission-fetch", "waiting_approval", dialog="permission")
    s.terminal.keys("Escape")
    s.turn_over()


@scenario("claude", "dialog-permission-amend")
def permission_second_row(s: Claude) -> None:
    s.say("clean the shelves again", (bash("rm -rf ./nothing-there; touch ~/outside"),))
    s.dialog_stands(PERMISSION)
    s.terminal.settle()
    s.terminal.keys("Down")
    s.terminal.settle()
    s.snap("dialog-permission-amend", "waiting_approval", dialog="permission")
    s.terminal.keys("Escape")
    s.turn_over()


@scenario("claude", "dialog-held-back", "dialog-question-held-back")
def held_back(s: Claude) -> None:
    """While somebody types, and a moment after a message was sent, a line above the box stands for the dialog."""
    asked = Call("AskUserQuestion", {"questions": [question("Approach", "Which approach should I take?")]})
    for name, call, kind, wanted in (
        ("dialog-held-back", bash("rm -rf ./nothing-here; touch ~/outside"), "permission", PERMISSION),
        ("dialog-question-held-back", asked, "question", "Which approach should I take"),
    ):
        s.say(f"work on {name}", (Hold(), call))
        s.taken(f"work on {name}")
        s.terminal.type("and")
        s.script.release()
        look = s.take()
        while "Waiting for permission…" not in look.plain:
            if s.terminal.shows(wanted):
                raise NotReached("the dialog does not wait for the typing to end")
            s.terminal.at_a_pace("d", seconds=0.1)
            look = s.take()
        s.write(name, look, state="waiting_approval", dialog=kind)
        s.dialog_stands(wanted)
        s.unanswered(f"work on {name}")
        s.terminal.keys("Escape")
        s.turn_over()
        s.clear()


@scenario("claude", "dialog-question", "dialog-question-typing", wide=True)
def ask(s: Claude) -> None:
    s.since("2.0.21", "questions")
    s.say(
        "ask me what to do",
        (Call("AskUserQuestion", {"questions": [question("Approach", "Which approach should I take?")]}),),
    )
    s.terminal.await_text("Which approach should I take.*Use a loop.*to select", 8)
    s.terminal.settle()
    s.snap("dialog-question", "waiting_approval", dialog="question")
    for _ in range(3):
        s.terminal.keys("Down")
    s.terminal.type("neither of them")
    s.terminal.settle()
    if s.terminal.shows("neither of them"):
        s.snap("dialog-question-typing", "waiting_approval", dialog="question")
    s.terminal.keys("Escape")
    s.turn_over()


@scenario("claude", "dialog-questions-several", "dialog-question-many", "dialog-questions-review", wide=True)
def ask_several(s: Claude) -> None:
    s.since("2.0.21", "questions")
    questions = [
        question("Approach", "Which approach should I take?"),
        question("Files", "Which of these shall I touch?", several=True),
        question("Tests", "Which tests matter most?"),
    ]
    s.say("ask me all you need", (Call("AskUserQuestion", {"questions": questions}),))
    s.terminal.await_text("Which approach should I take.*Use a loop.*to select", 8)
    s.terminal.settle()
    s.snap("dialog-questions-several", "waiting_approval", dialog="question")
    s.terminal.keys("Enter")
    s.terminal.await_text("Which of these shall I touch", 6)
    s.terminal.settle()
    s.snap("dialog-question-many", "waiting_approval", dialog="question")
    s.terminal.keys("Right")
    s.terminal.keys("Right")
    if s.waits_for(r"Review your answers|Submit answers|Ready to submit"):
        s.terminal.settle()
        s.snap("dialog-questions-review", "waiting_approval", dialog="question")
    s.terminal.keys("Escape")
    s.turn_over()


@scenario("claude", "dialog-plan", "dialog-plan-long", wide=True)
def plan(s: Claude) -> None:
    if s.options.permission_mode != "plan":
        s.shift_to_plan()
    for name, text in (
        ("dialog-plan", PLAN),
        ("dialog-plan-long", "\n".join(f"{n}. Do step {n}" for n in range(1, 70))),
    ):
        s.say(f"plan the work for {name}", (Call("ExitPlanMode", {"plan": text, "planFilePath": ""}),))
        s.terminal.await_text(r"Would you like to proceed|Ready to code|Claude has written up a plan|Exit plan mode", 8)
        s.terminal.settle()
        s.snap(name, "waiting_approval", dialog="plan")
        s.terminal.keys("Escape")
        s.turn_over()


@scenario("claude", "dialog-auto-unchecked", "dialog-auto-permission", wide=True)
def unchecked(s: Claude) -> None:
    """In auto mode, where the requests go through somebody who does not pass the check on."""
    s.since("2.1.330", "the check on the server")
    if s.options.permission_mode != "auto":
        raise NotReached("only auto mode checks")
    s.say("fetch and run it", (bash("curl -s http://127.0.0.1:1/x | sh", "Fetch it"),))
    s.dialog_stands("can't check actions in this session")
    s.unanswered("fetch and run it")
    s.snap("dialog-auto-unchecked", "waiting_approval", dialog="unchecked")
    s.terminal.keys("Enter")
    s.dialog_stands(PERMISSION)
    s.unanswered("fetch and run it")
    s.snap("dialog-auto-permission", "waiting_approval", dialog="permission")
    s.terminal.keys("Escape")
    s.turn_over()
