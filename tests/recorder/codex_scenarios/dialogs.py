"""Dialogs in a conversation: commands, patches, questions."""

from __future__ import annotations

from tests.recorder.codex import Codex
from tests.recorder.replies import Call, Say
from tests.recorder.scenario import scenario

ESCALATED = {
    "sandbox_permissions": "require_escalated",
    "justification": "It needs the network",
    "with_escalated_permissions": True,
}
APPROVAL = r"Would you like to (run|make)|Allow command|Yes, proceed"
LONG_PATCH = (
    "*** Begin Patch\n*** Add File: long.py\n" + "".join(f"+step_{n} = {n}\n" for n in range(70)) + "*** End Patch"
)
PATCH = "*** Begin Patch\n*** Add File: ../outside.txt\n+hello\n*** End Patch"


def escalated(command: str) -> Call:
    """A command that asks to run outside the sandbox."""
    return Call("shell", {"command": command, **ESCALATED})


@scenario("codex", "dialog-permission-bash", "prompt-after-reject", wide=True)
def permission(s: Codex) -> None:
    s.say("fetch the prices", (Say("I need the network."), escalated("touch ~/outside; ls ~")))
    s.dialog_stands(APPROVAL)
    s.not_run()
    s.snap("dialog-permission-bash", "waiting_approval", dialog="permission")
    s.terminal.keys("Escape")
    s.turn_over()
    s.snap("prompt-after-reject", "prompt")


@scenario("codex", "dialog-permission-long", wide=True)
def permission_long(s: Codex) -> None:
    script = "\n".join(f"touch ./made/{i} && rm ./made/{i}" for i in range(60))
    s.say("run the long script", (escalated(script),))
    s.dialog_stands(f"{APPROVAL}|touch ./made")
    s.not_run()
    s.snap("dialog-permission-long", "waiting_approval", dialog="permission")
    s.terminal.keys("Escape")
    s.turn_over()


@scenario("codex", "dialog-permission-patch", "dialog-permission-patch-long", wide=True)
def patch(s: Codex) -> None:
    for name, text in (
        ("dialog-permission-patch", PATCH),
        ("dialog-permission-patch-long", LONG_PATCH.replace("long.py", "../long.py")),
    ):
        s.say(f"write the file for {name}", (Call("apply_patch", {"patch": text}),))
        s.dialog_stands(r"Would you like to make|make the following edits|Yes, proceed")
        s.not_run()
        s.snap(name, "waiting_approval", dialog="permission")
        s.terminal.keys("Escape")
        s.turn_over()


@scenario("codex", "dialog-question")
def question(s: Codex) -> None:
    options = [{"label": "Keep the sum", "description": "As it is"}, {"label": "Use a loop", "description": "Clear"}]
    ask = {"id": "approach", "header": "Approach", "question": "Which approach should I take?", "options": options}
    s.type("/plan")
    s.terminal.keys_taken("Enter")
    s.terminal.settle()
    s.say("ask me what to do", (Call("request_user_input", {"questions": [ask]}),))
    s.terminal.await_text("Which approach should I take.*Use a loop", 6)
    s.terminal.settle()
    s.snap("dialog-question", "waiting_approval", dialog="question")
    s.terminal.kill_client()
