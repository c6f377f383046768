"""Menus, pickers and full-screen views that stand before the input box and swallow what is typed."""

from __future__ import annotations

from tests.recorder.claude import BOX_STANDING, Claude
from tests.recorder.replies import Say
from tests.recorder.scenario import scenario
from tests.recorder.terminal import NotReached

MENUS = {
    "menu-model": ("/model", "menu", r"Select model|Switch between"),
    "menu-config": ("/config", "menu", r"Auto-compact|Configure|Config"),
    "menu-agents": ("/agents", "menu", r"Agents|Create new agent|agents"),
    "menu-help": ("/help", "menu", r"Claude Code v?\d.*(general|help|Usage)|Shortcuts|For more help"),
    "menu-permissions": ("/permissions", "menu", r"Permissions|Allow.*Ask.*Deny"),
    "menu-status": ("/status", "menu", r"Session ID|Version:|cwd"),
    "menu-hooks": ("/hooks", "menu", r"PreToolUse|Hook"),
    "menu-memory": ("/memory", "menu", r"memory|Memory"),
    "menu-theme": ("/theme", "menu", r"Dark mode"),
    "menu-usage": ("/usage", "menu", r"[Uu]sage"),
    "menu-export": ("/export", "menu", r"Export|Copy to clipboard"),
    "menu-resume": ("/resume", "picker", r"Resume|Modified|messages|ago"),
    "menu-rewind": ("/rewind", "picker", r"Rewind|Restore|\(current\)"),
    "menu-tasks": ("/tasks", "menu", r"[Bb]ackground|tasks"),
    "menu-plugin": ("/plugin", "menu", r"Plugins|marketplace"),
    "menu-effort": ("/effort", "menu", r"[Ee]ffort"),
    "menu-output-style": ("/output-style", "menu", r"output style"),
    "menu-diff": ("/diff", "view", r"diff|changes"),
    "menu-stats": ("/stats", "menu", r"Overview|Stats|stats"),
    "menu-feedback": ("/feedback", "menu", r"Feedback|feedback|Submit"),
    "menu-skills": ("/skills", "menu", r"Skills|skills"),
}


def record_menu(s: Claude, name: str) -> None:
    """Open one menu by its command; what opens is one only when the input box is gone."""
    command, kind, wanted = MENUS[name]
    s.type(command)
    s.terminal.keys_taken("Enter")
    s.terminal.settle()
    s.terminal.await_text(wanted, 5)
    s.terminal.settle()
    if s.terminal.command() == "bash" or s.terminal.shows(r"Unknown (slash )?command|Unknown skill"):
        raise NotReached(f"{command} is not in this release")
    look = s.take()
    if BOX_STANDING.search(look.plain):
        s.terminal.comes(lambda: not BOX_STANDING.search(s.terminal.screen()), 1.0)
        look = s.take()
    if BOX_STANDING.search(look.plain) or s.at_prompt():
        raise NotReached(f"{command} leaves the input box where it is")
    s.write(name, look, state="waiting_approval", dialog=kind)


WIDE = ("menu-model", "menu-config", "menu-resume", "menu-permissions")


def _one(name: str) -> None:
    @scenario("claude", name, wide=name in WIDE)
    def menu(s: Claude) -> None:
        try:
            record_menu(s, name)
        finally:
            s.terminal.at_a_pace("Escape", "Escape", "Escape", seconds=0.25)
        s.ready()


@scenario("claude", "view-transcript", "view-transcript-long", wide=True)
def transcript(s: Claude) -> None:
    s.say("tell me a short thing", (Say("A short thing, told."),))
    s.answered("A short thing, told")
    for name in ("view-transcript", "view-transcript-long"):
        if name.endswith("long"):
            s.say("tell me a long thing", (Say("\n".join(f"line {n} of many" for n in range(100))),))
            s.answered("line 99 of many")
        s.terminal.keys("C-o")
        if not s.waits_for(r"[Dd]etailed transcript|to toggle|transcript"):
            s.terminal.keys("C-r")
            s.terminal.await_text(r"[Dd]etailed transcript|transcript", 3)
        s.terminal.settle()
        s.snap(name, "waiting_approval", dialog="view")
        s.terminal.keys_taken("C-o")
        s.ready()


@scenario("claude", "menu-mcp", own_start=True)
def mcp_menu(s: Claude) -> None:
    s.configure(servers={"store": {"type": "stdio", "command": "cat", "args": []}})
    s.restart()
    s.configure()
    s.type("/mcp")
    s.terminal.keys("Enter")
    s.terminal.await_text(r"MCP servers|Manage MCP|MCP Server", 8)
    s.terminal.settle()
    look = s.take()
    if BOX_STANDING.search(look.plain):
        raise NotReached("/mcp leaves the input box where it is")
    s.write("menu-mcp", look, state="waiting_approval", dialog="menu")
    s.terminal.kill_client()


@scenario("claude", "menu-rewind-escape")
def rewind_by_escape(s: Claude) -> None:
    s.say("something to go back to", (Say("Here you are."),))
    s.answered("Here you are")
    s.terminal.at_a_pace("Escape", "Escape", seconds=0.15)
    s.terminal.await_text(r"Rewind|Jump to a previous|Restore|fork the conversation", 5)
    s.terminal.settle()
    s.snap("menu-rewind-escape", "waiting_approval", dialog="picker")
    s.terminal.keys("Escape")


@scenario("claude", "menu-history")
def history_search(s: Claude) -> None:
    s.terminal.keys("C-r")
    s.terminal.await_text(r"[Ss]earch (prompts|history|prompt)|bck-i-search|search prompts", 4)
    s.terminal.settle()
    s.snap("menu-history", "waiting_approval", dialog="menu")
    s.terminal.keys("Escape")


for _name in MENUS:
    _one(_name)
