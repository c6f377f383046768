"""What runs beside or inside a turn: background shells, sub-agents, compaction."""

from __future__ import annotations

from tests.recorder.claude import Claude
from tests.recorder.claude_scenarios.talk import allow
from tests.recorder.model_claude import COMPACT_KEY
from tests.recorder.replies import Call, Hold, Say
from tests.recorder.scenario import scenario


@scenario("claude", "prompt-background-shell", "prompt-background-shell-later", "menu-background", "busy-beside-shell")
def background_shell(s: Claude) -> None:
    call = Call("Bash", {"command": "sleep 66", "description": "Serve the shop", "run_in_background": True})
    s.say("serve the shop in the background", (call,), (Say("It is being served."),))
    allow(s)
    s.answered("It is being served")
    s.terminal.wait(lambda: s.running("sleep 66"), "the background command", 5)
    s.snap("prompt-background-shell", "prompt", background=True)
    s.say("how is it going", (Hold(), Say("It goes well.")))
    s.taken("how is it going")
    s.snap("busy-beside-shell", "running")
    s.script.release()
    s.answered("It goes well")
    if s.running("sleep 66"):
        s.snap("prompt-background-shell-later", "prompt", background=True)
    s.type("/tasks" if s.tasks_command() else "/bashes")
    s.terminal.keys("Enter")
    s.terminal.await_text(r"Background tasks|Background|Shell details|sleep 66", 5)
    s.terminal.settle()
    look = s.take()
    if not s.at_prompt():
        s.write("menu-background", look, state="waiting_approval", dialog="menu")
    s.terminal.kill_client()


@scenario("claude", "busy-subagent", "busy-subagents")
def subagents(s: Claude) -> None:
    for name, count in (("busy-subagent", 1), ("busy-subagents", 3)):
        keys = [f"look through part {number} of {name}" for number in range(count)]
        for key in keys:
            s.script.on(key, (Hold(), Say("Nothing found in this part.")))
        calls = tuple(
            Call("Task", {"description": f"Look through {n}", "prompt": key, "subagent_type": "general-purpose"})
            for n, key in enumerate(keys)
        )
        s.say(
            f"let {count} agents look for it in {name}", (Say("I ask around."), *calls), (Say("They found nothing."),)
        )
        _all_asked(s, keys)
        s.terminal.settle(seconds=2.5)
        if s.script.in_flight:
            s.snap(name, "running")
        s.script.release()
        s.turn_over()
        s.terminal.settle(1.0)
        s.turn_over()


def _all_asked(s: Claude, keys: list[str]) -> None:
    s.terminal.wait(lambda: all(s.script.asked(key) for key in keys), "the agents' requests", 10)


@scenario("claude", "busy-background-agents", "prompt-background-agent")
def awaited_agents(s: Claude) -> None:
    key = "look through all the shelves"
    s.script.on(key, (Hold(), Say("Nothing on the shelves.")))
    task = {
        "description": "Look at shelves",
        "prompt": key,
        "subagent_type": "general-purpose",
        "run_in_background": True,
    }
    s.say("let one look in the background", (Call("Task", task),), (Say("I wait for what it finds."),))
    s.terminal.wait(lambda: s.script.asked(key) > 0, "the agent's request", 10)
    s.terminal.await_text("I wait for what it finds", 8)
    s.terminal.comes(lambda: s.terminal.shows(r"Waiting for \d"), 1.5)
    if s.script.in_flight == 1 and s.terminal.shows(r"Waiting for \d"):
        s.snap("busy-background-agents", "running")
    elif s.script.in_flight == 1:  # older releases do not wait: the turn is over
        s.snap("prompt-background-agent", "prompt", background=True)
    s.script.release()
    s.terminal.settle(1.0)
    s.turn_over()


@scenario("claude", "busy-compacting", "prompt-after-compact")
def compacting(s: Claude) -> None:
    s.say("tell me something to keep", (Say("Keep the basket in mind."),))
    s.answered("Keep the basket in mind")
    s.script.on(COMPACT_KEY, (Hold(), Say("<summary>\nThe basket is to be kept in mind.\n</summary>")))
    s.type("/compact")
    s.terminal.keys("Enter")
    s.terminal.wait(lambda: s.script.asked(COMPACT_KEY) > 0, "the request for a summary", 8)
    s.terminal.settle(seconds=1.5)
    s.snap("busy-compacting", "running")
    s.script.release()
    s.terminal.await_text(r"[Cc]ompacted|Conversation compacted|ctrl\+o", 10)
    s.turn_over()
    s.snap("prompt-after-compact", "prompt")


@scenario("claude", "dialog-background-exit", own_start=True)
def asked_at_the_exit(s: Claude) -> None:
    s.restart()
    call = Call("Bash", {"command": "sleep 66", "description": "Serve the shop", "run_in_background": True})
    s.say("serve the shop until I leave", (call,), (Say("It is being served."),))
    allow(s)
    s.answered("It is being served")
    s.terminal.wait(lambda: s.running("sleep 66"), "the background command", 5)
    s.terminal.keys_taken("C-c")
    s.terminal.keys("C-c")
    s.terminal.await_text("Background work is running", 8)
    s.terminal.settle()
    s.write("dialog-background-exit", s.take(), state="waiting_approval", dialog="exit")
    s.terminal.kill_client()
