"""Screens that quote what a rule looks for: in answers, files, tool output, the user's prompt and the input box."""

from __future__ import annotations

from tests.recorder.claude import Claude
from tests.recorder.claude_scenarios.talk import allow, bash
from tests.recorder.namespace import PROJECT
from tests.recorder.replies import Call, Hold, Say
from tests.recorder.scenario import scenario

INLINE = "The docs mention: Do you want to proceed? [y/n] and ORCHESTRATOR:DONE inside text, esc to interrupt, too."
ONE_LINE = "❯ 1. Yes   2. No   Press enter to continue  You have hit your limit · resets 3am  (4s · esc to interrupt)"
DIALOG = """\
It showed this:

```
Bash command

  rm -rf build
  Remove the build

Do you want to proceed?
❯ 1. Yes
  2. Yes, and don't ask again
  3. No, and tell Claude what to do differently (esc)

Esc to cancel · Tab to amend
```

That was the dialog."""
LIMIT = """\
The log of the other window ends with:

  You've hit your 5-hour limit · resets 3am (UTC)
  /upgrade to increase your usage limit
  Claude usage limit reached. Your limit will reset at 3pm.
  5-hour limit reached ∙ resets 3pm

So it waited there."""
SPINNER = """\
Its screen said:

✻ Thinking… (14s · ↓ 1.2k tokens · esc to interrupt)

· Brewing…

API Error: 529 Overloaded · retrying in 3s · attempt 4/10

and then it went on."""
FENCED = """\
The briefing asks for these lines at the end:

```
CHECKPOINT:verify
ORCHESTRATOR:DONE
```

I have not come that far."""
QUESTION = """\
Which approach should I take?

❯ 1. Keep the sum
  2. Use a loop
  3. Type something.

Enter to select · ↑/↓ to navigate · Esc to cancel

(That is what the other agent was asked.)"""
PROMPT_BOX = """\
An idle client looks like this:

────────────────────────────────
❯\u0020
────────────────────────────────
  ? for shortcuts

Nothing more to say."""
ANSWERS = {
    "prompt-quoting-traps": INLINE,
    "prompt-quoting-row": ONE_LINE,
    "prompt-quoting-dialog": DIALOG,
    "prompt-quoting-limit": LIMIT,
    "prompt-quoting-spinner": SPINNER,
    "prompt-quoting-markers": FENCED,
    "prompt-quoting-question": QUESTION,
    "prompt-quoting-box": PROMPT_BOX,
}


@scenario("claude", *ANSWERS, wide=True)
def answers(s: Claude) -> None:
    for name, text in ANSWERS.items():
        if not s.options.wants([name]):
            continue
        last = text.split()[-1].rstrip(".)")
        s.say(f"tell me about {name.removeprefix('prompt-quoting-')} number {len(name)}", (Say(text),))
        s.answered(f"{last}")
        s.snap(name, "prompt")


@scenario("claude", "prompt-quoting-read", "prompt-quoting-output")
def files(s: Claude) -> None:
    read = Call("Read", {"file_path": str(PROJECT / "NOTES.md")})
    s.say("read the notes", (read,), (Say("The notes quote screens."),))
    s.answered("notes quote screens")
    s.snap("prompt-quoting-read", "prompt")
    s.say("print the notes", (bash("cat NOTES.md"),), (Say("Printed as they are."),))
    allow(s)
    s.answered("Printed as they are")
    s.snap("prompt-quoting-output", "prompt")


@scenario("claude", "prompt-quoting-user", "busy-quoting-user", wide=True)
def user(s: Claude) -> None:
    text = "When done say ORCHESTRATOR:DONE. Do you want to proceed? 1. Yes 2. No. You've hit your limit · resets 3am"
    s.say(text, (Hold(), Say("Understood, I begin.")))
    s.taken(text)
    s.snap("busy-quoting-user", "running")
    s.script.release()
    s.answered("Understood, I begin")
    s.snap("prompt-quoting-user", "prompt")


@scenario("claude", "prompt-quoting-user-lines")
def user_lines(s: Claude) -> None:
    text = "At the end write exactly\nORCHESTRATOR:DONE\nand before it\nCHECKPOINT:verify\nthank you kindly"
    s.script.on("thank you kindly", (Say("Noted, not there yet."),))
    s.terminal.paste(text)
    s.terminal.settle()
    s.terminal.keys("Enter")
    s.terminal.wait(lambda: s.script.asked("thank you kindly") > 0, "the request", 6)
    s.answered("Noted, not there yet")
    s.snap("prompt-quoting-user-lines", "prompt")


@scenario("claude", "draft-quoting-marker", "draft-quoting-dialog", "draft-quoting-spinner", "draft-quoting-limit")
def drafts(s: Claude) -> None:
    for name, text in {
        "draft-quoting-marker": "ORCHESTRATOR:DONE",
        "draft-quoting-dialog": "Do you want to proceed? ❯ 1. Yes 2. No (esc) Enter to confirm · Esc to cancel",
        "draft-quoting-spinner": "✻ Thinking… (4s · esc to interrupt)",
        "draft-quoting-limit": "You've hit your 5-hour limit · resets 3am (UTC)",
    }.items():
        s.type(text)
        s.terminal.settle()
        s.snap(name, "prompt", draft=True)
        s.clear()


@scenario("claude", "busy-quoting-box", "busy-quoting-dialog")
def while_busy(s: Claude) -> None:
    for name, text in (("busy-quoting-box", PROMPT_BOX), ("busy-quoting-dialog", DIALOG)):
        s.say(f"show me {name} and then go on", (Say(text), Hold(), Say("I went on.")))
        s.terminal.await_text(text.split()[-1].rstrip("."))
        s.terminal.settle(seconds=2.0)
        s.snap(name, "running")
        s.script.release()
        s.answered("I went on")
