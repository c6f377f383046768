"""Menus, pickers and views that stand before the composer."""

from __future__ import annotations

from tests.recorder.codex import Codex
from tests.recorder.replies import Say
from tests.recorder.scenario import scenario
from tests.recorder.terminal import NotReached

MENUS = {
    "menu-model": ("/model", "menu", r"Select Model|Select Reasoning|Choose"),
    "menu-approvals": ("/permissions", "menu", r"Update Model Permissions|Approval|Permissions"),
    "menu-approvals-old": ("/approvals", "menu", r"Select Approval Mode|Approval|Permissions"),
    "menu-review": ("/review", "menu", r"Select a review preset|Review"),
    "menu-resume": ("/resume", "picker", r"Resume a previous session"),
    "menu-experimental": ("/experimental", "menu", r"Experimental|feature"),
    "menu-theme": ("/theme", "menu", r"Theme|theme"),
    "menu-statusline": ("/statusline", "menu", r"Status Line|status line"),
    "menu-personality": ("/personality", "menu", r"Personality|personality"),
    "menu-skills": ("/skills", "menu", r"Skills|skills"),
    "menu-agent": ("/agent", "menu", r"[Aa]gent"),
    "view-diff": ("/diff", "view", r"D I F F|diff"),
}


def _one(name: str) -> None:
    @scenario("codex", name, wide=name in ("menu-model", "menu-resume"))
    def menu(s: Codex) -> None:
        command, kind, wanted = MENUS[name]
        s.type(command)
        s.terminal.keys_taken("Enter")
        s.terminal.settle()
        s.terminal.await_text(wanted, 5)
        s.terminal.settle()
        look = s.take()
        if s.terminal.shows(r"Unrecognized command|disabled while") or s.at_prompt():
            raise NotReached(f"{command} leaves the composer where it is")
        s.write(name, look, state="waiting_approval", dialog=kind)
        s.terminal.keys_taken("Escape")
        s.terminal.keys("q" if kind == "view" else "Escape")


for _name in MENUS:
    _one(_name)


@scenario("codex", "view-transcript", wide=True)
def transcript(s: Codex) -> None:
    s.say("tell me a short thing", (Say("A short thing, told."),))
    s.answered("A short thing, told")
    s.terminal.keys("C-t")
    s.terminal.await_text(r"T R A N S C R I P T|q to (quit|close)", 5)
    s.terminal.settle()
    s.snap("view-transcript", "waiting_approval", dialog="view")
    s.terminal.keys("q")
