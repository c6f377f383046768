"""A real Claude Code that orchestrates for many turns: never asked for our own scripts, always for anything else."""

from __future__ import annotations

import pytest

from tests.e2e.front_door import AROUND_OTHERS, Way, session_in, turns_wanted
from tests.e2e.orchestrator import Orchestrator
from tests.waiting import wait_until

pytestmark = pytest.mark.real_client

TURNS = turns_wanted(6)
"""Of each long session; ``FLEET_SESSION_TURNS=50`` makes it a day."""

WAYS = {
    "skill, manual": Way("skill", "default"),
    "skill, acceptEdits": Way("skill", "acceptEdits"),
    "skill, auto": Way("skill", "auto"),
    "skill, auto that checks": Way("skill", "auto", checked=True),
    "skill, plan": Way("skill", "plan", settings=(("useAutoModeDuringPlan", False),)),
    "skill with rules, plan that checks": Way("skill", "plan", rules=True),
    "plugin, manual": Way("plugin", "default"),
    "plugin, acceptEdits": Way("plugin", "acceptEdits"),
    "plugin, auto": Way("plugin", "auto"),
    "plugin, auto that checks": Way("plugin", "auto", checked=True),
    "plugin, plan": Way("plugin", "plan", settings=(("useAutoModeDuringPlan", False),)),
}
QUESTIONS = ("Do you want to proceed?", "Enter to stay in auto mode")
DENIED = "denied by the Claude Code auto mode classifier"


def test_a_session_is_asked_for_nothing_of_ours_and_for_all_else() -> None:
    with session_in(WAYS["skill, manual"], 5) as session:
        session.command("/orchestrate hello", "Hello.")
        hear_of_background(session)
        compact(session)
        assert len(session.command("work 3", "Worked 3.")) == 3
        for at in (0, 2):
            asked(session, at)


@pytest.mark.stress
@pytest.mark.parametrize("install", ["skill", "plugin"])
def test_what_needs_a_decision_reaches_the_session_by_itself(install: str) -> None:
    with session_in(Way(install, "default"), 0) as session:
        session.command("/orchestrate hello", "Hello.")
        session.crew.spawn("feat/asks", "Ask. [[ask Which colour?|Blue|Green]]")
        wait_until(lambda: "Monitor event" in session.screen(), 40, session.screen)
        assert "Which colour?" in session.screen()


@pytest.mark.stress
@pytest.mark.parametrize("name", WAYS)
def test_a_long_session_is_never_asked_for_our_own_scripts(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    way = WAYS[name]
    with session_in(way, TURNS) as session:
        session.command("/orchestrate hello", "Hello.")
        for turn in range(TURNS):
            if turn == TURNS // 3:
                compact(session)
            if turn == 2 * TURNS // 3:
                session.resume("--permission-mode", way.mode)
                if way.install == "skill":
                    session.command("/orchestrate hello", "Hello.")
            session.command(f"work {turn}", f"Worked {turn}.")
            if turn % 5 == 2:
                hear_of_background(session)
        lines, turns = session.shell_commands(), len(session.said())
        assert len(lines) >= 3 * TURNS
        assert "Auto mode can't check actions" not in session.notices(), "one went to the safety check"
        assert not [text for text in session.printed() if DENIED in text], "one was denied by the safety check"
        others = range(min(len(AROUND_OTHERS), max(4, TURNS // 2)))
        for at in others:
            held_back(session, at) if way.checked else asked(session, at)
        assert session.times_said("It ran.") == sum(DENIED in text for text in session.printed())
    with capsys.disabled():
        calls = sum(line.count("scripts/") for line in lines)
        print(f"\n{name}: {turns} turns, {calls} calls of ours, none asked for; {len(others)} of others, all held back")


def hear_of_background(session: Orchestrator) -> None:
    """Have a command end in the background, and its turn with more calls."""
    heard = session.times_said("Heard of it.")
    session.type("later")
    session.until_said("Heard of it.", heard)


def compact(session: Orchestrator) -> None:
    """Have the conversation compacted."""
    session.type("/compact")
    wait_until(lambda: "Compacted" in session.screen(), 60, session.screen)


def held_back(session: Orchestrator, at: int) -> None:
    """The line is denied by the check; after several of them in a row the client asks, and is refused."""
    ended = session.times_said("It ran.")
    session.type(f"foreign {at}")
    wait_until(
        lambda: session.times_said("It ran.") > ended or any(words in session.screen() for words in QUESTIONS),
        40,
        lambda: AROUND_OTHERS[at] + session.screen(),
    )
    if session.times_said("It ran.") == ended:
        session.wait_for("waiting_approval")
        session.crew.stage.tmux("send-keys", "-t", session.pane, "Escape")
    session.wait_for("prompt")


def asked(session: Orchestrator, at: int) -> None:
    """The line is asked for, and refused."""
    session.type(f"foreign {at}")
    wait_until(
        lambda: any(words in session.screen() for words in QUESTIONS), 40, lambda: AROUND_OTHERS[at] + session.screen()
    )
    answer = session.wait_for("waiting_approval")
    assert answer["dialog"] in ("permission", "unchecked"), AROUND_OTHERS[at]
    session.crew.stage.tmux("send-keys", "-t", session.pane, "Escape")
    session.wait_for("prompt")
